//! Checks request bodies, and turns them into what the rest of the simulator works with.

mod caching;
mod fields;
mod messages;
mod settings;
mod tools;

use serde_json::Value;

use crate::catalogue::{self, Model};
use crate::failure::Failure;
use crate::prompt::{Ask, CacheSettings, Prompt};
use fields::{Checked, Object, array, boolean, integer, object, only, optional, required, string};
use lionrocket_claude_wire::{ErrorType, header};

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ApiVersion {
    /// 2023-06-01
    First,
    /// 2026-10-21: no sampling parameters.
    Second,
}

impl ApiVersion {
    /// Reads the request header.
    pub(crate) fn from_header(value: Option<&str>) -> Result<Self, Failure> {
        match value {
            Some(header::VERSION_2023_06_01) => Ok(Self::First),
            Some(header::VERSION_2026_10_21) => Ok(Self::Second),
            Some(other) => Err(Failure::field(
                header::VERSION,
                &format!("'{other}' is not a valid version"),
            )),
            None => Err(Failure::field(header::VERSION, "header is required")),
        }
    }
}

/// Fields that both endpoints take.
const SHARED_FIELDS: &[&str] = &[
    "model",
    "messages",
    "system",
    "thinking",
    "output_config",
    "cache_control",
    "tools",
    "tool_choice",
];
/// Fields of `POST /v1/messages` alone.
const MESSAGES_FIELDS: &[&str] = &[
    "max_tokens",
    "stream",
    "stop_sequences",
    "metadata",
    "service_tier",
    "temperature",
    "top_p",
    "top_k",
    "inference_geo",
    "speed",
    "diagnostics",
    "container",
    "thread",
    "context_management",
    "fallbacks",
    "mcp_servers",
];
/// Fields that exist but whose features are not simulated.
const UNSUPPORTED_FIELDS: &[&str] = &[
    "container",
    "thread",
    "context_management",
    "fallbacks",
    "mcp_servers",
];

/// Checks the body of `POST /v1/messages/count_tokens`.
pub(crate) fn count_request(
    body: &Value,
    version: ApiVersion,
) -> Result<(&'static Model, Prompt<'_>), Failure> {
    let fields = object(body, "body")?;
    only(fields, "", SHARED_FIELDS)?;
    let (model, prompt) = shared(fields, version)?;
    settings::thinking(fields, model, None)?;
    Ok((model, prompt))
}

/// Checks the body of `POST /v1/messages`.
pub(crate) fn messages_request(body: &Value, version: ApiVersion) -> Result<Ask<'_>, Failure> {
    let fields = object(body, "body")?;
    let known: Vec<&str> = [SHARED_FIELDS, MESSAGES_FIELDS].concat();
    only(fields, "", &known)?;
    if let Some(key) = UNSUPPORTED_FIELDS
        .iter()
        .find(|key| optional(fields, key).is_some())
    {
        return Err(Failure::field(key, "not supported by the simulator"));
    }
    let max_tokens = integer(required(fields, "", "max_tokens")?, "max_tokens", 0)?;
    let stream = optional(fields, "stream").map_or(Ok(false), |value| boolean(value, "stream"))?;
    settings::plain(fields)?;
    let (model, prompt) = shared(fields, version)?;
    settings::sampling(fields, model, version)?;
    if max_tokens > model.max_output {
        return Err(Failure::invalid(format!(
            "max_tokens: {max_tokens} > {}, which is the maximum allowed number of output tokens for {}",
            model.max_output, model.id
        )));
    }
    let thinking = settings::thinking(fields, model, Some(max_tokens))?;
    if max_tokens == 0 {
        warm_up(fields, stream)?;
    }
    if prompt.tokens() > model.window {
        return Err(Failure::invalid(format!(
            "prompt is too long: {} tokens > {} maximum",
            prompt.tokens(),
            model.window
        )));
    }
    let metadata = optional(fields, "metadata");
    Ok(Ask {
        model,
        max_tokens,
        stream,
        stop_sequences: settings::stop_sequences(fields)?,
        thought: thinking.thought,
        settings: CacheSettings {
            thought: thinking.thought,
            effort: thinking.effort,
        },
        us_only: optional(fields, "inference_geo").and_then(Value::as_str) == Some("us"),
        user_id: metadata.and_then(|metadata| metadata.get("user_id")?.as_str()),
        prompt,
    })
}

/// `max_tokens: 0` only fills the cache, and excludes whatever asks for output.
fn warm_up(fields: &Object, stream: bool) -> Checked<()> {
    let thinking = optional(fields, "thinking").and_then(|thinking| thinking.get("type"));
    if stream {
        Err(Failure::field("max_tokens", "0 cannot be streamed"))
    } else if thinking.and_then(Value::as_str) == Some("enabled") {
        Err(Failure::field(
            "max_tokens",
            "0 leaves no room for thinking",
        ))
    } else if tools::is_forced(fields) {
        Err(Failure::field(
            "max_tokens",
            "0 leaves no room for a forced tool",
        ))
    } else {
        Ok(())
    }
}

/// Checks what both endpoints take: model, tools, system, messages, cache breakpoints.
fn shared(fields: &Object, version: ApiVersion) -> Checked<(&'static Model, Prompt<'_>)> {
    let id = string(required(fields, "", "model")?, "model")?;
    let turns = array(required(fields, "", "messages")?, "messages")?;
    let model = find_model(id)?;
    let mut prompt = Prompt {
        blocks: Vec::new(),
        turns: Vec::new(),
    };
    tools::read(fields, model, &mut prompt)?;
    messages::read_system(fields, model, &mut prompt)?;
    messages::read_turns(turns, model, version, &mut prompt)?;
    caching::check(fields, &mut prompt)?;
    Ok((model, prompt))
}

/// Finds the model of a request.
fn find_model(id: &str) -> Checked<&'static Model> {
    match catalogue::find(id).filter(|model| !model.retired) {
        Some(model) if model.restricted => Err(Failure::new(
            403,
            ErrorType::Permission,
            format!("Your organization may not use the model {id}."),
        )),
        Some(model) => Ok(model),
        None => Err(Failure::new(
            404,
            ErrorType::NotFound,
            format!("model: {id}"),
        )),
    }
}
