//! Whether answers stand where they were asked for, and chats show what was chosen.

use std::collections::HashSet;

use super::Talk;
use crate::{
    book::{Ask, Exchange, Step},
    database::{Message, State, Turn},
};

/// What a chat may show. A choice that was not answered may have been taken or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shown {
    /// The branch that ends with a message.
    UpTo(i64),
    /// The branch through a message, to its newest end.
    Through(i64),
}

/// Judges one chat: everything stands where it was asked for, and the last choice is shown.
pub(super) fn judge(talk: &Talk<'_>, state: &State) -> Vec<String> {
    let chat = talk.chat;
    let mut wrong = Vec::new();
    let mut shown: HashSet<Shown> = talk.shown.map(Shown::UpTo).into_iter().collect();
    for step in talk.steps {
        match *step {
            Step::Asked(at) => {
                let exchange = &talk.exchanges[at];
                let Some(turn) = state.with_key(chat, &exchange.key).next() else {
                    continue;
                };
                let ends = ends(chat, &shown, state, turn.own_id);
                if let Some(problem) = misplaced(exchange, turn, &ends, state) {
                    wrong.push(format!("{}: turn {}: {problem}", exchange.key, turn.id));
                }
                shown = HashSet::from([Shown::UpTo(turn.reply_id)]);
            }
            Step::Chosen { message, is_told } => {
                if is_told {
                    shown.clear();
                }
                shown.insert(Shown::Through(message));
            }
        }
    }
    let ends = ends(chat, &shown, state, i64::MAX);
    let head = state.heads.get(&chat).copied().unwrap_or_default();
    if !ends.is_empty() && !ends.contains(&head) {
        wrong.push(format!("chat {chat} shows {head} and should show {ends:?}"));
    }
    wrong
}

/// The last messages of the branches that may be shown, as they were before a message was there.
fn ends(chat: i64, shown: &HashSet<Shown>, state: &State, before: i64) -> HashSet<i64> {
    let end = |shown: &Shown| match *shown {
        Shown::UpTo(end) => end,
        Shown::Through(message) => state.newest_end(chat, message, before),
    };
    shown.iter().map(end).collect()
}

/// How a turn stands elsewhere than it was asked for, if it does.
fn misplaced(
    exchange: &Exchange,
    turn: &Turn,
    shown: &HashSet<i64>,
    state: &State,
) -> Option<String> {
    let message = |id| state.messages.get(&id);
    let parent = |id| message(id).and_then(|message| message.parent_id);
    let own = message(turn.own_id)?;
    let is_new = |message: &Message| message.turn_id.as_ref() == Some(&turn.id);
    let is_right = match exchange.ask {
        Ask::Say => {
            let after = own.parent_id;
            is_new(own) && (shown.is_empty() || after.is_some_and(|id| shown.contains(&id)))
        }
        Ask::Edit(id) => is_new(own) && own.id != id && own.parent_id == parent(id),
        Ask::Regenerate(id) => own.id == id || Some(own.id) == parent(id),
        Ask::Continue(id) => {
            Some(own.id) == parent(id)
                && message(id).is_some_and(|cut| turn.reply.starts_with(&cut.content))
        }
    };
    (!is_right).then(|| {
        format!(
            "it stands elsewhere than was asked by {:?}: reply {} to message {} after {:?}",
            exchange.ask, turn.reply_id, own.id, own.parent_id
        )
    })
}
