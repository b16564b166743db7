//! Logins.

use std::sync::Arc;

use lionrocket_app::sessions::{
    Client, SessionError, SessionPorts, SessionService, SessionSettings,
};
use lionrocket_domain::audit::Origin;
use lionrocket_ports::{
    StoreError,
    accounts::MockSessionStore,
    crypto::{AccessClaims, InvalidToken, MockTokenIssuer},
    events::{MockEventBus, ServiceEvent},
};
use secrecy::SecretString;

use crate::support::{FixedClock, FixedIds, hours, now, session_id, user};

#[derive(Default)]
pub(crate) struct SessionMocks {
    pub(crate) sessions: MockSessionStore,
    pub(crate) tokens: MockTokenIssuer,
    pub(crate) events: MockEventBus,
}

impl SessionMocks {
    pub(crate) fn service(self) -> SessionService {
        let ports = SessionPorts {
            sessions: Arc::new(self.sessions),
            tokens: Arc::new(self.tokens),
            clock: Arc::new(FixedClock),
            ids: Arc::new(FixedIds),
            events: Arc::new(self.events),
        };
        let settings = SessionSettings {
            token_lifetime: hours(24),
            session_lifetime: hours(720),
        };
        SessionService::new(ports, settings)
    }

    /// Expects that one session is opened and one token signed.
    pub(crate) fn opens(mut self) -> Self {
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
}

#[tokio::test]
async fn a_session_knows_from_where_it_was_opened() {
    let mut mocks = SessionMocks::default();
    mocks
        .sessions
        .expect_open()
        .withf(|session| {
            session.user_agent.as_deref() == Some("Browser/1")
                && session.client_address.as_deref() == Some("192.0.2.7")
        })
        .once()
        .returning(|_| Ok(()));
    mocks
        .tokens
        .expect_issue()
        .returning(|_| Ok(SecretString::from("token")));
    let client = Client {
        device: None,
        origin: Origin {
            request_id: None,
            client_address: Some("192.0.2.7".to_owned()),
        },
        user_agent: Some("Browser/1".to_owned()),
        access_ttl: None,
    };
    let signed_in = mocks.service().open(user(1, false), client).await.unwrap();
    assert_eq!(signed_in.session_id, session_id());
}

#[tokio::test]
async fn a_token_lives_as_long_as_asked_for_and_no_longer_than_the_service_lets_it() {
    for (asked, given) in [(None, 24), (Some(1), 1), (Some(48), 24)] {
        let mut mocks = SessionMocks::default();
        mocks.sessions.expect_open().returning(|_| Ok(()));
        mocks
            .tokens
            .expect_issue()
            .withf(move |claims| claims.expires_at == now() + hours(given))
            .once()
            .returning(|_| Ok(SecretString::from("token")));
        let client = Client {
            access_ttl: asked.map(hours),
            ..Client::default()
        };
        let signed_in = mocks.service().open(user(1, false), client).await.unwrap();
        assert_eq!(signed_in.expires_in, hours(given));
    }
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
    let mut mocks = SessionMocks::default();
    mocks.tokens.expect_verify().return_once(move |_, _| token);
    mocks
        .sessions
        .expect_live()
        .returning(move |_, _| Ok(live.clone()));
    match mocks.service().authenticate("token").await {
        Ok(known) => {
            known.actor.user_id == known.user.id && known.actor.is_admin == known.user.is_admin
        }
        Err(SessionError::Unauthenticated) => false,
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
    let mut mocks = SessionMocks::default();
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
    let mut mocks = SessionMocks::default();
    mocks
        .tokens
        .expect_verify()
        .returning(|_, _| Err(InvalidToken));
    mocks.service().logout("rubbish").await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_away_is_not_a_wrong_token() {
    let mut mocks = SessionMocks::default();
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
        Err(SessionError::Store(_))
    ));
}
