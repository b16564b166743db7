//! Logins.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_app::sessions::{
    Client, SessionError, SessionPorts, SessionService, SessionSettings,
};
use lionrocket_domain::{account::User, audit::Origin, ids::SessionId};
use lionrocket_ports::{
    StoreError,
    crypto::{AccessClaims, InvalidToken, MockRefreshSecrets, MockTokenIssuer},
    events::{MockEventBus, ServiceEvent},
    sessions::{LiveSession, MockSessionStore, RotateOutcome},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::support::{FixedClock, FixedIds, HeldTask, actor, hours, now, session_id, user};

#[derive(Default)]
pub(crate) struct SessionMocks {
    pub(crate) sessions: MockSessionStore,
    pub(crate) tokens: MockTokenIssuer,
    pub(crate) secrets: MockRefreshSecrets,
    pub(crate) events: MockEventBus,
    pub(crate) tasks: Arc<HeldTask>,
}

/// The hash of a secret is its length, 32 times.
fn hash(secret: &str) -> [u8; 32] {
    [u8::try_from(secret.len()).unwrap(); 32]
}

impl SessionMocks {
    pub(crate) fn service(mut self) -> SessionService {
        self.secrets.expect_hash().returning(hash);
        self.secrets
            .expect_first()
            .returning(|| Ok(SecretString::from("first")));
        let ports = SessionPorts {
            sessions: Arc::new(self.sessions),
            tokens: Arc::new(self.tokens),
            secrets: Arc::new(self.secrets),
            clock: Arc::new(FixedClock),
            ids: Arc::new(FixedIds),
            events: Arc::new(self.events),
            spawner: self.tasks,
        };
        SessionService::new(ports, SessionSettings::new(hours(24)))
    }

    fn signs(mut self) -> Self {
        self.tokens
            .expect_issue()
            .returning(|_| Ok(SecretString::from("token")));
        self
    }

    /// Expects a secret with two successors, and answers its rotation.
    fn rotates(mut self, outcome: RotateOutcome) -> Self {
        self.secrets.expect_successors().returning(|id, secret| {
            assert_eq!((id, secret), (session_id(), "secret"));
            vec!["one".to_owned().into(), "another".to_owned().into()]
        });
        self.sessions
            .expect_rotate_refresh()
            .withf(|rotation| {
                rotation.presented == hash("secret")
                    && rotation.successors == [hash("one"), hash("another")]
                    && rotation.replay_after == now() - SignedDuration::from_secs(10)
                    && rotation.at.seen_after == now() - hours(7 * 24)
            })
            .once()
            .return_once(move |_| Ok(outcome));
        self
    }

    /// Expects that one session is opened and one token signed.
    pub(crate) fn opens(mut self) -> Self {
        self.sessions
            .expect_open()
            .withf(|session| session.expires_at == now() + hours(720) && session.id == session_id())
            .once()
            .returning(|_| Ok(Vec::new()));
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
        .returning(|_| Ok(Vec::new()));
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
        mocks.sessions.expect_open().returning(|_| Ok(Vec::new()));
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

async fn authenticate(token: Result<AccessClaims, InvalidToken>, live: Option<User>) -> bool {
    let mut mocks = SessionMocks::default();
    mocks.tokens.expect_verify().return_once(move |_, _| token);
    mocks
        .sessions
        .expect_live()
        .returning(move |_, _| Ok(live.clone().map(live_session)));
    match mocks
        .service()
        .authenticate("token", &Origin::default())
        .await
    {
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
    let disabled = User {
        is_active: false,
        ..known()
    };
    assert!(!authenticate(Ok(claims(1, 3)), Some(disabled)).await);
    let deleted = User {
        deleted_at: Some(now()),
        ..known()
    };
    assert!(!authenticate(Ok(claims(1, 3)), Some(deleted)).await);
}

fn live_session(user: User) -> LiveSession {
    LiveSession {
        user,
        expires_at: now() + hours(100),
        last_seen_at: now(),
        reauthenticated_at: None,
    }
}

async fn authenticated(session: LiveSession) -> (SessionService, Arc<HeldTask>, bool) {
    let mut mocks = SessionMocks::default();
    let tasks = mocks.tasks.clone();
    mocks
        .tokens
        .expect_verify()
        .returning(|_, _| Ok(claims(1, 3)));
    mocks
        .sessions
        .expect_live()
        .returning(move |_, _| Ok(Some(session.clone())));
    mocks
        .sessions
        .expect_touch()
        .withf(|id, _, moment| *id == session_id() && *moment == now())
        .returning(|_, _, _| Ok(()));
    let service = mocks.service();
    let who = service.authenticate("token", &Origin::default()).await;
    let is_fresh = service.check_fresh(&who.unwrap()).is_ok();
    (service, tasks, is_fresh)
}

#[tokio::test]
async fn the_use_of_a_session_is_noted_in_the_background_once_an_hour() {
    for (minutes, is_noted) in [(0, false), (59, false), (60, true), (600, true)] {
        let session = LiveSession {
            last_seen_at: now() - SignedDuration::from_mins(minutes),
            ..live_session(user(1, false))
        };
        let (_service, tasks, _) = authenticated(session).await;
        assert_eq!(!tasks.is_empty(), is_noted, "{minutes}");
        if is_noted {
            tasks.run().await;
        }
    }
}

#[tokio::test]
async fn a_password_that_was_asked_for_again_counts_for_five_minutes() {
    let ago = |seconds| Some(now() - SignedDuration::from_secs(seconds));
    for (moment, is_fresh) in [
        (None, false),
        (ago(0), true),
        (ago(299), true),
        (ago(300), false),
    ] {
        let session = LiveSession {
            reauthenticated_at: moment,
            ..live_session(user(1, false))
        };
        assert_eq!(authenticated(session).await.2, is_fresh, "{moment:?}");
    }
}

fn cookie() -> String {
    format!("{}.secret", session_id())
}

#[tokio::test]
async fn a_refresh_gives_the_successor_that_the_store_has_taken() {
    let session = || live_session(user(1, false));
    let replayed = RotateOutcome::Replayed {
        session: session(),
        successor: 1,
    };
    for (outcome, secret) in [
        (RotateOutcome::Rotated(session()), "one"),
        (replayed, "another"),
    ] {
        let mocks = SessionMocks::default().signs().rotates(outcome);
        let client = Client {
            access_ttl: Some(hours(1)),
            ..Client::default()
        };
        let signed_in = mocks.service().refresh(&cookie(), client).await.unwrap();
        let expected = format!("{}.{secret}", session_id());
        assert_eq!(signed_in.refresh.expose_secret(), expected);
        assert_eq!(signed_in.session_ends_in, hours(100));
        assert_eq!(signed_in.expires_in, hours(1));
        assert_eq!(signed_in.session_id, session_id());
    }
}

#[tokio::test]
async fn a_secret_that_comes_again_ends_what_is_open_in_its_session() {
    let user_id = user(1, false).id;
    let mut mocks = SessionMocks::default().rotates(RotateOutcome::Reused { user_id });
    mocks
        .events
        .expect_publish()
        .withf(|event| *event == ServiceEvent::SessionEnded(session_id()))
        .once()
        .return_const(());
    let refused = mocks.service().refresh(&cookie(), Client::default()).await;
    assert!(matches!(refused, Err(SessionError::Reused(whose)) if whose == user_id));
}

#[tokio::test]
async fn what_cannot_be_a_refresh_cookie_never_reaches_the_store() {
    let mut bad = vec![
        String::new(),
        ".".to_owned(),
        "secret".to_owned(),
        session_id().to_string(),
        format!("{}-secret", session_id()),
    ];
    let mut mocks = SessionMocks::default();
    mocks
        .secrets
        .expect_successors()
        .returning(|_, _| Vec::new());
    bad.push(cookie());
    let service = mocks.service();
    for refresh in bad {
        let refused = service.refresh(&refresh, Client::default()).await;
        assert!(matches!(refused, Err(SessionError::Ended)), "{refresh}");
    }
    service.logout_by_refresh("rubbish").await.unwrap();
}

#[tokio::test]
async fn sessions_that_a_new_one_pushes_out_are_told_to_open_streams() {
    let pushed_out = SessionId::from_uuid(Uuid::from_u128(99));
    let mut mocks = SessionMocks::default().signs();
    mocks
        .sessions
        .expect_open()
        .withf(|session| session.max_live == 20 && session.refresh_hash == hash("first"))
        .returning(move |_| Ok(vec![pushed_out]));
    mocks
        .events
        .expect_publish()
        .withf(move |event| *event == ServiceEvent::SessionEnded(pushed_out))
        .once()
        .return_const(());
    let opened = mocks
        .service()
        .open(user(1, false), Client::default())
        .await;
    assert!(opened.is_ok());
}

#[tokio::test]
async fn signing_out_by_cookie_tells_open_streams_if_there_was_something_to_end() {
    for ended in [true, false] {
        let mut mocks = SessionMocks::default();
        mocks
            .sessions
            .expect_end_by_secret()
            .withf(|id, presented, _| *id == session_id() && *presented == hash("secret"))
            .once()
            .returning(move |_, _, _| Ok(ended));
        mocks
            .events
            .expect_publish()
            .times(usize::from(ended))
            .return_const(());
        mocks.service().logout_by_refresh(&cookie()).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_of_somebody_else_cannot_be_ended() {
    let mut mocks = SessionMocks::default();
    mocks
        .sessions
        .expect_end_own()
        .returning(|_, _, _| Ok(false));
    let refused = mocks.service().end(actor(1, false), session_id()).await;
    assert!(matches!(refused, Err(SessionError::NotFound)));
}

#[tokio::test]
async fn ending_all_other_sessions_makes_open_streams_look_again() {
    let mut mocks = SessionMocks::default();
    mocks
        .sessions
        .expect_end_others()
        .withf(|user_id, kept, _: &Timestamp| user_id.get() == 1 && *kept == session_id())
        .once()
        .returning(|_, _, _| Ok(()));
    mocks
        .events
        .expect_publish()
        .withf(|event| *event == ServiceEvent::AccountChanged(user(1, false).id))
        .once()
        .return_const(());
    mocks.service().end_others(actor(1, false)).await.unwrap();
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
        mocks
            .service()
            .authenticate("token", &Origin::default())
            .await,
        Err(SessionError::Store(_))
    ));
}
