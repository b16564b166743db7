//! The prompt cache.
//!
//! An entry stands for a whole prefix, up to and including a block. It is found again by a hash of that prefix, of
//! the model and of the settings that change what the model would do with it; the account separates tenants.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use lionrocket_claude_wire::request::CacheTtl;
use sha2::{Digest, Sha256};

use crate::catalogue::Model;
use crate::prompt::{CacheSettings, Prompt};

/// Blocks before a breakpoint where earlier writes are still found.
const LOOK_BACK: usize = 20;
/// Entries kept before the expired ones, or else all, are thrown away.
const MAX_ENTRIES: usize = 100_000;

type Key = [u8; 32];

/// Input tokens by what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InputTokens {
    pub(crate) uncached: u64,
    pub(crate) write_5m: u64,
    pub(crate) write_1h: u64,
    pub(crate) read: u64,
}

impl InputTokens {
    pub(crate) fn total(self) -> u64 {
        self.uncached + self.write_5m + self.write_1h + self.read
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    expires_at: Timestamp,
    ttl: CacheTtl,
}

fn lifetime(ttl: CacheTtl) -> SignedDuration {
    match ttl {
        CacheTtl::FiveMinutes => SignedDuration::from_mins(5),
        CacheTtl::OneHour => SignedDuration::from_hours(1),
    }
}

/// The cached prefixes of all accounts.
#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    entries: Mutex<HashMap<Key, Entry>>,
}

/// What a request reads and will write.
#[derive(Debug, Default)]
pub(crate) struct CachePlan {
    pub(crate) input: InputTokens,
    /// Entries to write or renew once the answer begins.
    kept: Vec<(Key, Entry)>,
}

/// A position of the prompt.
struct Position {
    key: Key,
    /// Tokens up to here.
    tokens: u64,
    breakpoint: Option<CacheTtl>,
}

fn positions(
    account: u64,
    model: &Model,
    settings: CacheSettings,
    prompt: &Prompt<'_>,
) -> Vec<Position> {
    let mut hash = Sha256::new();
    hash.update(account.to_le_bytes());
    hash.update(model.id);
    hash.update(format!("{settings:?}"));
    let mut tokens = 0;
    let position = |block: &crate::prompt::Block<'_>| {
        block.feed(|bytes| {
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        });
        tokens += block.tokens;
        Position {
            key: hash.clone().finalize().into(),
            tokens,
            breakpoint: block.breakpoint,
        }
    };
    prompt.blocks.iter().map(position).collect()
}

impl PromptCache {
    /// Looks up what a request that starts now finds, and plans what it leaves behind.
    pub(crate) fn plan(
        &self,
        account: u64,
        model: &Model,
        settings: CacheSettings,
        prompt: &Prompt<'_>,
        now: Timestamp,
    ) -> CachePlan {
        let total = prompt.tokens();
        if prompt.blocks.iter().all(|block| block.breakpoint.is_none()) {
            return CachePlan {
                input: InputTokens {
                    uncached: total,
                    ..InputTokens::default()
                },
                kept: Vec::new(),
            };
        }
        let positions = positions(account, model, settings, prompt);
        let entries = crate::lock(&self.entries);
        let live = |key: &Key| {
            entries
                .get(key)
                .filter(|entry| entry.expires_at > now)
                .copied()
        };
        let hit = longest_hit(&positions, live);
        let mut plan = CachePlan::default();
        let mut covered = 0;
        if let Some((at, position)) = hit {
            plan.input.read = position.tokens;
            covered = position.tokens;
            // A read renews the entry, and those of the breakpoints inside what was read.
            let inside = positions.iter().take(at).filter(|p| p.breakpoint.is_some());
            for position in inside.chain([position]) {
                if let Some(entry) = live(&position.key) {
                    plan.keep(position.key, entry.ttl, now);
                }
            }
        }
        for position in &positions {
            if let Some(ttl) = position.breakpoint
                && position.tokens > covered
                && position.tokens >= model.min_cached
            {
                let written = position.tokens - covered;
                match ttl {
                    CacheTtl::FiveMinutes => plan.input.write_5m += written,
                    CacheTtl::OneHour => plan.input.write_1h += written,
                }
                covered = position.tokens;
                plan.keep(position.key, ttl, now);
            }
        }
        plan.input.uncached = total - covered;
        plan
    }

    /// Makes a plan's entries readable: the answer has begun.
    pub(crate) fn commit(&self, plan: &CachePlan, now: Timestamp) {
        if plan.kept.is_empty() {
            return;
        }
        let mut entries = crate::lock(&self.entries);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, entry| entry.expires_at > now);
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        entries.extend(plan.kept.iter().copied());
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        crate::lock(&self.entries).clear();
    }
}

impl CachePlan {
    fn keep(&mut self, key: Key, ttl: CacheTtl, started: Timestamp) {
        let expires_at = started
            .saturating_add(lifetime(ttl))
            .unwrap_or(Timestamp::MAX);
        self.kept.push((key, Entry { expires_at, ttl }));
    }
}

/// Finds the longest live prefix among each breakpoint and the positions just before it.
fn longest_hit(
    positions: &[Position],
    live: impl Fn(&Key) -> Option<Entry>,
) -> Option<(usize, &Position)> {
    let breakpoints = positions
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, position)| position.breakpoint.is_some());
    for (at, _) in breakpoints {
        let seen = positions.iter().enumerate().take(at + 1).rev();
        let hit = seen
            .take(LOOK_BACK + 1)
            .find(|(_, position)| live(&position.key).is_some());
        // The breakpoints come from the end, so the first hit is the longest.
        if hit.is_some() {
            return hit;
        }
    }
    None
}
