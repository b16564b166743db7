//! The table of problems.

use std::fmt::Write;

use actix_web::http::StatusCode;

/// What is said of every problem of one code.
pub(crate) struct Facts {
    /// The stable name.
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    /// What happened.
    pub(crate) detail: &'static str,
    /// What the client can do about it; for docs/ERRORS.md.
    pub(crate) remedy: &'static str,
}

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $title:literal, $detail:literal, $remedy:literal;)+) => {
        /// The kinds of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table of facts says what each code means")]
        pub enum Code { $($variant,)+ }

        impl Code {
            /// Every code, by status.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            pub(crate) const fn facts(self) -> &'static Facts {
                match self {
                    $(Self::$variant => &Facts {
                        name: $name, status: $status, title: $title, detail: $detail, remedy: $remedy,
                    },)+
                }
            }
        }
    };
}

codes! {
    BadRequest "bad_request" 400 "The request is not valid HTTP",
        "The request could not be understood.",
        "Correct the request line or the headers.";
    MalformedJson "malformed_json" 400 "The body is not JSON",
        "The body is not a JSON text.",
        "Send one JSON object in UTF-8.";
    Unauthorized "unauthorized" 401 "Not signed in",
        "This needs a valid access token.",
        "Sign in and send `Authorization: Bearer <access_token>`.";
    InvalidCredentials "invalid_credentials" 401 "Wrong user name or password",
        "The user name or the password is wrong.",
        "Ask for both again. Which one is wrong is not told.";
    SessionEnded "session_ended" 401 "The session has ended",
        "The session has ended, or its cookie was used before.",
        "Sign in again.";
    Forbidden "forbidden" 403 "Not allowed",
        "You may see this but not do that with it.",
        "Sign in as somebody who may.";
    AccountDisabled "account_disabled" 403 "The account is disabled",
        "This account was disabled by the operator.",
        "Ask the operator.";
    AccountDeleted "account_deleted" 403 "The account is being deleted",
        "The deletion of this account was asked for.",
        "Ask the operator to take it back while there is time.";
    LoginClosed "login_closed" 403 "Too many wrong passwords",
        "So many wrong passwords were tried that no password is taken here any more.",
        "Sign in with a browser that was signed in before, or ask the operator for a link to set a new password.";
    RegistrationClosed "registration_closed" 403 "Registration is closed",
        "New accounts are made by the operator only.",
        "Ask the operator for an account.";
    CrossOrigin "cross_origin" 403 "Sent by another site",
        "The cookie counts only in requests that a page of this service sends.",
        "Send it from a page under one of `PUBLIC_ORIGINS`, with the header `Origin`.";
    ReauthenticationRequired "reauthentication_required" 403 "The password is needed again",
        "This needs the password to have been given again within the last five minutes.",
        "Ask for the password, send it to `POST /auth/reauthenticate`, then try again.";
    InviteRequired "invite_required" 403 "An invite is needed",
        "New accounts are made with an invite only.",
        "Ask the operator for an invite.";
    NotFound "not_found" 404 "Not found",
        "There is nothing here, or nothing that you may see.",
        "Check the address. What belongs to other people looks the same as what does not exist.";
    MethodNotAllowed "method_not_allowed" 405 "The method is not allowed here",
        "This address does not know the method.",
        "Use one of the methods in the `Allow` header.";
    NotAcceptable "not_acceptable" 406 "No acceptable form of the answer",
        "None of the forms that `Accept` asks for is available here.",
        "Accept `application/json`, or `text/event-stream` or `text/csv` where the answer can be that.";
    RequestTimeout "request_timeout" 408 "The request came too slowly",
        "The body did not arrive in time.",
        "Send it again.";
    AccountTaken "account_taken" 409 "The account exists already",
        "The user name or the e-mail address is taken.",
        "Choose others, or sign in. Which one is taken is not told.";
    ChatReadOnly "chat_read_only" 409 "The chat can only be read",
        "The character of this chat is gone, so the chat cannot go on.",
        "Begin a chat with another character.";
    ChatChanged "chat_changed" 409 "The chat has changed",
        "The chat went on while the message was being accepted.",
        "Read the chat again, then send the message again.";
    CannotEdit "cannot_edit" 409 "Only one's own messages can be edited",
        "This message is a reply, and replies cannot be edited.",
        "Edit the message that it answers, or ask for another reply.";
    CannotRegenerate "cannot_regenerate" 409 "There is nothing to answer again",
        "This message answers nothing: it is the character's greeting.",
        "Ask for another reply to one of your own messages.";
    CannotContinue "cannot_continue" 409 "The reply has nothing to go on from",
        "This reply is whole, has no words yet, or is no reply at all.",
        "Send a message, or ask for another reply.";
    NoSummary "no_summary" 409 "The chat has no summary",
        "The chat has no summary of the branch that is shown, so there are no words to change.",
        "Wait until there is one: it is made when the conversation is too long for the model.";
    TurnRunning "turn_running" 409 "A reply is being written",
        "A reply is being written in this chat.",
        "Follow the turn in `turn_id` to its end, then send again.";
    LastAdministrator "last_administrator" 409 "The last administrator stays",
        "Nobody would be left who administers the service.",
        "Make somebody else an administrator first.";
    PreconditionFailed "precondition_failed" 412 "Changed meanwhile",
        "It is not the version that `If-Match` names any more.",
        "Read it again and decide anew.";
    PayloadTooLarge "payload_too_large" 413 "The body is too large",
        "The body is larger than this address takes.",
        "Send at most 16 KiB; 4 KiB for a message, 64 KiB for a character, a common prompt or a summary.";
    UnsupportedMediaType "unsupported_media_type" 415 "The body is not of a known type",
        "The body must be JSON in UTF-8.",
        "Send `Content-Type: application/json`.";
    MisdirectedRequest "misdirected_request" 421 "Not a name of this service",
        "The service does not answer under the name that the request asks for.",
        "Use an address of the service; the operator lists them in `PUBLIC_ORIGINS`.";
    ValidationFailed "validation_failed" 422 "Some fields are not valid",
        "See `errors` for every field that is not valid.",
        "Correct each field in `errors`.";
    IdempotencyKeyReused "idempotency_key_reused" 422 "The idempotency key was used before",
        "The idempotency key was used for another message.",
        "Use a new key for a new message.";
    ReplyRefused "reply_refused" 422 "The model refused to answer",
        "The model refused to answer this message.",
        "Say it in other words. The message is kept in the chat and left out of what the model sees.";
    RateLimited "rate_limited" 429 "Too many requests",
        "This was asked for too often.",
        "Send again after `Retry-After`. The `RateLimit` field of every answer tells what is left.";
    TooManyTurns "too_many_turns" 429 "Too many replies at once",
        "As many replies as allowed are being written for you.",
        "Wait for one of them to end.";
    BudgetExhausted "budget_exhausted" 429 "The day's budget is used up",
        "What you may use in a day is used up, or too little is left for this message.",
        "Send again after `resets_at`, when the next day begins; a shorter message in a new chat may still fit.";
    ServiceBudgetExhausted "service_budget_exhausted" 429 "The service's budget of the day is used up",
        "What all people together may use in a day is used up.",
        "Send again after `resets_at`, when the next day begins.";
    UpstreamRateLimited "upstream_rate_limited" 429 "The model's service limits requests",
        "The model's service takes no more requests at the moment.",
        "Send again after `Retry-After`.";
    Internal "internal" 500 "Something went wrong",
        "The server failed. The log has the cause under the request's id.",
        "Try again later, and tell the operator the `request_id` if it stays.";
    UpstreamFailed "upstream_failed" 502 "The model's service failed",
        "The model's service failed.",
        "Send again.";
    UpstreamInvalid "upstream_invalid" 502 "The model's service did not take the request",
        "The model's service did not take the request.",
        "Tell the operator; sending again does not help.";
    UpstreamRejected "upstream_rejected" 502 "The model's service did not take the operator's key",
        "The model's service did not take the operator's key or account.",
        "Tell the operator; sending again does not help.";
    ReplyInterrupted "reply_interrupted" 502 "The reply was cut short",
        "The reply was cut short. What there is of it is kept in the chat.",
        "Send again.";
    ServiceUnavailable "service_unavailable" 503 "Not available at the moment",
        "The server cannot do this at the moment.",
        "Send again after `Retry-After`.";
    Overloaded "overloaded" 503 "Too many replies at the moment",
        "As many replies are being written as the service can take.",
        "Send again after `Retry-After`. Nothing was stored.";
    ServicePaused "service_paused" 503 "No new messages at the moment",
        "The operator has stopped new messages for the moment.",
        "Try again later. Everything that was said can be read.";
    NotReady "not_ready" 503 "Not ready",
        "The server is starting, shutting down or without its database.",
        "Ask again.";
    UpstreamOverloaded "upstream_overloaded" 503 "The model is overloaded",
        "The model is overloaded at the moment.",
        "Send again after `Retry-After`.";
    UpstreamTimeout "upstream_timeout" 504 "The model did not answer in time",
        "The model did not answer in time.",
        "Send again.";
    StorageFull "storage_full" 507 "No room left",
        "The disk of the server has too little room for anything new.",
        "Tell the operator. Everything that was said can be read.";
}

impl Code {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.facts().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The code for an answer of which nothing but its status is known.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            408 => Self::RequestTimeout,
            412 => Self::PreconditionFailed,
            413 => Self::PayloadTooLarge,
            415 => Self::UnsupportedMediaType,
            421 => Self::MisdirectedRequest,
            422 => Self::ValidationFailed,
            429 => Self::RateLimited,
            503 => Self::ServiceUnavailable,
            507 => Self::StorageFull,
            400..=499 => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

/// The codes of single fields and what they mean.
const FIELD_CODES: &[(&str, &str)] = &[
    ("required", "It is missing, empty or white space only."),
    ("unknown_field", "There is no such field or parameter."),
    ("duplicate", "It is there more than once."),
    (
        "wrong_type",
        "It is not of the type that the field asks for.",
    ),
    ("unknown_message", "The chat has no such message."),
    ("out_of_range", "The number is too small or too large."),
    ("not_a_choice", "It is none of the values to choose from."),
    (
        "invalid_format",
        "It is not of the form that the field asks for.",
    ),
    (
        "too_short",
        "It has too few characters; see `limit` and `actual`.",
    ),
    (
        "too_long",
        "It has too many characters; see `limit` and `actual`.",
    ),
    (
        "too_common",
        "Many people have this password, or it was leaked; choose several words that do not belong together.",
    ),
    (
        "too_guessable",
        "A program guesses this password soon; make it longer, without rows of keys, dates and names.",
    ),
    (
        "contains_name",
        "The password contains the user name, the e-mail address or the name of the service; leave it out.",
    ),
    (
        "unknown_invite",
        "The invite is not known, used up, withdrawn or too old.",
    ),
    (
        "unknown_token",
        "The link is not one, was used, was replaced by a newer one or is too old.",
    ),
    ("control_character", "It contains a control character."),
    (
        "nothing_visible",
        "It consists of characters that show nothing.",
    ),
    ("line_break", "It must be a single line."),
    (
        "unknown_parent",
        "The chat has no such reply to go on from.",
    ),
    ("range_reversed", "The range ends before it begins."),
    (
        "range_too_long",
        "The range has too many days; see `limit`.",
    ),
];

/// The page docs/ERRORS.md.
#[must_use]
pub fn table_as_markdown() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         <!-- Written by `just gen` (cargo run -p lionrocket-http --example errors); edit crates/http/src/problem/code.rs instead. -->\n\n\
         Everything that goes wrong is answered as `application/problem+json` (RFC 9457) with `type`, `title`, `status`,\n\
         `detail`, `code` and `request_id`. Programs decide by `code`, which never changes its meaning; `title` and\n\
         `detail` are for people. `errors` names every wrong field at once, `turn_id` the turn that the problem is about,\n\
         `resets_at` the moment from which on another try makes sense.\n\n\
         | status | code | what happened | what to do |\n| --- | --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let Facts {
            name,
            status,
            detail,
            remedy,
            ..
        } = code.facts();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| {status} | `{name}` | {detail} | {remedy} |");
    }
    page.push_str(
        "\n## Fields\n\n\
         Each item of `errors` has `pointer` (a JSON pointer into the body, `?name` for a query parameter, or a header's\n\
         name), `code` and `detail`; lengths also have `limit` and `actual`, counted in code points after Unicode\n\
         normalisation.\n\n| code | meaning |\n| --- | --- |\n",
    );
    for (name, meaning) in FIELD_CODES {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page
}
