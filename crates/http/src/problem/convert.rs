//! From the services' errors to problems. Causes go to the log, never into an answer.

use std::{error::Error, time::Duration};

use lionrocket_app::{
    ServiceError,
    accounts::AccountError,
    admin::AdminError,
    chats::ShowError,
    resets::ResetError,
    sessions::SessionError,
    summaries::SummaryError,
    turns::{Ask, BeginError},
    usage::UsageError,
};
use lionrocket_domain::{budget::BudgetScope, ids::TurnId, turn::TurnFailure};
use lionrocket_ports::{StoreError, crypto::Weakness, error::Chain};

use super::{Code, Problem, Wrong};

/// When to try again after the server was too busy.
const BUSY_RETRY: Duration = Duration::from_secs(2);
/// When to try again after the model was overloaded or limited us.
const UPSTREAM_RETRY: Duration = Duration::from_secs(15);

/// When to try again while an administrator has stopped new messages.
const PAUSED_RETRY: Duration = Duration::from_mins(1);

/// A fault of our own: its cause goes to the log.
fn internal(error: &dyn Error) -> Problem {
    tracing::error!(error = %Chain(error), "a request failed");
    Problem::new(Code::Internal)
}

fn unavailable() -> Problem {
    Problem::new(Code::ServiceUnavailable).retry_after(BUSY_RETRY)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(error = %Chain(&error), "the database is not available");
                unavailable()
            }
            // The store tells the operator, once.
            StoreError::Full => Self::new(Code::StorageFull),
            other => internal(&other),
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound => Self::new(Code::NotFound),
            ServiceError::Forbidden => Self::new(Code::Forbidden),
            ServiceError::Stale => Self::new(Code::PreconditionFailed),
            ServiceError::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Forbidden => Self::new(Code::Forbidden),
            AdminError::NotFound => Self::new(Code::NotFound),
            AdminError::Stale => Self::new(Code::PreconditionFailed),
            AdminError::LastAdministrator => Self::new(Code::LastAdministrator),
            AdminError::Usage(error) => error.into(),
            AdminError::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::UnknownLink => Self::invalid_at(
                "/token",
                Wrong::new(
                    "unknown_token",
                    "is not known, used up, replaced or too old: ask for another link",
                ),
            ),
            ResetError::WeakPassword(weakness) => weak_password("/password", weakness),
            ResetError::Busy => unavailable(),
            ResetError::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Taken => Self::new(Code::AccountTaken),
            AccountError::InviteRefused => Self::invalid_at(
                "/invite",
                Wrong::new(
                    "unknown_invite",
                    "is not known, used up, withdrawn or too old: ask for another one",
                ),
            ),
            AccountError::WeakPassword(weakness) => weak_password("/password", weakness),
            AccountError::InvalidCredentials => Self::new(Code::InvalidCredentials),
            AccountError::Disabled => Self::new(Code::AccountDisabled),
            AccountError::Deleted => Self::new(Code::AccountDeleted),
            AccountError::LoginClosed => Self::new(Code::LoginClosed),
            AccountError::Throttled { retry_after } => {
                Self::new(Code::RateLimited).retry_after(retry_after)
            }
            AccountError::LastAdministrator => Self::new(Code::LastAdministrator),
            AccountError::Stale => Self::new(Code::PreconditionFailed),
            AccountError::Busy => unavailable(),
            AccountError::Store(error) => error.into(),
            AccountError::Session(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unauthenticated => Self::new(Code::Unauthorized),
            SessionError::Ended | SessionError::Reused(_) => Self::new(Code::SessionEnded),
            SessionError::NotFound => Self::new(Code::NotFound),
            SessionError::ReauthenticationRequired => Self::new(Code::ReauthenticationRequired),
            SessionError::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

/// The problem of a password that somebody chose in a field.
pub(crate) fn weak_password(pointer: &'static str, weakness: Weakness) -> Problem {
    let wrong = match weakness {
        Weakness::TooCommon => Wrong::new(
            "too_common",
            "is among the first that are tried: choose several words that do not belong together",
        ),
        Weakness::TooGuessable => Wrong::new(
            "too_guessable",
            "is soon guessed: make it longer, without rows of keys, repetitions, dates and names",
        ),
        Weakness::ContainsName => Wrong::new(
            "contains_name",
            "must not contain your user name, your e-mail address or the name of the service",
        ),
    };
    Problem::invalid_at(pointer, wrong)
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Forbidden => Self::new(Code::Forbidden),
            UsageError::RangeReversed => Self::invalid_at(
                "?to",
                Wrong::new("range_reversed", "must not be before the first day"),
            ),
            UsageError::RangeTooLong { max_days } => {
                let mut wrong = Wrong::new("range_too_long", "");
                wrong.detail = format!("the range must have at most {max_days} days").into();
                let mut field = wrong.at("?from");
                field.limit = usize::try_from(max_days).ok();
                Self::invalid(vec![field])
            }
            UsageError::Store(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<ShowError> for Problem {
    fn from(error: ShowError) -> Self {
        match error {
            ShowError::NoMessage => Self::invalid_at(
                "/message_id",
                Wrong::new("unknown_message", "the chat has no such message"),
            ),
            ShowError::Service(error) => error.into(),
            other => internal(&other),
        }
    }
}

impl From<SummaryError> for Problem {
    fn from(error: SummaryError) -> Self {
        match error {
            SummaryError::NoSummary => Self::new(Code::NoSummary),
            SummaryError::Service(error) => error.into(),
            other => internal(&other),
        }
    }
}

/// The problem of a message that the chat has not, or with which that cannot be done.
fn wrong_message(error: &BeginError, ask: &Ask) -> Problem {
    match ask {
        Ask::Say { after: Some(_), .. } => Problem::invalid_at(
            "/parent_id",
            Wrong::new("unknown_parent", "the chat has no such reply to go on from"),
        ),
        Ask::Say { after: None, .. } => Problem::new(Code::ChatChanged),
        _ if matches!(error, BeginError::NoMessage) => Problem::new(Code::NotFound),
        Ask::Edit { .. } => Problem::new(Code::CannotEdit),
        Ask::Regenerate { .. } => Problem::new(Code::CannotRegenerate),
        Ask::Continue { .. } => Problem::new(Code::CannotContinue),
    }
}

/// The problem of a turn that was not begun.
pub(crate) fn begin_problem(error: BeginError, ask: &Ask) -> Problem {
    match error {
        BeginError::NotFound => Problem::new(Code::NotFound),
        BeginError::ChatReadOnly => Problem::new(Code::ChatReadOnly),
        BeginError::NoMessage | BeginError::Unsuitable => wrong_message(&error, ask),
        BeginError::Overloaded => Problem::new(Code::Overloaded).retry_after(BUSY_RETRY),
        BeginError::ChatBusy(turn_id) => Problem::new(Code::TurnRunning).turn(turn_id),
        BeginError::UserBusy => Problem::new(Code::TooManyTurns).retry_after(BUSY_RETRY),
        BeginError::BudgetExhausted {
            scope,
            resets_at,
            retry_after,
        } => {
            let code = match scope {
                BudgetScope::User => Code::BudgetExhausted,
                BudgetScope::Service => Code::ServiceBudgetExhausted,
            };
            Problem::new(code)
                .retry_after(retry_after)
                .resets_at(resets_at)
        }
        BeginError::Paused => Problem::new(Code::ServicePaused).retry_after(PAUSED_RETRY),
        BeginError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
        BeginError::Store(error) => error.into(),
        other => internal(&other),
    }
}

/// The problem of a turn that did not end well. `None` stands for a turn whose end could not be read.
pub(crate) fn turn_failure(failure: Option<TurnFailure>, turn_id: TurnId) -> Problem {
    let problem = match failure {
        Some(TurnFailure::UpstreamOverloaded) => {
            Problem::new(Code::UpstreamOverloaded).retry_after(UPSTREAM_RETRY)
        }
        Some(TurnFailure::UpstreamRateLimited) => {
            Problem::new(Code::UpstreamRateLimited).retry_after(UPSTREAM_RETRY)
        }
        Some(TurnFailure::UpstreamTimeout) => Problem::new(Code::UpstreamTimeout),
        Some(TurnFailure::UpstreamRejected) => Problem::new(Code::UpstreamRejected),
        Some(TurnFailure::UpstreamInvalid) => Problem::new(Code::UpstreamInvalid),
        Some(TurnFailure::UpstreamFailed) => Problem::new(Code::UpstreamFailed),
        Some(TurnFailure::Refused) => Problem::new(Code::ReplyRefused),
        Some(TurnFailure::ReplyInterrupted) => Problem::new(Code::ReplyInterrupted),
        Some(TurnFailure::Internal) => Problem::new(Code::Internal),
        None => unavailable(),
    };
    problem.turn(turn_id)
}
