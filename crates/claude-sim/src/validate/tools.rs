//! Checks tools. The simulator never calls one.

use serde_json::Value;

use super::fields::{Checked, Object, array, join, object, one_of, optional, required, string};
use crate::catalogue::Model;
use crate::failure::Failure;
use crate::prompt::{Block, Content, Prompt, Speaker, count_block};

/// Checks `tools` and `tool_choice`; the tools are the first blocks of the prompt.
pub(super) fn read<'a>(fields: &'a Object, model: &Model, prompt: &mut Prompt<'a>) -> Checked<()> {
    let tools = optional(fields, "tools")
        .map(|tools| array(tools, "tools"))
        .transpose()?;
    for (at, tool) in tools.unwrap_or_default().iter().enumerate() {
        let path = join("tools", at);
        check_tool(tool, &path)?;
        prompt.blocks.push(Block {
            speaker: Speaker::Tools,
            content: Content::Other(tool),
            tokens: count_block(model, tool),
            breakpoint: super::caching::breakpoint(tool, &path)?,
        });
    }
    check_choice(fields)?;
    if is_forced(fields) && !model.takes_forced_tools() {
        return Err(Failure::field(
            "tool_choice",
            "forced tool use is not supported on this model",
        ));
    }
    Ok(())
}

fn check_tool(tool: &Value, path: &str) -> Checked<()> {
    const LONGEST_NAME: usize = 128;
    let fields = object(tool, path)?;
    let name_path = join(path, "name");
    let name = string(required(fields, path, "name")?, &name_path)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
        return Err(Failure::field(
            &name_path,
            "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
        ));
    }
    object(
        required(fields, path, "input_schema")?,
        &join(path, "input_schema"),
    )?;
    Ok(())
}

fn check_choice(fields: &Object) -> Checked<()> {
    let Some(choice) = optional(fields, "tool_choice") else {
        return Ok(());
    };
    let choice = object(choice, "tool_choice")?;
    let kinds = ["auto", "any", "tool", "none"];
    let kind = required(choice, "tool_choice", "type")?;
    if one_of(kind, "tool_choice.type", &kinds)? == "tool" {
        string(required(choice, "tool_choice", "name")?, "tool_choice.name")?;
    }
    Ok(())
}

/// Whether the model must use a tool.
pub(super) fn is_forced(fields: &Object) -> bool {
    let kind = optional(fields, "tool_choice").and_then(|choice| choice.get("type")?.as_str());
    matches!(kind, Some("any" | "tool"))
}
