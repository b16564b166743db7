//! Security events: what an operator wants to count and be woken up by. The names are fixed; an event
//! tells who and from where, never what was sent.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use lionrocket_domain::ids::UserId;

use crate::{problem::Code, request::RequestFacts};

/// The counter of all events, with the label `event`.
const COUNTER: &str = "lionrocket_security_events_total";

/// Something that an operator wants to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    LoginSucceeded,
    LoginFailed,
    AccountMade,
    PasswordReset,
    SessionRefused,
    /// A refresh cookie that was used up came again; told besides that it was refused.
    SessionReused,
    Unauthenticated,
    Forbidden,
    /// Somebody who is signed in asked for what is not there, or not theirs.
    NotFound,
    CrossOrigin,
    Misdirected,
    LimitReached,
    BudgetReached,
    AdministratorActed,
}

impl Event {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LoginSucceeded => "login.succeeded",
            Self::LoginFailed => "login.failed",
            Self::AccountMade => "account.made",
            Self::PasswordReset => "password.reset",
            Self::SessionRefused => "session.refused",
            Self::SessionReused => "session.reuse",
            Self::Unauthenticated => "access.unauthenticated",
            Self::Forbidden => "access.forbidden",
            Self::NotFound => "access.not_found",
            Self::CrossOrigin => "origin.refused",
            Self::Misdirected => "host.refused",
            Self::LimitReached => "limit.reached",
            Self::BudgetReached => "budget.reached",
            Self::AdministratorActed => "administrator.acted",
        }
    }
}

/// Tells of an event.
pub(crate) fn event(
    event: Event,
    operation: &str,
    user_id: Option<UserId>,
    client_address: Option<IpAddr>,
) {
    let name = event.name();
    metrics::counter!(COUNTER, "event" => name).increment(1);
    let user_id = user_id.map(tracing::field::display);
    let client_address = client_address.map(tracing::field::display);
    tracing::info!(
        event = name,
        operation,
        user_id,
        client_address,
        "security event"
    );
}

/// Tells of what an answer shows.
pub(crate) fn observe(facts: &RequestFacts, status: StatusCode, code: Option<Code>) {
    let found = of_answer(facts, status, code);
    if let Some(found) = found {
        event(found, facts.operation(), facts.user_id(), facts.client());
    }
}

fn of_answer(facts: &RequestFacts, status: StatusCode, code: Option<Code>) -> Option<Event> {
    let operation = facts.operation();
    match (status.as_u16(), code.map(Code::name)) {
        (421, _) => Some(Event::Misdirected),
        (429, Some("budget_exhausted" | "service_budget_exhausted")) => Some(Event::BudgetReached),
        (429, _) => Some(Event::LimitReached),
        (403, Some("cross_origin")) => Some(Event::CrossOrigin),
        (401 | 403, _) if operation == "login" => Some(Event::LoginFailed),
        (401, _) if operation == "refresh" => Some(Event::SessionRefused),
        (401, _) => Some(Event::Unauthenticated),
        (403, _) => Some(Event::Forbidden),
        (404, _) if facts.user_id().is_some() => Some(Event::NotFound),
        (200..=299, _) if facts.is_administration() => Some(Event::AdministratorActed),
        (200..=299, _) => match operation {
            "login" => Some(Event::LoginSucceeded),
            "register" => Some(Event::AccountMade),
            "reset_password" => Some(Event::PasswordReset),
            _ => None,
        },
        _ => None,
    }
}
