//! Checks `system` and `messages`.

use serde_json::Value;

use super::ApiVersion;
use super::caching::breakpoint;
use super::fields::{
    Checked, Object, array, boolean, join, object, one_of, only, optional, required, string,
};
use crate::catalogue::Model;
use crate::failure::Failure;
use crate::prompt::{Block, Content, Prompt, Speaker, count_block};
use crate::tokens::{self, TURN_OVERHEAD};

const MAX_TURNS: usize = 100_000;

/// Checks a text that must say something.
fn check_text(text: &str, path: &str) -> Checked<()> {
    if text.is_empty() {
        Err(Failure::field(
            path,
            "text content blocks must be non-empty",
        ))
    } else if text.trim().is_empty() {
        Err(Failure::field(
            path,
            "text content blocks must contain non-whitespace text",
        ))
    } else {
        Ok(())
    }
}

/// Reads `system`: a string or text blocks.
pub(super) fn read_system<'a>(
    fields: &'a Object,
    model: &Model,
    prompt: &mut Prompt<'a>,
) -> Checked<()> {
    let Some(system) = optional(fields, "system") else {
        return Ok(());
    };
    let mut push = |text: &'a str, path: &str, breakpoint| {
        check_text(text, path)?;
        prompt.blocks.push(Block {
            speaker: Speaker::System,
            content: Content::Text(text),
            tokens: tokens::count(model, text),
            breakpoint,
        });
        Ok(())
    };
    if let Some(text) = system.as_str() {
        return push(text, "system", None);
    }
    for (at, block) in array(system, "system")?.iter().enumerate() {
        let path = join("system", at);
        let fields = object(block, &path)?;
        one_of(
            required(fields, &path, "type")?,
            &join(&path, "type"),
            &["text"],
        )?;
        only(
            fields,
            &path,
            &["type", "text", "cache_control", "citations"],
        )?;
        let text = string(required(fields, &path, "text")?, &join(&path, "text"))?;
        push(text, &path, breakpoint(block, &path)?)?;
    }
    Ok(())
}

/// The role of a turn as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    Assistant,
    System,
}

impl Role {
    fn speaker(self) -> Speaker {
        match self {
            Self::User => Speaker::User,
            Self::Assistant => Speaker::Assistant,
            Self::System => Speaker::System,
        }
    }
}

/// Reads `messages`.
pub(super) fn read_turns<'a>(
    turns: &'a [Value],
    model: &Model,
    version: ApiVersion,
    prompt: &mut Prompt<'a>,
) -> Checked<()> {
    if turns.is_empty() {
        return Err(Failure::field(
            "messages",
            "at least one message is required",
        ));
    }
    if turns.len() > MAX_TURNS {
        return Err(Failure::field(
            "messages",
            "at most 100000 messages are allowed",
        ));
    }
    let mut roles = Vec::with_capacity(turns.len());
    for (at, turn) in turns.iter().enumerate() {
        let path = join("messages", at);
        let fields = object(turn, &path)?;
        only(fields, &path, &["role", "content"])?;
        let role = read_role(
            required(fields, &path, "role")?,
            &join(&path, "role"),
            model,
        )?;
        let content = required(fields, &path, "content")?;
        let reader = Reader {
            role,
            model,
            version,
        };
        // Adjacent turns of one role are one turn to the model.
        let merged = roles.last() == Some(&role);
        reader.read(content, &path, merged, prompt)?;
        roles.push(role);
    }
    check_order(&roles)?;
    check_end(&roles, model, prompt)?;
    check_signatures(model, prompt)
}

fn read_role(value: &Value, path: &str, model: &Model) -> Checked<Role> {
    if value == "system" {
        return if model.takes_system_turns() {
            Ok(Role::System)
        } else {
            Err(Failure::field(
                path,
                "role 'system' is not supported on this model",
            ))
        };
    }
    match one_of(value, path, &["user", "assistant"])? {
        "user" => Ok(Role::User),
        _ => Ok(Role::Assistant),
    }
}

/// A system turn comes directly after a user turn, and last or before an assistant turn.
fn check_order(roles: &[Role]) -> Checked<()> {
    for (at, _) in roles
        .iter()
        .enumerate()
        .filter(|(_, role)| **role == Role::System)
    {
        let before = at.checked_sub(1).and_then(|before| roles.get(before));
        let after = roles.get(at + 1);
        let path = format!("messages.{at}.role");
        if before != Some(&Role::User) {
            return Err(Failure::field(
                &path,
                "a system message must follow a user message",
            ));
        }
        if !matches!(after, None | Some(Role::Assistant)) {
            return Err(Failure::field(
                &path,
                "a system message must be last or be followed by an assistant message",
            ));
        }
    }
    Ok(())
}

fn check_end(roles: &[Role], model: &Model, prompt: &Prompt<'_>) -> Checked<()> {
    if roles.last() != Some(&Role::Assistant) {
        return Ok(());
    }
    if !model.takes_prefill() {
        return Err(Failure::invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ));
    }
    match prompt.blocks.last().map(|block| block.content) {
        Some(Content::Text(text)) if text.ends_with(char::is_whitespace) => Err(Failure::field(
            "messages",
            "final assistant content cannot end with trailing whitespace",
        )),
        _ => Ok(()),
    }
}

/// Thinking that is sent back is bound to the conversation before it.
fn check_signatures(model: &Model, prompt: &Prompt<'_>) -> Checked<()> {
    if !model.binds_thinking() {
        return Ok(());
    }
    for (at, (_, range)) in prompt.turns.iter().enumerate() {
        let blocks = prompt.blocks.get(range.clone()).unwrap_or_default();
        for (number, block) in blocks.iter().enumerate() {
            if let Content::Thinking { signature } = block.content
                && signature != prompt.signature_before(model, range.start)
            {
                return Err(Failure::field(
                    &format!("messages.{at}.content.{number}"),
                    "Invalid `signature` in `thinking` block",
                ));
            }
        }
    }
    Ok(())
}

/// Reads the content of one turn.
struct Reader<'m> {
    role: Role,
    model: &'m Model,
    version: ApiVersion,
}

impl Reader<'_> {
    fn read<'a>(
        &self,
        content: &'a Value,
        path: &str,
        merged: bool,
        prompt: &mut Prompt<'a>,
    ) -> Checked<()> {
        let start = prompt.blocks.len();
        let path = join(path, "content");
        if let Some(text) = content.as_str() {
            check_text(text, &path)?;
            prompt.blocks.push(self.text(text, None));
        } else {
            let blocks = array(content, &path)?;
            if blocks.is_empty() {
                return Err(Failure::field(&path, "at least one block is required"));
            }
            for (at, block) in blocks.iter().enumerate() {
                let block = self.block(block, &join(&path, at))?;
                prompt.blocks.push(block);
            }
        }
        if let Some(first) = prompt.blocks.get_mut(start).filter(|_| !merged) {
            first.tokens += TURN_OVERHEAD;
        }
        let range = start..prompt.blocks.len();
        prompt.turns.push((self.role.speaker(), range));
        Ok(())
    }

    fn text<'a>(
        &self,
        text: &'a str,
        breakpoint: Option<lionrocket_claude_wire::request::CacheTtl>,
    ) -> Block<'a> {
        Block {
            speaker: self.role.speaker(),
            content: Content::Text(text),
            tokens: tokens::count(self.model, text),
            breakpoint,
        }
    }

    fn block<'a>(&self, block: &'a Value, path: &str) -> Checked<Block<'a>> {
        let fields = object(block, path)?;
        let mut kinds = match self.role {
            Role::User => vec!["text", "image", "document", "tool_result"],
            Role::Assistant => vec!["text", "thinking", "redacted_thinking", "tool_use"],
            Role::System => vec!["text"],
        };
        if self.role == Role::Assistant && self.version < ApiVersion::Second {
            kinds.push("document");
        }
        let kind = one_of(required(fields, path, "type")?, &join(path, "type"), &kinds)?;
        let breakpoint = breakpoint(block, path)?;
        match kind {
            "text" => {
                let text = self.text_block(fields, path)?;
                return Ok(self.text(text, breakpoint));
            }
            "thinking" | "redacted_thinking" if breakpoint.is_some() => {
                return Err(Failure::field(
                    &join(path, "cache_control"),
                    "thinking blocks cannot be cached by themselves",
                ));
            }
            "thinking" => return self.thinking_block(fields, path),
            "image" | "document" => check_source(kind, fields, path)?,
            "tool_use" => {
                string(required(fields, path, "id")?, &join(path, "id"))?;
                string(required(fields, path, "name")?, &join(path, "name"))?;
                object(required(fields, path, "input")?, &join(path, "input"))?;
            }
            "tool_result" => check_tool_result(fields, path)?,
            _ => {
                string(required(fields, path, "data")?, &join(path, "data"))?;
            }
        }
        Ok(Block {
            speaker: self.role.speaker(),
            content: Content::Other(block),
            tokens: count_block(self.model, block),
            breakpoint,
        })
    }

    fn text_block<'a>(&self, fields: &'a Object, path: &str) -> Checked<&'a str> {
        only(
            fields,
            path,
            &["type", "text", "cache_control", "citations"],
        )?;
        let text = string(required(fields, path, "text")?, &join(path, "text"))?;
        check_text(text, path)?;
        if let Some(citations) = optional(fields, "citations") {
            let path = join(path, "citations");
            let cited = !array(citations, &path)?.is_empty();
            if cited && self.role == Role::User && self.version >= ApiVersion::Second {
                return Err(Failure::field(
                    &path,
                    "citations are not permitted in user messages",
                ));
            }
        }
        Ok(text)
    }

    fn thinking_block<'a>(&self, fields: &'a Object, path: &str) -> Checked<Block<'a>> {
        string(required(fields, path, "thinking")?, &join(path, "thinking"))?;
        let signature = string(
            required(fields, path, "signature")?,
            &join(path, "signature"),
        )?;
        Ok(Block {
            speaker: self.role.speaker(),
            content: Content::Thinking { signature },
            tokens: 0,
            breakpoint: None,
        })
    }
}

fn check_source(kind: &str, fields: &Object, path: &str) -> Checked<()> {
    let source = required(fields, path, "source")?;
    let path = join(path, "source");
    let source = object(source, &path)?;
    let kinds: &[&str] = match kind {
        "image" => &["base64", "url", "file"],
        _ => &["base64", "text", "url", "content", "file"],
    };
    let source_kind = required(source, &path, "type")?;
    let (key, media): (&str, &[&str]) = match one_of(source_kind, &join(&path, "type"), kinds)? {
        "base64" if kind == "image" => (
            "data",
            &["image/jpeg", "image/png", "image/gif", "image/webp"],
        ),
        "base64" => ("data", &["application/pdf"]),
        "text" => ("data", &["text/plain"]),
        "url" => ("url", &[]),
        "file" => ("file_id", &[]),
        _ => return Ok(()),
    };
    string(required(source, &path, key)?, &join(&path, key))?;
    if !media.is_empty() {
        let value = required(source, &path, "media_type")?;
        one_of(value, &join(&path, "media_type"), media)?;
    }
    Ok(())
}

fn check_tool_result(fields: &Object, path: &str) -> Checked<()> {
    let id = required(fields, path, "tool_use_id")?;
    string(id, &join(path, "tool_use_id"))?;
    if let Some(flag) = optional(fields, "is_error") {
        boolean(flag, &join(path, "is_error"))?;
    }
    Ok(())
}
