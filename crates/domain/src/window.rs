//! What a model is sent of a long conversation: the newest messages, and a summary of those before.
//!
//! What is too much is left out in big steps counted from the chat's beginning, so that the beginning
//! of a request stays the same for many turns and upstream can cache it. Only then does the summary
//! change as well.

use crate::{
    chat::{MessageStatus, PastMessage, Role},
    summary::{BranchSummary, Summary},
    turn::StopReason,
    usage::estimate_tokens,
};

/// How much of the history a model is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBudget {
    /// The most tokens of history and summary, estimated.
    pub max_tokens: u64,
    /// The most messages that are read for a request.
    pub max_messages: u32,
    /// How many messages are left out at a time when there is too much: a big step keeps the
    /// cached beginning of the conversation the same for many turns.
    pub step_messages: usize,
}

impl Default for HistoryBudget {
    fn default() -> Self {
        Self {
            max_tokens: 24_000,
            max_messages: 192,
            step_messages: 32,
        }
    }
}

/// What is kept free for a summary as soon as something is left out, whether there is one yet or not:
/// the cut must not move when one comes.
const SUMMARY_TOKENS: u64 = 1_024;

/// How many tokens of a budget there are for each message of a step: with messages as long as this, a
/// step leaves out all of them, and most are far shorter.
const TOKENS_OF_A_STEP: u64 = 500;

impl HistoryBudget {
    /// A budget of so many tokens, of which a step leaves out only a part.
    #[must_use]
    pub fn of_tokens(max_tokens: u64) -> Self {
        let default = Self::default();
        let fitting = usize::try_from(max_tokens / TOKENS_OF_A_STEP).unwrap_or(usize::MAX);
        Self {
            max_tokens,
            step_messages: fitting.clamp(1, default.step_messages),
            ..default
        }
    }

    fn step(&self) -> i64 {
        i64::try_from(self.step_messages.max(1)).unwrap_or(i64::MAX)
    }

    /// The tokens that are left for messages once something is left out.
    fn tokens_beside(&self, past: &BranchSummary) -> u64 {
        if !past.is_enabled {
            return self.max_tokens;
        }
        let summary = past.newest.as_ref();
        let needed = summary.map_or(0, |summary| estimate_tokens(summary.text.as_str()));
        // However long a summary somebody writes, the newest messages are sent.
        let room = needed.max(SUMMARY_TOKENS).min(self.max_tokens / 2);
        self.max_tokens - room
    }

    /// The depth up to which nothing is sent, since it is not even read, when the last message that is
    /// read has this depth.
    fn unread_up_to(&self, last_depth: i64) -> i64 {
        let unread = last_depth + 1 - i64::from(self.max_messages);
        self.whole_steps(unread.max(0))
    }

    /// The depth at which a step ends, at or after this one.
    fn whole_steps(&self, depth: i64) -> i64 {
        let step = self.step();
        depth.saturating_add(step - 1) / step * step
    }
}

/// What a model is sent of a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window<'a> {
    /// The summary, when something is left out of which one tells.
    pub summary: Option<&'a Summary>,
    /// The newest messages, oldest first, without what must not or cannot be sent.
    pub messages: Vec<&'a PastMessage>,
    /// How many messages are left out, counted from the chat's beginning.
    pub cut_depth: i64,
    /// What will be left out next.
    pub outlook: Outlook,
}

/// When a summary is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outlook {
    /// Never: summaries are switched off.
    #[default]
    Off,
    /// Now: something is left out that no summary tells of.
    Due,
    /// When the next exchange has more tokens than this: then the cut moves.
    DueAbove(u64),
}

impl Outlook {
    /// Whether a summary is due after an exchange with so many tokens.
    #[must_use]
    pub const fn is_due(self, tokens: u64) -> bool {
        match self {
            Self::Off => false,
            Self::Due => true,
            Self::DueAbove(left) => tokens > left,
        }
    }
}

/// Chooses what is sent of a branch. `history` is its last messages, oldest first.
#[must_use]
pub fn window<'a>(
    history: &'a [PastMessage],
    past: &'a BranchSummary,
    budget: HistoryBudget,
) -> Window<'a> {
    let sendable = sendable(history);
    let beside = budget.tokens_beside(past);
    let first_depth = history.first().map_or(0, |message| message.depth);
    let (messages, cut_depth) = within_budget(&sendable, first_depth, beside, budget);
    let cut_depth = match messages.first() {
        _ if cut_depth == 0 => 0,
        Some(first) => first.depth,
        None => history.last().map_or(0, |last| last.depth + 1),
    };
    let summary = past
        .newest
        .as_ref()
        .filter(|_| past.is_enabled && cut_depth > 0);
    let used: u64 = messages.iter().map(|m| estimate_tokens(&m.content)).sum();
    let most = if cut_depth > 0 {
        beside
    } else {
        budget.max_tokens
    };
    let next_last = history.last().map_or(1, |last| last.depth + 2);
    let outlook = if !past.is_enabled {
        Outlook::Off
    } else if past.told_depth() < cut_depth || budget.unread_up_to(next_last) > cut_depth {
        Outlook::Due
    } else {
        Outlook::DueAbove(most.saturating_sub(used))
    };
    Window {
        summary,
        messages,
        cut_depth,
        outlook,
    }
}

/// Leaves out what must not or cannot be sent: empty replies, and refused exchanges whole, since a
/// refused message makes the next reply a refusal as well.
pub(crate) fn sendable(history: &[PastMessage]) -> Vec<&PastMessage> {
    let mut kept: Vec<&PastMessage> = Vec::with_capacity(history.len());
    for message in history {
        if message.role == Role::Assistant && message.stop_reason == Some(StopReason::Refusal) {
            if kept
                .last()
                .is_some_and(|last| Some(last.id) == message.parent_id)
            {
                kept.pop();
            }
        } else if !message.content.trim().is_empty() && message.status != MessageStatus::Streaming {
            kept.push(message);
        }
    }
    kept
}

/// Leaves out the oldest messages, a step at a time and up to a message of the person's, until the
/// rest fits; answers it and how many steps deep that is. The steps are counted from the chat's
/// beginning, so that the cut stays where it is while the conversation grows. `first_depth` tells
/// whether the store left older messages out; `beside` is how many tokens fit beside a summary.
fn within_budget<'a>(
    messages: &[&'a PastMessage],
    first_depth: i64,
    beside: u64,
    budget: HistoryBudget,
) -> (Vec<&'a PastMessage>, i64) {
    let tokens = |messages: &[&PastMessage]| -> u64 {
        messages.iter().map(|m| estimate_tokens(&m.content)).sum()
    };
    let mut rest = messages;
    let mut cut_depth = budget.whole_steps(first_depth);
    loop {
        let mut most = budget.max_tokens;
        if cut_depth > 0 {
            let cut = rest
                .iter()
                .position(|m| m.depth >= cut_depth && m.role == Role::User);
            rest = rest.get(cut.unwrap_or(rest.len())..).unwrap_or_default();
            most = beside;
        }
        if rest.is_empty() || tokens(rest) <= most {
            return (rest.to_vec(), cut_depth);
        }
        cut_depth += budget.step();
    }
}
