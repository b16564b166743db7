//! Signing up, in and out.

use std::sync::Arc;

use lionrocket_app::accounts::{
    AccountError, AccountPorts, AccountService, AuthSettings, NewAccount,
};
use lionrocket_domain::text::{EmailAddress, Password, Username};
use lionrocket_ports::{
    StoreError,
    accounts::{CreateUserOutcome, Credentials, MockSessionStore, MockUserRepository},
    crypto::{
        AccessClaims, HashError, InvalidToken, MockPasswordHasher, MockTokenIssuer, PasswordCheck,
    },
    events::{MockEventBus, ServiceEvent},
};
use secrecy::SecretString;

use crate::support::{FixedClock, FixedIds, hours, now, session_id, user};

#[derive(Default)]
struct Mocks {
    users: MockUserRepository,
    sessions: MockSessionStore,
    hasher: MockPasswordHasher,
    tokens: MockTokenIssuer,
    events: MockEventBus,
}

impl Mocks {
    fn service(self) -> AccountService {
        let ports = AccountPorts {
            users: Arc::new(self.users),
            sessions: Arc::new(self.sessions),
            hasher: Arc::new(self.hasher),
            tokens: Arc::new(self.tokens),
            clock: Arc::new(FixedClock),
            ids: Arc::new(FixedIds),
            events: Arc::new(self.events),
        };
        AccountService::new(
            ports,
            AuthSettings {
                token_lifetime: hours(24),
                session_lifetime: hours(720),
            },
        )
    }

    fn signs_in(mut self) -> Self {
        self.sessions
            .expect_open()
            .withf(|session| session.expires_at == now() + hours(720) && session.id == session_id())
            .once()
            .returning(|_| Ok(()));
        self.tokens
            .expect_issue()
            .withf(|claims| claims.token_version == 3 && claims.expires_at == now() + hours(24))
            .once()
            .returning(|_| Ok(SecretString::from("token")));
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
    let mut mocks = Mocks::default().signs_in();
    mocks
        .hasher
        .expect_hash()
        .returning(|_| Ok(SecretString::from("hash")));
    mocks
        .users
        .expect_create()
        .withf(|new| !new.is_admin)
        .returning(|_| Ok(CreateUserOutcome::Created(user(1, false))));
    let signed_in = mocks.service().register(account()).await.unwrap();
    assert_eq!(
        (signed_in.user.id.get(), signed_in.expires_in),
        (1, hours(24))
    );
}

#[tokio::test]
async fn a_taken_name_opens_no_session() {
    let mut mocks = Mocks::default();
    mocks
        .hasher
        .expect_hash()
        .returning(|_| Ok(SecretString::from("hash")));
    mocks
        .users
        .expect_create()
        .returning(|_| Ok(CreateUserOutcome::Taken));
    assert!(matches!(
        mocks.service().register(account()).await,
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
            }))
        });
    assert!(
        mocks
            .service()
            .login(" ＨＡＲＵ ", "a long password")
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
    let refused = mocks.service().login("nobody", "a long password").await;
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
        let refused = mocks.service().login("haru", impossible).await;
        assert!(matches!(refused, Err(AccountError::InvalidCredentials)));
    }
}

#[tokio::test]
async fn a_disabled_account_is_told_only_after_the_right_password() {
    let wrong = Mocks::default()
        .knows(false)
        .checks(PasswordCheck::Mismatch)
        .service()
        .login("haru", "x")
        .await;
    assert!(matches!(wrong, Err(AccountError::InvalidCredentials)));
    let right = Mocks::default()
        .knows(false)
        .checks(PasswordCheck::Match)
        .service()
        .login("haru", "x")
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
            .login("haru", "a long password")
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
        mocks.service().login("haru", "x").await,
        Err(AccountError::Busy)
    ));
}

fn claims(user_id: i64, token_version: i64) -> AccessClaims {
    AccessClaims {
        user_id: lionrocket_domain::ids::UserId::from_stored(user_id),
        session_id: session_id(),
        token_version,
        issued_at: now(),
        expires_at: now() + hours(24),
    }
}

async fn authenticate(
    token: Result<AccessClaims, InvalidToken>,
    live: Option<lionrocket_domain::account::User>,
) -> bool {
    let mut mocks = Mocks::default();
    mocks.tokens.expect_verify().return_once(move |_, _| token);
    mocks
        .sessions
        .expect_live()
        .returning(move |_, _| Ok(live.clone()));
    match mocks.service().authenticate("token").await {
        Ok(known) => {
            known.actor.user_id == known.user.id && known.actor.is_admin == known.user.is_admin
        }
        Err(AccountError::Unauthenticated) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_is_as_good_as_its_session_and_its_account() {
    let known = || user(1, true);
    assert!(authenticate(Ok(claims(1, 3)), Some(known())).await);
    assert!(!authenticate(Err(InvalidToken), Some(known())).await);
    assert!(!authenticate(Ok(claims(1, 3)), None).await);
    assert!(
        !authenticate(Ok(claims(1, 2)), Some(known())).await,
        "an older token version"
    );
    assert!(
        !authenticate(Ok(claims(9, 3)), Some(known())).await,
        "another user's session"
    );
    let disabled = lionrocket_domain::account::User {
        is_active: false,
        ..known()
    };
    assert!(!authenticate(Ok(claims(1, 3)), Some(disabled)).await);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_tells_open_streams() {
    let mut mocks = Mocks::default();
    mocks
        .tokens
        .expect_verify()
        .returning(|_, _| Ok(claims(1, 3)));
    mocks.sessions.expect_end().once().returning(|_, _| Ok(()));
    mocks
        .events
        .expect_publish()
        .withf(|event| *event == ServiceEvent::SessionEnded(session_id()))
        .once()
        .return_const(());
    mocks.service().logout("token").await.unwrap();
}

#[tokio::test]
async fn signing_out_with_a_bad_token_does_nothing() {
    let mut mocks = Mocks::default();
    mocks
        .tokens
        .expect_verify()
        .returning(|_, _| Err(InvalidToken));
    mocks.service().logout("rubbish").await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_away_is_not_a_wrong_token() {
    let mut mocks = Mocks::default();
    mocks
        .tokens
        .expect_verify()
        .returning(|_, _| Ok(claims(1, 3)));
    mocks
        .sessions
        .expect_live()
        .returning(|_, _| Err(StoreError::Unavailable("away".into())));
    assert!(matches!(
        mocks.service().authenticate("token").await,
        Err(AccountError::Store(_))
    ));
}
