//! Whether everything that was promised was kept.

mod branches;

use std::collections::HashSet;

use serde_json::json;

use crate::{
    book::{Exchange, Reader, Step, Stop},
    chatter::Seen,
    database::{State, Turn},
    plan::OnInterrupt,
};

/// What the server has promised in a cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promises {
    pub(crate) on_interrupt: OnInterrupt,
    /// Whether a piece of a reply that was shown may be lost, and the reader told to begin anew.
    pub(crate) may_take_back: bool,
}

/// What was asked in one chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk<'a> {
    pub(crate) chat: i64,
    /// The last message that it showed before, if that is known.
    pub(crate) shown: Option<i64>,
    pub(crate) exchanges: &'a [Exchange],
    /// What decides which branch it shows, in the order in which it was asked.
    pub(crate) steps: &'a [Step],
}

/// Judges what a server will find that is started after a crash: whatever was acknowledged is there.
pub(crate) fn at_death<'a>(talks: impl Iterator<Item = Talk<'a>>, found: &State) -> Vec<String> {
    let mut wrong = found.broken.clone();
    for talk in talks {
        let kept = talk
            .exchanges
            .iter()
            .map(|exchange| is_kept(exchange, found));
        wrong.extend(kept.filter_map(Result::err));
        wrong.extend(branches::judge(&talk, found));
    }
    wrong
}

/// Whether a message is there once, and with the turn that its clients were told of.
fn is_kept<'a>(exchange: &'a Exchange, state: &'a State) -> Result<Option<&'a Turn>, String> {
    let key = &exchange.key;
    let mut turns = state.with_key(exchange.chat, key);
    let turn = turns.next();
    if turns.next().is_some() {
        return Err(format!("{key}: doubled: several turns"));
    }
    let Some(turn) = turn else {
        if exchange.is_accepted() {
            return Err(format!("{key}: lost: it was accepted and is not there"));
        }
        return Ok(None);
    };
    // 503 may mean that nobody knows what became of it.
    let refused = exchange
        .refusals
        .iter()
        .find(|code| !code.starts_with("503"));
    if let Some(code) = refused.filter(|_| !exchange.is_accepted()) {
        return Err(format!("{key}: it was refused ({code}) and is there"));
    }
    let mut named = exchange
        .acceptances
        .iter()
        .filter_map(|acceptance| acceptance.turn.as_ref());
    if let Some(other) = named.find(|id| **id != turn.id) {
        return Err(format!(
            "{key}: it is the turn {}, but {other} was named",
            turn.id
        ));
    }
    if turn.own != exchange.content {
        return Err(format!("{key}: other words are stored: {:?}", turn.own));
    }
    match state.own_messages.get(&exchange.content) {
        Some(1) => Ok(Some(turn)),
        found => Err(format!(
            "{key}: the message is there {} times",
            found.unwrap_or(&0)
        )),
    }
}

/// Judges what there is when everything has come to its end.
pub(crate) fn at_end<'a>(
    talks: impl Iterator<Item = Talk<'a>>,
    state: &State,
    promises: Promises,
) -> Vec<String> {
    let mut wrong = state.broken.clone();
    let running = state.turns.values().filter(|turn| !turn.is_over());
    wrong.extend(running.map(|turn| format!("stuck: {} is {}", turn.id, turn.state)));
    for talk in talks {
        for exchange in talk.exchanges {
            wrong.extend(exchange_at_end(exchange, state, promises));
        }
        wrong.extend(branches::judge(&talk, state));
    }
    wrong
}

fn exchange_at_end(exchange: &Exchange, state: &State, promises: Promises) -> Vec<String> {
    let turn = match is_kept(exchange, state) {
        Err(problem) => return vec![problem],
        Ok(None) => return Vec::new(),
        Ok(Some(turn)) => turn,
    };
    let judge = Judge {
        exchange,
        turn,
        promises,
    };
    let problems = judge.problems().into_iter();
    let (key, id, state) = (&exchange.key, &turn.id, &turn.state);
    problems
        .map(|problem| format!("{key}: turn {id}, {state}: {problem}"))
        .collect()
}

/// Judges that there is nothing new that nobody asked for.
pub(crate) fn of_origin<'a>(
    talks: impl Iterator<Item = Talk<'a>>,
    before: Option<&State>,
    state: &State,
) -> Vec<String> {
    let asked: HashSet<_> = talks
        .flat_map(|talk| talk.exchanges)
        .map(|exchange| (exchange.chat, Some(&*exchange.key)))
        .collect();
    let is_new = |turn: &&Turn| before.is_none_or(|before| !before.turns.contains_key(&turn.id));
    let nobodys = |turn: &&Turn| !asked.contains(&(turn.chat_id, turn.key.as_deref()));
    let turns = state.turns.values().filter(is_new).filter(nobodys);
    turns
        .map(|turn| format!("turn {}: nobody asked for it", turn.id))
        .collect()
}

/// Judges one message that is there.
struct Judge<'a> {
    exchange: &'a Exchange,
    turn: &'a Turn,
    promises: Promises,
}

impl Judge<'_> {
    fn problems(&self) -> Vec<String> {
        let readers = self
            .exchange
            .readers
            .iter()
            .filter_map(|reader| self.reader(reader));
        let wholes = self
            .exchange
            .wholes
            .iter()
            .filter(|whole| **whole != self.turn.reply);
        let wholes = wholes.map(|whole| differs("a whole answer", whole, &self.turn.reply));
        readers
            .chain(wholes)
            .chain(self.state())
            .chain(self.replays())
            .collect()
    }

    /// What a reader was shown against what is stored.
    fn reader(&self, reader: &Reader) -> Option<String> {
        let stored = &self.turn.reply;
        if reader.resets > 0 && !self.promises.may_take_back {
            return Some("a reader was told to begin anew".to_owned());
        }
        let Some(told) = &reader.told else {
            let is_part = stored.starts_with(&reader.text) || self.promises.may_take_back;
            return (!is_part).then(|| differs("a part that was shown", &reader.text, stored));
        };
        let expected = match self.turn.state.as_str() {
            "completed" => "done",
            "stopped" => "stopped",
            _ => "error",
        };
        if told.event != expected {
            return Some(format!("a reader was told {:?}", told.event));
        }
        if reader.text != *stored {
            return Some(differs("what was shown", &reader.text, stored));
        }
        let content = told.content.as_ref().filter(|content| *content != stored);
        content.map(|content| differs("the reply in the last event", content, stored))
    }

    /// How the turn may have ended.
    fn state(&self) -> Option<String> {
        let crashes = self.exchange.crashes;
        let goes_on = self.promises.on_interrupt == OnInterrupt::Continue && crashes == 1;
        match (self.turn.state.as_str(), self.exchange.stop) {
            ("stopped", Some(_)) => None,
            (_, Some(Stop::Promised)) => {
                Some("it was promised that it would be stopped".to_owned())
            }
            ("completed", _) => None,
            ("interrupted", _) if crashes > 0 && !goes_on => None,
            _ => Some(format!("it may not end like this after {crashes} crashes")),
        }
    }

    /// A message that was accepted before is answered as a repeated one.
    fn replays(&self) -> Option<String> {
        let mut again = self.exchange.acceptances.iter().skip(1);
        let is_new = again.any(|acceptance| !acceptance.is_replay);
        is_new.then(|| "its repetition was not taken for one".to_owned())
    }
}

/// Judges what the API shows against what is stored.
pub(crate) fn of_api(chat: i64, seen: &Seen, state: &State) -> Vec<String> {
    let mut wrong = Vec::new();
    for shown in &seen.turns {
        let id = shown["id"].as_str().unwrap_or_default();
        match state.turns.get(id) {
            Some(turn) if shown["state"] == turn.state.as_str() => {}
            Some(turn) => wrong.push(format!(
                "turn {id} is {}, shown as {}",
                turn.state, shown["state"]
            )),
            None => wrong.push(format!("turn {id} is shown but not there")),
        }
    }
    let branch = state
        .heads
        .get(&chat)
        .map_or_else(Vec::new, |head| state.branch(*head));
    let stored: Vec<_> = branch.iter().map(|message| Some(message.id)).collect();
    let shown: Vec<_> = seen
        .messages
        .iter()
        .map(|message| message["id"].as_i64())
        .collect();
    if shown != stored {
        wrong.push(format!(
            "chat {chat}: the branch {stored:?} is shown as {shown:?}"
        ));
    }
    for (message, shown) in branch.into_iter().zip(&seen.messages) {
        let content = shown["content"].as_str().unwrap_or_default();
        if content != message.content {
            wrong.push(differs("a message of the chat", content, &message.content));
        }
        let siblings = state.siblings(message);
        if shown["sibling_ids"] != json!(siblings) {
            wrong.push(format!(
                "message {} stands beside {siblings:?}, shown beside {}",
                message.id, shown["sibling_ids"]
            ));
        }
    }
    wrong
}

/// Judges that what was over has stayed as it was.
pub(crate) fn of_time(before: &State, after: &State) -> Vec<String> {
    let over = before.turns.values().filter(|turn| turn.is_over());
    let changed = over.filter(|turn| after.turns.get(&turn.id) != Some(*turn));
    changed
        .map(|turn| format!("turn {} was {} and has changed", turn.id, turn.state))
        .collect()
}

/// Says where two texts part.
fn differs(what: &str, found: &str, stored: &str) -> String {
    let same = found
        .chars()
        .zip(stored.chars())
        .take_while(|(one, other)| one == other)
        .count();
    format!(
        "{what} is not what is stored: {} and {} bytes, the same for {same} characters",
        found.len(),
        stored.len()
    )
}

#[cfg(test)]
mod tests;
