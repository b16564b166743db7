//! Looking after accounts.

use std::sync::Arc;

use lionrocket_app::{
    admin::{AdminError, AdminPorts, AdminService, Administrator},
    usage::{UsageError, UsageService},
};
use lionrocket_domain::{
    account::User,
    audit::{AuditRecord, Origin},
    budget::DailyBudgets,
    calendar::{Day, StatsZone},
    chat::BranchMessage,
    ids::{ChatId, UserId},
    page::{Page, PageSize},
    text::AuditReason,
};
use lionrocket_ports::{
    StoreError,
    admin::{
        Account, AccountChange, AccountFilter, AccountOutcome, AccountTotals, MockAdminRepository,
    },
    audit::MockAuditLog,
    chats::{ChatFilter, MockChatRepository},
    events::{MockEventBus, ServiceEvent},
    usage::MockUsageRepository,
};
use mockall::Sequence;

use crate::support::{FixedClock, actor, hours, now, user};

/// The ports, on which nothing may be called that a test does not expect.
#[derive(Default)]
struct Mocks {
    accounts: MockAdminRepository,
    audit: MockAuditLog,
    chats: MockChatRepository,
    events: MockEventBus,
    usage: MockUsageRepository,
}

impl Mocks {
    fn service(self) -> AdminService {
        let clock = Arc::new(FixedClock);
        let zone = StatsZone::parse("Asia/Seoul").unwrap();
        let usage = UsageService::new(
            Arc::new(self.usage),
            clock.clone(),
            zone,
            DailyBudgets::default(),
        );
        let ports = AdminPorts {
            accounts: Arc::new(self.accounts),
            audit: Arc::new(self.audit),
            chats: Arc::new(self.chats),
            events: Arc::new(self.events),
            clock,
        };
        AdminService::new(ports, Arc::new(usage))
    }

    /// There is the account 2, which owns the chat 1.
    fn with_account(mut self) -> Self {
        self.accounts.expect_get().returning(|id| {
            let found = (id == person()).then(|| account(user(2, false)));
            Ok(found)
        });
        self.accounts.expect_owner_of().returning(|id| {
            let owner = (id == chat()).then(person);
            Ok(owner)
        });
        self
    }

    fn without_records(mut self) -> Self {
        self.audit
            .expect_record()
            .returning(|_, _| Err(StoreError::Unavailable("disk full".into())));
        self
    }

    fn recording(
        mut self,
        order: &mut Sequence,
        is_right: impl Fn(&AuditRecord) -> bool + Send + 'static,
    ) -> Self {
        self.audit
            .expect_record()
            .once()
            .in_sequence(order)
            .withf(move |record, moment| is_right(record) && *moment == now())
            .returning(|_, _| Ok(()));
        self
    }
}

fn person() -> UserId {
    UserId::from_stored(2)
}

fn chat() -> ChatId {
    ChatId::from_stored(1)
}

fn account(user: User) -> Account {
    Account {
        user,
        totals: AccountTotals::default(),
    }
}

fn admin() -> Administrator {
    Administrator::Person(actor(9, true), origin())
}

fn origin() -> Origin {
    Origin {
        request_id: Some("request-1".to_owned()),
        client_address: Some("203.0.113.7".to_owned()),
    }
}

fn reason() -> AuditReason {
    AuditReason::parse("a complaint").unwrap()
}

/// Whether a record says who, whose and from where, and this.
fn says(record: &AuditRecord, action: &str, target: &str, has_reason: bool) -> bool {
    record.action.as_str() == action
        && record.target.kind() == target
        && record.actor.map(UserId::get) == Some(9)
        && record.subject == Some(person())
        && record.origin == origin()
        && record.reason.is_some() == has_reason
}

fn filter() -> ChatFilter {
    ChatFilter {
        search: None,
        after: None,
        size: PageSize::default(),
    }
}

#[tokio::test]
async fn whoever_does_not_administer_the_service_is_refused_before_anything_is_asked() {
    let nobody = || Administrator::Person(actor(2, false), origin());
    let service = Mocks::default().service();
    let change = AccountChange::default();
    let size = PageSize::default();
    let days = (None, None);
    let answers = [
        service
            .accounts(nobody(), AccountFilter::default())
            .await
            .err(),
        service.account(nobody(), person()).await.err(),
        service.change(nobody(), person(), change, None).await.err(),
        service.delete(nobody(), person()).await.err(),
        service
            .chats(nobody(), person(), filter(), reason())
            .await
            .err(),
        service
            .messages(nobody(), chat(), None, size, reason())
            .await
            .err(),
        service.usage(nobody(), person(), days, None).await.err(),
    ];
    for error in answers {
        assert!(matches!(error, Some(AdminError::Forbidden)), "{error:?}");
    }
}

#[tokio::test]
async fn without_a_record_nothing_of_anybody_is_read() {
    // The mocks of chats and usage would panic if they were asked.
    let service = Mocks::default().with_account().without_records().service();
    let answers = [
        service.account(admin(), person()).await.err(),
        service
            .chats(admin(), person(), filter(), reason())
            .await
            .err(),
        service
            .messages(admin(), chat(), None, PageSize::default(), reason())
            .await
            .err(),
        service
            .usage(admin(), person(), (None, None), None)
            .await
            .err(),
    ];
    for error in answers {
        assert!(matches!(error, Some(AdminError::Store(_))), "{error:?}");
    }
}

#[tokio::test]
async fn messages_are_read_after_the_record_and_as_their_owner_sees_them() {
    let mut order = Sequence::new();
    let mut mocks = Mocks::default()
        .with_account()
        .recording(&mut order, |record| {
            says(record, "messages.read", "chat", true)
        });
    mocks
        .chats
        .expect_messages()
        .once()
        .in_sequence(&mut order)
        .withf(|owner, id, before, _| (*owner, *id, *before) == (person(), chat(), None))
        .returning(|_, _, _, _| {
            Ok(Some(Page {
                items: Vec::<BranchMessage>::new(),
                next: None,
            }))
        });
    let size = PageSize::default();
    let service = mocks.service();
    let page = service.messages(admin(), chat(), None, size, reason());
    assert!(page.await.is_ok());
}

#[tokio::test]
async fn chats_and_usage_are_read_after_the_record() {
    let mut order = Sequence::new();
    let mut mocks = Mocks::default()
        .with_account()
        .recording(&mut order, |record| {
            says(record, "chats.read", "user", true)
        });
    mocks
        .chats
        .expect_list()
        .once()
        .in_sequence(&mut order)
        .withf(|owner, _| *owner == person())
        .returning(|_, _| {
            Ok(Page {
                items: Vec::new(),
                next: None,
            })
        });
    let mut mocks = mocks.recording(&mut order, |record| {
        says(record, "usage.read", "user", false)
    });
    mocks
        .usage
        .expect_days()
        .once()
        .in_sequence(&mut order)
        .withf(|owner, _| *owner == person())
        .returning(|_, _| Ok(Vec::new()));
    let service = mocks.service();
    assert!(
        service
            .chats(admin(), person(), filter(), reason())
            .await
            .is_ok()
    );
    assert!(
        service
            .usage(admin(), person(), (None, None), None)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_recorded() {
    let service = Mocks::default().with_account().service();
    let (nobody, nothing) = (UserId::from_stored(77), ChatId::from_stored(77));
    let answers = [
        service.account(admin(), nobody).await.err(),
        service
            .chats(admin(), nobody, filter(), reason())
            .await
            .err(),
        service
            .messages(admin(), nothing, None, PageSize::default(), reason())
            .await
            .err(),
        service
            .usage(admin(), nobody, (None, None), None)
            .await
            .err(),
    ];
    for error in answers {
        assert!(matches!(error, Some(AdminError::NotFound)), "{error:?}");
    }
    let reversed = (Day::parse("2026-01-02"), Day::parse("2026-01-01"));
    let refused = service.usage(admin(), person(), reversed, None).await;
    assert!(matches!(
        refused,
        Err(AdminError::Usage(UsageError::RangeReversed))
    ));
}

#[tokio::test]
async fn a_change_is_told_to_the_rest_of_the_service_and_a_refusal_is_not() {
    for (outcome, is_told) in [
        (
            AccountOutcome::Changed(Box::new(account(user(2, false)))),
            true,
        ),
        (AccountOutcome::Stale, false),
        (AccountOutcome::NotFound, false),
        (AccountOutcome::LastAdministrator, false),
    ] {
        let mut mocks = Mocks::default();
        mocks
            .accounts
            .expect_change()
            .withf(|id, _, expected, by, moment| {
                *id == person()
                    && *expected == Some(3)
                    && by.actor.map(UserId::get) == Some(9)
                    && by.origin == origin()
                    && *moment == now()
            })
            .return_once(move |_, _, _, _, _| Ok(outcome));
        mocks
            .events
            .expect_publish()
            .times(usize::from(is_told))
            .withf(|event| *event == ServiceEvent::AccountChanged(person()))
            .return_const(());
        let change = AccountChange::default();
        let changed = mocks
            .service()
            .change(admin(), person(), change, Some(3))
            .await;
        assert_eq!(changed.is_ok(), is_told, "{changed:?}");
    }
}

#[tokio::test]
async fn a_deletion_tells_when_the_account_will_be_erased() {
    let mut mocks = Mocks::default();
    mocks
        .accounts
        .expect_begin_deletion()
        .return_once(|_, by, _| {
            assert_eq!((by.actor, by.origin), (None, Origin::default()));
            let deleted = User {
                deleted_at: Some(now()),
                ..user(2, false)
            };
            Ok(AccountOutcome::Changed(Box::new(account(deleted))))
        });
    mocks.events.expect_publish().once().return_const(());
    let erased_at = mocks
        .service()
        .delete(Administrator::Operator, person())
        .await;
    assert_eq!(erased_at.unwrap().erase_at, now() + hours(7 * 24));
}

#[tokio::test]
async fn an_account_is_found_however_its_name_is_written() {
    let mut mocks = Mocks::default();
    mocks
        .accounts
        .expect_id_of()
        .withf(|key| key == "haru")
        .returning(|_| Ok(Some(person())));
    assert_eq!(mocks.service().id_of(" ＨＡＲＵ ").await.unwrap(), person());
}
