//! Reading requests. A handler takes one [`Call`] and asks it for what it needs, in the order in
//! which a client shall learn what is wrong: sign-in first, then the address, headers, query, body.

mod body;
mod client;
mod conditional;
mod cookie;
pub(crate) mod cursor;
mod device;
mod fields;
mod id;
mod json;
mod negotiate;

use std::{
    cell::{Cell, RefCell},
    future::{Ready, ready},
    net::IpAddr,
    rc::Rc,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::header::{self, HeaderName, HeaderValue},
    web,
};
use ipnet::IpNet;
use jiff::SignedDuration;
use lionrocket_app::{
    admin::Administrator,
    sessions::{Authenticated, Client},
};
use lionrocket_domain::{
    access::{self, Decision},
    audit::Origin,
    calendar::Day,
    ids::{CharacterId, ChatId, InviteId, MessageId, PromptId, SessionId, TurnId, UserId},
    page::PageSize,
};
use lionrocket_ports::limits::{LimitRule, RateLimiter};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    ApiState,
    limits::{self, ANONYMOUS, Charge, Policy},
    problem::{Code, Problem, Wrong},
};

pub(crate) use body::RequestBody;
use client::client_address;
pub(crate) use client::limit_key;
pub(crate) use conditional::{hex_of, is_known};
pub(crate) use fields::{Fields, boolean, choice, numeric_id, text, whole_number};
pub(crate) use id::{RequestId, X_REQUEST_ID};
pub(crate) use json::Json;
pub(crate) use negotiate::ReplyForm;

/// The longest access token, in bytes.
const MAX_TOKEN_BYTES: usize = 2048;
/// The longest idempotency key, in characters.
const MAX_KEY_CHARS: usize = 128;
/// The longest text to search for, in characters.
const MAX_SEARCH_CHARS: usize = 100;
/// How much is kept of what a browser calls itself, in characters.
const MAX_USER_AGENT_CHARS: usize = 200;

/// What is known of a request, and what becomes known while it is handled.
#[derive(Clone)]
pub(crate) struct RequestFacts(Rc<Facts>);

struct Facts {
    pattern: Option<String>,
    operation: &'static str,
    policy: Policy,
    client: Option<IpAddr>,
    user_id: Cell<Option<UserId>>,
    charges: RefCell<Vec<Charge>>,
}

impl RequestFacts {
    /// What can be known before anything is read.
    pub(crate) fn of(request: &ServiceRequest, trusted_proxies: &[IpNet]) -> Self {
        let pattern = limits::pattern_of(request);
        let (operation, policy) = limits::operation(request, pattern.as_deref());
        let peer = request.peer_addr().map(|address| address.ip());
        Self(Rc::new(Facts {
            pattern,
            operation,
            policy,
            client: peer.map(|peer| client_address(peer, request.headers(), trusted_proxies)),
            user_id: Cell::new(None),
            charges: RefCell::default(),
        }))
    }

    /// The pattern of the address; `None` when no operation has one like that.
    pub(crate) fn pattern(&self) -> Option<&str> {
        self.0.pattern.as_deref()
    }

    /// The id of the operation; empty when there is no such operation.
    pub(crate) fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Whether this is one of the operations for administrators only.
    pub(crate) fn is_administration(&self) -> bool {
        matches!(self.0.policy, Policy::User(rule) if rule.name == limits::ADMIN.name)
    }

    pub(crate) fn policy(&self) -> Policy {
        self.0.policy
    }

    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    pub(crate) fn user_id(&self) -> Option<UserId> {
        self.0.user_id.get()
    }

    /// The key under which limits count the client's address.
    pub(crate) fn address_key(&self) -> String {
        self.0.client.map_or_else(String::new, limit_key)
    }

    /// What was taken from limits so far.
    pub(crate) fn charges(&self) -> Vec<Charge> {
        self.0.charges.borrow().clone()
    }

    /// Takes one from a limit.
    pub(crate) fn charge(
        &self,
        limits: &dyn RateLimiter,
        rule: &'static LimitRule,
        key: String,
    ) -> Result<(), Problem> {
        let charge = Charge::take(limits, rule, key);
        let allowed = charge.allowed();
        self.0.charges.borrow_mut().push(charge);
        allowed
    }
}

/// One request with all that a handler may ask of it.
pub(crate) struct Call {
    request: HttpRequest,
    payload: Payload,
    state: web::Data<ApiState>,
}

/// Who asks, with the token by which they come.
pub(crate) struct Caller {
    pub(crate) who: Authenticated,
    pub(crate) token: SecretString,
}

impl FromRequest for Call {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<ApiState>>().cloned();
        ready(state.map_or_else(
            || Err(Problem::new(Code::Internal)),
            |state| {
                Ok(Self {
                    request: request.clone(),
                    payload: payload.take(),
                    state,
                })
            },
        ))
    }
}

impl Call {
    /// The services.
    pub(crate) fn state(&self) -> &ApiState {
        &self.state
    }

    /// The request's id.
    pub(crate) fn request_id(&self) -> String {
        self.request
            .extensions()
            .get::<RequestId>()
            .map(|id| id.as_str().to_owned())
            .unwrap_or_default()
    }

    /// From where the request came, for the audit log and for logins.
    pub(crate) fn origin(&self) -> Origin {
        let client = self.facts().and_then(|facts| facts.client());
        Origin {
            request_id: Some(self.request_id()),
            client_address: client.map(|address| address.to_string()),
        }
    }

    fn facts(&self) -> Option<RequestFacts> {
        self.request.extensions().get::<RequestFacts>().cloned()
    }

    /// What the browser calls itself, without control characters and cut to a bearable length.
    pub(crate) fn user_agent(&self) -> Option<String> {
        let value = self.request.headers().get(header::USER_AGENT)?;
        let text = String::from_utf8_lossy(value.as_bytes());
        let name: String = text
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_USER_AGENT_CHARS)
            .collect();
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// From where and how somebody signs in.
    pub(crate) fn client(&self, access_ttl: Option<SignedDuration>) -> Client {
        Client {
            origin: self.origin(),
            user_agent: self.user_agent(),
            device: self.device_cookie(),
            access_ttl,
        }
    }

    /// Tells who asks.
    pub(crate) async fn sign_in(&self) -> Result<Caller, Problem> {
        let Some(token) = self.bearer_token() else {
            self.charge_stranger()?;
            return Err(unauthorized(false));
        };
        let who = self
            .state
            .sessions
            .authenticate(token.expose_secret(), &self.origin())
            .await;
        let who = match who.map_err(Problem::from) {
            Ok(who) => who,
            Err(problem) if problem.code == Code::Unauthorized => {
                self.charge_stranger()?;
                return Err(unauthorized(true));
            }
            Err(problem) => return Err(problem),
        };
        if let Some(facts) = self.facts() {
            let user_id = who.actor.user_id;
            facts.0.user_id.set(Some(user_id));
            if let Policy::User(rule) = facts.policy() {
                facts.charge(&*self.state.limits, rule, user_id.to_string())?;
            }
        }
        Ok(Caller { who, token })
    }

    /// Counts what somebody who is signed in may do less often than the rest.
    pub(crate) fn charge(
        &self,
        rule: &'static LimitRule,
        who: &Authenticated,
    ) -> Result<(), Problem> {
        self.facts().map_or(Ok(()), |facts| {
            facts.charge(&*self.state.limits, rule, who.actor.user_id.to_string())
        })
    }

    /// Counts somebody who could not tell who they are, by address.
    fn charge_stranger(&self) -> Result<(), Problem> {
        self.facts().map_or(Ok(()), |facts| {
            facts.charge(&*self.state.limits, &ANONYMOUS, facts.address_key())
        })
    }

    /// Tells who asks, and lets administrators pass.
    pub(crate) async fn administrator(&self) -> Result<Administrator, Problem> {
        let actor = self.sign_in().await?.who.actor;
        match access::administration(&actor) {
            Decision::Allowed => Ok(Administrator::Person(actor, self.origin())),
            Decision::Forbidden | Decision::Hidden => Err(Problem::new(Code::Forbidden)),
        }
    }

    /// The access token, unless there is none or nothing that could be one.
    pub(crate) fn bearer_token(&self) -> Option<SecretString> {
        let value = self.only_header(&header::AUTHORIZATION).ok()??;
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        let is_token = scheme.eq_ignore_ascii_case("bearer")
            && !token.is_empty()
            && token.len() <= MAX_TOKEN_BYTES;
        is_token.then(|| SecretString::from(token))
    }

    /// The account of the address.
    pub(crate) fn user_id(&self) -> Result<UserId, Problem> {
        self.path_id("user_id", UserId::parse)
    }

    /// The chat of the address.
    pub(crate) fn chat_id(&self) -> Result<ChatId, Problem> {
        self.path_id("chat_id", ChatId::parse)
    }

    /// The message of the address.
    pub(crate) fn message_id(&self) -> Result<MessageId, Problem> {
        self.path_id("message_id", MessageId::parse)
    }

    /// The character of the address.
    pub(crate) fn character_id(&self) -> Result<CharacterId, Problem> {
        self.path_id("character_id", CharacterId::parse)
    }

    /// The common prompt of the address.
    pub(crate) fn prompt_id(&self) -> Result<PromptId, Problem> {
        self.path_id("prompt_id", PromptId::parse)
    }

    /// The session of the address.
    pub(crate) fn session_id(&self) -> Result<SessionId, Problem> {
        self.request
            .match_info()
            .get("session_id")
            .and_then(SessionId::parse)
            .ok_or_else(|| Problem::new(Code::NotFound))
    }

    /// The invite of the address.
    pub(crate) fn invite_id(&self) -> Result<InviteId, Problem> {
        self.path_id("invite_id", InviteId::parse)
    }

    /// The turn of the address.
    pub(crate) fn turn_id(&self) -> Result<TurnId, Problem> {
        self.request
            .match_info()
            .get("turn_id")
            .and_then(TurnId::parse)
            .ok_or_else(|| Problem::new(Code::NotFound))
    }

    fn path_id<T>(&self, name: &str, parse: fn(i64) -> Option<T>) -> Result<T, Problem> {
        self.request
            .match_info()
            .get(name)
            .and_then(whole_id)
            .and_then(parse)
            .ok_or_else(|| Problem::new(Code::NotFound))
    }

    /// The client's promise that two requests with one key are one.
    pub(crate) fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        const NAME: HeaderName = HeaderName::from_static("idempotency-key");
        let refused = || {
            Problem::invalid_at(
                "Idempotency-Key",
                Wrong::new(
                    "invalid_format",
                    "must be sent once and have 1 to 128 visible ASCII characters",
                ),
            )
        };
        let Some(value) = self.only_header(&NAME).map_err(|()| refused())? else {
            return Ok(None);
        };
        let bytes = value.as_bytes();
        if (1..=MAX_KEY_CHARS).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic) {
            Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
        } else {
            Err(refused())
        }
    }

    /// A header that may be there once. The error says that it is there more often.
    pub(crate) fn only_header(&self, name: &HeaderName) -> Result<Option<&HeaderValue>, ()> {
        let mut values = self.request.headers().get_all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(()),
        }
    }

    /// Reads the query of a list whose places are sealed.
    pub(crate) fn page_query<T>(
        &self,
        read: impl FnOnce(&mut Fields) -> Option<T>,
    ) -> Result<T, Problem> {
        let mut pairs = self.query_pairs()?;
        for (name, value) in &mut pairs {
            if name == "cursor" {
                // What is not ours is no place at all; its reader says so.
                *value = self.open_cursor(value).unwrap_or_default();
            }
        }
        Fields::of_query(pairs).read(read)
    }

    /// Reads the query: `read` takes what it knows, anything else is refused.
    pub(crate) fn query<T>(
        &self,
        read: impl FnOnce(&mut Fields) -> Option<T>,
    ) -> Result<T, Problem> {
        Fields::of_query(self.query_pairs()?).read(read)
    }

    fn query_pairs(&self) -> Result<Vec<(String, String)>, Problem> {
        web::Query::from_query(self.request.query_string())
            .map(web::Query::into_inner)
            .map_err(|_| Problem::new(Code::BadRequest))
    }
}

/// The 401 of somebody without (or with a bad) token.
fn unauthorized(token_was_sent: bool) -> Problem {
    let challenge = if token_was_sent {
        r#"Bearer realm="LionRocket", error="invalid_token""#
    } else {
        r#"Bearer realm="LionRocket""#
    };
    Problem::new(Code::Unauthorized).header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    )
}

/// Reads an id in its only spelling: digits without a sign or leading zeros.
pub(crate) fn whole_id(text: &str) -> Option<i64> {
    let is_canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    is_canonical.then(|| text.parse().ok()).flatten()
}

/// Reads a day.
pub(crate) fn day(value: Json) -> Result<Day, Wrong> {
    Day::parse(&value.into_text()?).ok_or(Wrong::new(
        "invalid_format",
        "must be a day of the calendar such as 2026-11-22",
    ))
}

/// Reads `limit`.
pub(crate) fn page_size(value: Json) -> Result<PageSize, Wrong> {
    value
        .into_text()?
        .parse()
        .ok()
        .and_then(PageSize::parse)
        .ok_or(Wrong::new("out_of_range", "must be a number from 1 to 100"))
}

/// Reads `q`; nothing but white space looks for nothing.
pub(crate) fn search(value: Json) -> Result<Option<String>, Wrong> {
    let text = value.into_text()?;
    let actual = text.chars().count();
    if actual > MAX_SEARCH_CHARS {
        return Err(Wrong {
            code: "too_long",
            detail: format!("must have at most {MAX_SEARCH_CHARS} characters").into(),
            lengths: Some((MAX_SEARCH_CHARS, actual)),
        });
    }
    // What `String.prototype.trim` takes away in the browser as well.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "control_character",
            "must not contain control characters",
        ));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
