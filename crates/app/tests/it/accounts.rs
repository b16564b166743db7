//! Making accounts and signing in to them.

use std::sync::Arc;

use lionrocket_app::{
    accounts::{AccountError, AccountPorts, AccountService, NewAccount},
    sessions::Client,
};
use lionrocket_domain::{
    calendar::StatsZone,
    text::{EmailAddress, Password, Username},
};
use lionrocket_ports::{
    accounts::{CreateUserOutcome, Credentials, MockUserRepository},
    crypto::{
        HashError, MockPasswordHasher, MockPasswordPolicy, PasswordCheck, PolicyError, Weakness,
    },
};
use secrecy::SecretString;

use crate::{
    sessions::SessionMocks,
    support::{FixedClock, hours, user},
};

#[derive(Default)]
struct Mocks {
    users: MockUserRepository,
    hasher: MockPasswordHasher,
    policy: MockPasswordPolicy,
    sessions: SessionMocks,
}

impl Mocks {
    fn service(self) -> AccountService {
        let ports = AccountPorts {
            users: Arc::new(self.users),
            hasher: Arc::new(self.hasher),
            policy: Arc::new(self.policy),
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
        .register(account(), Client::default())
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
        mocks.service().register(account(), Client::default()).await,
        Err(AccountError::WeakPassword(Weakness::TooCommon))
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
        mocks.service().register(account(), Client::default()).await,
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
