//! Checks cache breakpoints.

use lionrocket_claude_wire::request::CacheTtl;
use serde_json::Value;

use super::fields::{Checked, Object, join, object, one_of, only, optional, required};
use crate::failure::Failure;
use crate::prompt::{Block, Prompt};

const MAX_BREAKPOINTS: usize = 4;

/// Reads the `cache_control` of a block or of the request.
pub(super) fn breakpoint(value: &Value, path: &str) -> Checked<Option<CacheTtl>> {
    let Some(control) = value.get("cache_control").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let path = join(path, "cache_control");
    let control = object(control, &path)?;
    only(control, &path, &["type", "ttl"])?;
    one_of(
        required(control, &path, "type")?,
        &join(&path, "type"),
        &["ephemeral"],
    )?;
    let ttl = optional(control, "ttl")
        .map(|ttl| one_of(ttl, &join(&path, "ttl"), &["5m", "1h"]))
        .transpose()?;
    Ok(Some(match ttl {
        Some("1h") => CacheTtl::OneHour,
        _ => CacheTtl::FiveMinutes,
    }))
}

/// Applies automatic caching, and checks the breakpoints against each other.
pub(super) fn check(fields: &Object, prompt: &mut Prompt<'_>) -> Checked<()> {
    let explicit = |block: &&Block<'_>| block.breakpoint.is_some();
    let mut slots = prompt.blocks.iter().filter(explicit).count();
    let automatic = optional(fields, "cache_control")
        .map(|control| breakpoint(&serde_json::json!({ "cache_control": control }), ""))
        .transpose()?
        .flatten();
    let last = prompt
        .blocks
        .iter_mut()
        .rev()
        .find(|block| block.is_cacheable());
    if let (Some(ttl), Some(last)) = (automatic, last) {
        match last.breakpoint.replace(ttl) {
            Some(other) if other != ttl => {
                return Err(Failure::field(
                    "cache_control",
                    "the last block has a cache_control with another ttl",
                ));
            }
            // The same place twice needs one slot, unless none was left for the automatic one.
            Some(_) if slots < MAX_BREAKPOINTS => {}
            _ => slots += 1,
        }
    }
    if slots > MAX_BREAKPOINTS {
        return Err(Failure::invalid(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {slots}."
        )));
    }
    let lifetimes: Vec<CacheTtl> = prompt
        .blocks
        .iter()
        .filter_map(|block| block.breakpoint)
        .collect();
    let grows = |pair: &[CacheTtl]| matches!(pair, [CacheTtl::FiveMinutes, CacheTtl::OneHour]);
    if lifetimes.windows(2).any(grows) {
        return Err(Failure::invalid(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block",
        ));
    }
    Ok(())
}
