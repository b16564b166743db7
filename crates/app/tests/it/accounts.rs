//! Making accounts and signing in to them.

use std::{sync::Arc, time::Duration};

use lionrocket_app::{
    accounts::{AccountError, AccountPorts, AccountService, NewAccount},
    sessions::Client,
};
use lionrocket_domain::{
    calendar::StatsZone,
    text::{EmailAddress, Password, Username},
};
use lionrocket_ports::{
    accounts::{AccountMaker, CreateUserOutcome, Credentials, MockUserRepository},
    admin::MockAdminRepository,
    crypto::{
        HashError, KnownDevice, MockDeviceTokens, MockLinkSecrets, MockPasswordHasher,
        MockPasswordPolicy, PasswordCheck, PolicyError, Weakness,
    },
    limits::{LimitDecision, MockRateLimiter},
};
use secrecy::SecretString;

use crate::{
    sessions::SessionMocks,
    support::{FixedClock, HeldTask, hours, now, user},
};

#[derive(Default)]
struct Mocks {
    users: MockUserRepository,
    hasher: MockPasswordHasher,
    policy: MockPasswordPolicy,
    devices: MockDeviceTokens,
    secrets: MockLinkSecrets,
    tasks: Arc<HeldTask>,
    sessions: SessionMocks,
    limits: Option<MockRateLimiter>,
}

/// A limiter that lets everything pass.
fn no_limits() -> MockRateLimiter {
    const ALLOWED: LimitDecision = LimitDecision::Allowed {
        left: 9,
        reset: Duration::ZERO,
    };
    let mut limits = MockRateLimiter::new();
    limits.expect_take().returning(|_, _| ALLOWED);
    limits.expect_peek().returning(|_, _| ALLOWED);
    limits.expect_refund().return_const(());
    limits.expect_clear().return_const(());
    limits
}

impl Mocks {
    fn service(self) -> AccountService {
        let ports = AccountPorts {
            users: Arc::new(self.users),
            admin: Arc::new(MockAdminRepository::new()),
            hasher: Arc::new(self.hasher),
            policy: Arc::new(self.policy),
            devices: Arc::new(self.devices),
            secrets: Arc::new(self.secrets),
            limits: Arc::new(self.limits.unwrap_or_else(no_limits)),
            spawner: self.tasks,
            clock: Arc::new(FixedClock),
        };
        AccountService::new(
            ports,
            Arc::new(self.sessions.service()),
            StatsZone::parse("Asia/Seoul").unwrap(),
        )
    }

    fn takes_any_password(mut self) -> Self {
        self.policy
            .expect_check()
            .withf(|_, context| context.username.is_some() && context.email.is_some())
            .once()
            .returning(|_, _| Ok(()));
        self
    }

    fn signs_in(mut self) -> Self {
        self.sessions = self.sessions.opens();
        self
    }

    fn knows(mut self, is_active: bool) -> Self {
        self.users.expect_credentials().returning(move |_| {
            let user = lionrocket_domain::account::User {
                is_active,
                ..user(1, false)
            };
            Ok(Some(Credentials {
                user,
                password_hash: Some(SecretString::from("hash")),
                failed_logins: 0,
            }))
        });
        self
    }

    fn checks(mut self, check: PasswordCheck) -> Self {
        self.hasher
            .expect_verify()
            .once()
            .returning(move |_, _| Ok(check));
        self
    }
}

fn account() -> NewAccount {
    NewAccount {
        username: Username::parse("haru").unwrap(),
        email: EmailAddress::parse("haru@example.com").unwrap(),
        password: Password::choose("a long password", 10).unwrap(),
    }
}

#[tokio::test]
async fn registering_never_makes_an_administrator_and_signs_in() {
    let mut mocks = Mocks::default().takes_any_password().signs_in();
    mocks
        .hasher
        .expect_hash()
        .returning(|_| Ok(SecretString::from("hash")));
    mocks
        .users
        .expect_create()
        .withf(|new| !new.is_admin)
        .returning(|_| Ok(CreateUserOutcome::Created(user(1, false))));
    let signed_in = mocks
        .service()
        .register(account(), None, Client::default())
        .await
        .unwrap();
    assert_eq!(
        (signed_in.user.id.get(), signed_in.expires_in),
        (1, hours(24))
    );
}

#[tokio::test]
async fn a_weak_password_is_neither_hashed_nor_stored() {
    let mut mocks = Mocks::default();
    mocks
        .policy
        .expect_check()
        .returning(|_, _| Err(PolicyError::Weak(Weakness::TooCommon)));
    assert!(matches!(
        mocks
            .service()
            .register(account(), None, Client::default())
            .await,
        Err(AccountError::WeakPassword(Weakness::TooCommon))
    ));
}

#[tokio::test]
async fn the_first_account_is_an_administrators_and_there_is_only_one() {
    let mut mocks = Mocks::default().takes_any_password();
    mocks
        .hasher
        .expect_hash()
        .returning(|_| Ok(SecretString::from("hash")));
    mocks
        .users
        .expect_create()
        .withf(|new| new.is_admin && matches!(new.made_by, AccountMaker::First(_)))
        .returning(|_| Ok(CreateUserOutcome::NotFirst));
    assert!(matches!(
        mocks.service().create_first(account()).await,
        Err(AccountError::NotFirst)
    ));
}

#[tokio::test]
async fn a_taken_name_opens_no_session() {
    let mut mocks = Mocks::default().takes_any_password();
    mocks
        .hasher
        .expect_hash()
        .returning(|_| Ok(SecretString::from("hash")));
    mocks
        .users
        .expect_create()
        .returning(|_| Ok(CreateUserOutcome::Taken));
    assert!(matches!(
        mocks
            .service()
            .register(account(), None, Client::default())
            .await,
        Err(AccountError::Taken)
    ));
}

#[tokio::test]
async fn a_login_is_looked_up_by_its_folded_key() {
    let mut mocks = Mocks::default().checks(PasswordCheck::Match).signs_in();
    mocks
        .users
        .expect_credentials()
        .withf(|key| key == "haru")
        .returning(|_| {
            Ok(Some(Credentials {
                user: user(1, false),
                password_hash: Some(SecretString::from("hash")),
                failed_logins: 0,
            }))
        });
    assert!(
        mocks
            .service()
            .login(" ＨＡＲＵ ", "a long password", Client::default())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_unknown_name_costs_a_password_check_too() {
    let mut mocks = Mocks::default();
    mocks.users.expect_credentials().returning(|_| Ok(None));
    mocks
        .hasher
        .expect_verify()
        .withf(|_, hash| hash.is_none())
        .once()
        .returning(|_, _| Ok(PasswordCheck::Mismatch));
    let refused = mocks
        .service()
        .login("nobody", "a long password", Client::default())
        .await;
    assert!(matches!(refused, Err(AccountError::InvalidCredentials)));
}

#[tokio::test]
async fn an_account_whose_pepper_is_missing_looks_like_an_unknown_name() {
    let mut mocks = Mocks::default();
    mocks.users.expect_credentials().returning(|_| {
        Ok(Some(Credentials {
            user: user(1, false),
            password_hash: Some(SecretString::from("pepper=lost$argon2id$")),
            failed_logins: 0,
        }))
    });
    mocks
        .hasher
        .expect_knows()
        .withf(|scheme| scheme == "pepper=lost")
        .return_const(false);
    // It costs a check, and nothing is counted against the account.
    mocks
        .hasher
        .expect_verify()
        .withf(|_, hash| hash.is_none())
        .once()
        .returning(|_, _| Ok(PasswordCheck::Mismatch));
    let refused = mocks
        .service()
        .login("haru", "a long password", Client::default())
        .await;
    assert!(matches!(refused, Err(AccountError::InvalidCredentials)));
}

#[tokio::test]
async fn a_password_that_no_account_can_have_is_checked_against_nothing() {
    for impossible in ["", "\0", &"x".repeat(10_000)] {
        let mut mocks = Mocks::default().knows(true);
        mocks
            .hasher
            .expect_verify()
            .withf(|_, hash| hash.is_none())
            .once()
            .returning(|_, _| Ok(PasswordCheck::Mismatch));
        let refused = mocks
            .service()
            .login("haru", impossible, Client::default())
            .await;
        assert!(matches!(refused, Err(AccountError::InvalidCredentials)));
    }
}

#[tokio::test]
async fn a_disabled_account_is_told_only_after_the_right_password() {
    let wrong = Mocks::default()
        .knows(false)
        .checks(PasswordCheck::Mismatch)
        .service()
        .login("haru", "x", Client::default())
        .await;
    assert!(matches!(wrong, Err(AccountError::InvalidCredentials)));
    let right = Mocks::default()
        .knows(false)
        .checks(PasswordCheck::Match)
        .service()
        .login("haru", "x", Client::default())
        .await;
    assert!(matches!(right, Err(AccountError::Disabled)));
}

#[tokio::test]
async fn a_weak_hash_is_replaced_at_the_next_login() {
    let mut mocks = Mocks::default()
        .knows(true)
        .checks(PasswordCheck::MatchNeedsRehash)
        .signs_in();
    mocks
        .hasher
        .expect_hash()
        .once()
        .returning(|_| Ok(SecretString::from("stronger")));
    mocks
        .users
        .expect_rehash_password()
        .once()
        .returning(|_, _| Ok(()));
    assert!(
        mocks
            .service()
            .login("haru", "a long password", Client::default())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_full_queue_of_passwords_is_busy_not_wrong() {
    let mut mocks = Mocks::default().knows(true);
    mocks
        .hasher
        .expect_verify()
        .returning(|_, _| Err(HashError::Busy));
    assert!(matches!(
        mocks.service().login("haru", "x", Client::default()).await,
        Err(AccountError::Busy)
    ));
}

fn deleted(failed_logins: u32) -> Credentials {
    Credentials {
        user: lionrocket_domain::account::User {
            deleted_at: Some(now()),
            is_active: false,
            ..user(1, false)
        },
        password_hash: Some(SecretString::from("hash")),
        failed_logins,
    }
}

#[tokio::test]
async fn a_deleted_account_is_told_only_after_the_right_password() {
    for (check, is_told) in [
        (PasswordCheck::Mismatch, false),
        (PasswordCheck::Match, true),
    ] {
        let mut mocks = Mocks::default().checks(check);
        let users = &mut mocks.users;
        users
            .expect_credentials()
            .returning(|_| Ok(Some(deleted(0))));
        let refused = mocks.service().login("haru", "x", Client::default()).await;
        assert_eq!(matches!(refused, Err(AccountError::Deleted)), is_told);
        assert_eq!(
            matches!(refused, Err(AccountError::InvalidCredentials)),
            !is_told
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_counted_after_the_answer_and_a_right_one_forgets_them() {
    let mut mocks = Mocks::default().knows(true).checks(PasswordCheck::Mismatch);
    mocks
        .users
        .expect_count_failed_login()
        .withf(|id, at_most| id.get() == 1 && *at_most == 100)
        .once()
        .returning(|_, _| Ok(()));
    let tasks = Arc::clone(&mocks.tasks);
    let refused = mocks.service().login("haru", "x", Client::default()).await;
    assert!(matches!(refused, Err(AccountError::InvalidCredentials)));
    tasks.run().await;

    let mut mocks = Mocks::default().checks(PasswordCheck::Match);
    let users = &mut mocks.users;
    users
        .expect_credentials()
        .returning(|_| Ok(Some(deleted(7))));
    users
        .expect_forget_failed_logins()
        .once()
        .returning(|_| Ok(()));
    let _ = mocks.service().login("haru", "x", Client::default()).await;
}

#[tokio::test]
async fn a_closed_login_is_closed_whatever_the_password_unless_the_browser_is_known() {
    for check in [PasswordCheck::Match, PasswordCheck::Mismatch] {
        let mut mocks = Mocks::default().checks(check);
        let users = &mut mocks.users;
        users
            .expect_credentials()
            .returning(|_| Ok(Some(deleted(100))));
        let refused = mocks.service().login("haru", "x", Client::default()).await;
        assert!(matches!(refused, Err(AccountError::LoginClosed)));
    }
    // Only the owner's browser counts.
    for (owner, is_open) in [(1, true), (2, false)] {
        let mut mocks = Mocks::default().checks(PasswordCheck::Match);
        let users = &mut mocks.users;
        users
            .expect_credentials()
            .returning(|_| Ok(Some(deleted(100))));
        users.expect_forget_failed_logins().returning(|_| Ok(()));
        mocks.devices.expect_verify().returning(move |_, _| {
            Some(KnownDevice {
                user_id: lionrocket_domain::ids::UserId::from_stored(owner),
                id: "device".to_owned(),
            })
        });
        let client = Client {
            device: Some(SecretString::from("cookie")),
            ..Client::default()
        };
        let answer = mocks.service().login("haru", "x", client).await;
        assert_eq!(matches!(answer, Err(AccountError::Deleted)), is_open);
        assert_eq!(matches!(answer, Err(AccountError::LoginClosed)), !is_open);
    }
}

#[tokio::test]
async fn a_limited_try_costs_no_hash_and_a_fault_of_our_own_gives_the_try_back() {
    let mut mocks = Mocks::default().knows(true);
    let mut limits = MockRateLimiter::new();
    let retry_after = Duration::from_secs(7);
    limits
        .expect_take()
        .withf(|rule, key| rule.name == "login-acct" && key == "haru")
        .returning(move |_, _| LimitDecision::Limited { retry_after });
    mocks.limits = Some(limits);
    let refused = mocks.service().login("HARU", "x", Client::default()).await;
    assert!(
        matches!(refused, Err(AccountError::Throttled { retry_after: wait }) if wait == retry_after)
    );

    let mut mocks = Mocks::default().knows(true);
    let mut limits = no_limits();
    limits.checkpoint();
    limits
        .expect_take()
        .returning(|_, _| LimitDecision::Allowed {
            left: 1,
            reset: Duration::ZERO,
        });
    limits
        .expect_peek()
        .returning(|_, _| LimitDecision::Allowed {
            left: 1,
            reset: Duration::ZERO,
        });
    limits.expect_refund().once().return_const(());
    mocks.limits = Some(limits);
    mocks
        .hasher
        .expect_verify()
        .returning(|_, _| Err(HashError::Busy));
    let busy = mocks.service().login("haru", "x", Client::default()).await;
    assert!(matches!(busy, Err(AccountError::Busy)));
}

#[tokio::test]
async fn passwords_whose_pepper_is_not_known_are_counted() {
    let mut mocks = Mocks::default();
    mocks.users.expect_hash_schemes().returning(|| {
        let schemes = [("", 5), ("pepper=known", 3), ("pepper=lost", 2), ("odd", 1)];
        Ok(schemes
            .map(|(scheme, accounts)| (scheme.to_owned(), accounts))
            .into())
    });
    let known = |scheme: &str| ["", "pepper=known"].contains(&scheme);
    mocks.hasher.expect_knows().returning(known);
    assert_eq!(mocks.service().unreadable_passwords().await.unwrap(), 3);
}
