//! Checks everything but the conversation.

use lionrocket_claude_wire::request::{Effort, ThinkingDisplay};
use serde::Deserialize;
use serde_json::Value;

use super::ApiVersion;
use super::fields::{
    Checked, Object, array, fraction, integer, join, object, one_of, only, optional, required,
    string,
};
use crate::catalogue::{Model, Off};
use crate::failure::Failure;
use crate::prompt::Thought;

/// How the model thinks and tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thinking {
    pub(super) thought: Thought,
    pub(super) effort: Effort,
}

/// Checks the settings that no model rules apply to.
pub(super) fn plain(fields: &Object) -> Checked<()> {
    if let Some(metadata) = optional(fields, "metadata") {
        check_metadata(metadata)?;
    }
    if let Some(tier) = optional(fields, "service_tier") {
        one_of(tier, "service_tier", &["auto", "standard_only"])?;
    }
    if let Some(geo) = optional(fields, "inference_geo") {
        one_of(geo, "inference_geo", &["global", "us"])?;
    }
    if let Some(speed) = optional(fields, "speed")
        && one_of(speed, "speed", &["standard", "fast"])? == "fast"
    {
        return Err(Failure::field(
            "speed",
            "'fast' is not supported by the simulator",
        ));
    }
    if let Some(diagnostics) = optional(fields, "diagnostics") {
        let diagnostics = object(diagnostics, "diagnostics")?;
        only(diagnostics, "diagnostics", &["previous_message_id"])?;
        if let Some(id) = optional(diagnostics, "previous_message_id") {
            string(id, "diagnostics.previous_message_id")?;
        }
    }
    Ok(())
}

fn check_metadata(metadata: &Value) -> Checked<()> {
    const LONGEST_USER_ID: usize = 512;
    let metadata = object(metadata, "metadata")?;
    only(metadata, "metadata", &["user_id"])?;
    if let Some(id) = optional(metadata, "user_id")
        && string(id, "metadata.user_id")?.chars().count() > LONGEST_USER_ID
    {
        return Err(Failure::field(
            "metadata.user_id",
            "String should have at most 512 characters",
        ));
    }
    Ok(())
}

pub(super) fn stop_sequences(fields: &Object) -> Checked<Vec<&str>> {
    let Some(sequences) = optional(fields, "stop_sequences") else {
        return Ok(Vec::new());
    };
    let sequences = array(sequences, "stop_sequences")?.iter().enumerate();
    sequences
        .map(|(at, sequence)| {
            let path = join("stop_sequences", at);
            match string(sequence, &path)? {
                text if text.trim().is_empty() => Err(Failure::field(
                    &path,
                    "each stop sequence must contain non-whitespace",
                )),
                text => Ok(text),
            }
        })
        .collect()
}

/// Checks `temperature`, `top_p` and `top_k`.
pub(super) fn sampling(fields: &Object, model: &Model, version: ApiVersion) -> Checked<()> {
    let present = ["temperature", "top_p", "top_k"]
        .into_iter()
        .find(|key| optional(fields, key).is_some());
    let Some(present) = present else {
        return Ok(());
    };
    if version >= ApiVersion::Second {
        return Err(Failure::field(present, "Extra inputs are not permitted"));
    }
    let one = |key: &str| {
        optional(fields, key)
            .map(|value| fraction(value, key))
            .transpose()
    };
    let (temperature, top_p) = (one("temperature")?, one("top_p")?);
    let top_k = optional(fields, "top_k")
        .map(|value| integer(value, "top_k", 0))
        .transpose()?;
    // Only the default of both is one.
    let changed = [temperature, top_p]
        .into_iter()
        .flatten()
        .any(|number| number < 1.0);
    if !model.takes_sampling() && (changed || top_k.is_some()) {
        return Err(Failure::field(
            present,
            "this model does not support sampling parameters",
        ));
    }
    if model.version == (4, 5) && model.line == "haiku" && temperature.is_some() && top_p.is_some()
    {
        return Err(Failure::invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    Ok(())
}

/// Checks `thinking` and `output_config`, and says how the model thinks.
pub(super) fn thinking(
    fields: &Object,
    model: &Model,
    max_tokens: Option<u64>,
) -> Checked<Thinking> {
    let effort = effort(fields)?.unwrap_or(model.thinking.default_effort);
    let Some(setting) = optional(fields, "thinking") else {
        let thought = if model.thinking.on_by_default {
            Thought::Shown(ThinkingDisplay::Omitted)
        } else {
            Thought::None
        };
        return Ok(Thinking { thought, effort });
    };
    let setting = object(setting, "thinking")?;
    let kinds = ["adaptive", "disabled", "between_tools", "enabled"];
    let kind = one_of(
        required(setting, "thinking", "type")?,
        "thinking.type",
        &kinds,
    )?;
    let rules = model.thinking;
    let accepted = match kind {
        "adaptive" => rules.adaptive,
        "enabled" => rules.enabled,
        "disabled" => may_switch_off(rules.disabled, effort, kind)?,
        _ => may_switch_off(rules.between_tools, effort, kind)?,
    };
    if !accepted {
        return Err(Failure::invalid(format!(
            "{kind} thinking is not supported on this model"
        )));
    }
    let thought = match kind {
        "disabled" | "between_tools" => {
            only(setting, "thinking", &["type"])?;
            Thought::None
        }
        "adaptive" => {
            only(setting, "thinking", &["type", "display"])?;
            Thought::Shown(display(setting, model)?)
        }
        _ => {
            only(setting, "thinking", &["type", "budget_tokens", "display"])?;
            check_budget(setting, max_tokens)?;
            Thought::Shown(display(setting, model)?)
        }
    };
    Ok(Thinking { thought, effort })
}

fn may_switch_off(rule: Off, effort: Effort, kind: &str) -> Checked<bool> {
    match rule {
        Off::Never => Ok(false),
        Off::UpToHigh if effort > Effort::High => Err(Failure::invalid(format!(
            "{kind} thinking requires an effort of at most high on this model"
        ))),
        Off::UpToHigh | Off::Always => Ok(true),
    }
}

fn check_budget(setting: &Object, max_tokens: Option<u64>) -> Checked<()> {
    const PATH: &str = "thinking.budget_tokens";
    let budget = integer(required(setting, "thinking", "budget_tokens")?, PATH, 1_024)?;
    match max_tokens {
        // Zero only fills the cache, and has its own message.
        Some(max_tokens) if max_tokens > 0 && budget >= max_tokens => Err(Failure::invalid(
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        )),
        _ => Ok(()),
    }
}

fn display(setting: &Object, model: &Model) -> Checked<ThinkingDisplay> {
    let Some(value) = optional(setting, "display") else {
        // The 5-series hides its thinking unless asked.
        return Ok(if model.version >= (5, 0) {
            ThinkingDisplay::Omitted
        } else {
            ThinkingDisplay::Summarized
        });
    };
    match one_of(value, "thinking.display", &["summarized", "omitted"])? {
        "summarized" => Ok(ThinkingDisplay::Summarized),
        _ => Ok(ThinkingDisplay::Omitted),
    }
}

fn effort(fields: &Object) -> Checked<Option<Effort>> {
    let Some(config) = optional(fields, "output_config") else {
        return Ok(None);
    };
    let config = object(config, "output_config")?;
    only(config, "output_config", &["effort", "format"])?;
    if optional(config, "format").is_some() {
        return Err(Failure::field(
            "output_config.format",
            "not supported by the simulator",
        ));
    }
    let Some(effort) = optional(config, "effort") else {
        return Ok(None);
    };
    let levels = ["low", "medium", "high", "xhigh", "max"];
    one_of(effort, "output_config.effort", &levels)?;
    Ok(Effort::deserialize(effort).ok())
}
