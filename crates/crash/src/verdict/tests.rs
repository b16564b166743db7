//! A check that cannot fail checks nothing: each kind of damage must be found.

use std::{fs, io::Write as _, path::Path};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    book::{Acceptance, Ask, Told},
    database::Database,
};

const PROMISES: Promises = Promises {
    on_interrupt: OnInterrupt::Continue,
    may_take_back: false,
};

/// A sound database in a directory of its own, with something done to it.
fn database(damage: &str) -> (TempDir, State) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.db");
    make(&path, damage);
    let state = Database::open(&path).unwrap().state().unwrap();
    (directory, state)
}

fn make(path: &Path, damage: &str) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute("PRAGMA synchronous = OFF")
        .unwrap();
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");
    let mut folders: Vec<_> = fs::read_dir(migrations)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    for folder in folders {
        let script = fs::read_to_string(folder.join("up.sql")).unwrap();
        connection.batch_execute(&script).unwrap();
    }
    connection.batch_execute(include_str!("sound.sql")).unwrap();
    // Damage need not obey the rules that the server's own writes are held to.
    for (kind, name) in [
        ("TRIGGER", "usage_events_cannot_be_deleted"),
        ("TRIGGER", "usage_events_can_only_lose_their_user"),
        ("TRIGGER", "usage_attempts_cannot_be_deleted"),
        ("TRIGGER", "usage_attempts_cannot_be_changed"),
        ("INDEX", "turns_by_idempotency_key"),
    ] {
        connection
            .batch_execute(&format!("DROP {kind} {name}"))
            .unwrap();
    }
    connection.batch_execute(damage).unwrap();
}

/// What the clients of the six exchanges have seen.
fn exchanges() -> Vec<Exchange> {
    let told = [
        (Ask::Say, "one", "the first reply", "done"),
        (Ask::Say, "two", "the second reply", "done"),
        (Ask::Say, "three", "the third", "error"),
        (Ask::Continue(6), "three", "the third reply", "done"),
        (Ask::Regenerate(4), "two", "another second", "done"),
        (Ask::Edit(5), "drei", "the other third", "done"),
    ];
    let exchange = |(number, (ask, content, text, event)): (usize, (Ask, &str, &str, &str))| {
        let number = number + 1;
        let mut exchange = Exchange::new(1, format!("key-{number}"), ask, content.to_owned());
        exchange.acceptances = [false, true]
            .map(|is_replay| Acceptance {
                turn: Some(format!("turn-{number}")),
                is_replay,
            })
            .to_vec();
        exchange.readers.push(Reader {
            text: text.to_owned(),
            told: Some(Told {
                event: event.to_owned(),
                content: None,
            }),
            ..Reader::default()
        });
        exchange.crashes = if number == 3 { 2 } else { 0 };
        exchange
    };
    told.into_iter().enumerate().map(exchange).collect()
}

/// What decided which branch is shown: after each exchange that was asked for, the last one here.
const STEPS: &[Step] = &[
    Step::Asked(0),
    Step::Asked(1),
    Step::Asked(2),
    Step::Asked(3),
    Step::Asked(4),
    shown(4),
    Step::Asked(5),
    shown(3),
    shown(7),
];

const fn shown(message: i64) -> Step {
    Step::Chosen {
        message,
        is_told: true,
    }
}

const fn maybe_shown(message: i64) -> Step {
    Step::Chosen {
        message,
        is_told: false,
    }
}

fn talk<'a>(exchanges: &'a [Exchange], steps: &'a [Step]) -> Talk<'a> {
    Talk {
        chat: 1,
        shown: None,
        exchanges,
        steps,
    }
}

/// Everything that is found wrong at the end.
fn found(damage: &str, exchanges: &[Exchange]) -> String {
    let (_directory, state) = database(damage);
    at_end([talk(exchanges, STEPS)].into_iter(), &state, PROMISES).join("\n")
}

#[test]
fn a_sound_database_has_nothing_wrong() {
    let (_directory, state) = database("");
    let exchanges = exchanges();
    let talks = || [talk(&exchanges, STEPS)].into_iter();
    assert_eq!(at_death(talks(), &state), [""; 0]);
    assert_eq!(at_end(talks(), &state, PROMISES), [""; 0]);
    assert_eq!(of_origin(talks(), None, &state), [""; 0]);
    assert_eq!(of_time(&state, &state), [""; 0]);
}

#[test]
fn whatever_is_done_to_a_row_is_found() {
    const OFF: &str = "PRAGMA foreign_keys = OFF;";
    #[rustfmt::skip]
    let damages = [
        ("DELETE FROM turns WHERE id = 'turn-1'", "key-1: lost"),
        ("DELETE FROM messages WHERE id = 6", "a turn has its two messages"),
        ("DELETE FROM messages WHERE id = 1", "refers to is there"),
        ("UPDATE messages SET content = 'One' WHERE id = 1", "other words are stored"),
        ("UPDATE messages SET content = 'the First reply' WHERE id = 2", "what was shown is not what is stored"),
        ("UPDATE messages SET content = 'the third reply' WHERE id = 6", "what was shown is not what is stored"),
        ("UPDATE messages SET status = 'streaming' WHERE id = 2", "a reply stands where its turn stands"),
        ("INSERT INTO messages SELECT 11, chat_id, role, content, token_count, created_at, 7, 6, turn_id, status, model, stop_reason,
            input_tokens, output_tokens, cache_read_tokens, cache_write_tokens FROM messages WHERE id = 1", "the message is there 2 times"),
        ("INSERT INTO messages SELECT 11, chat_id, role, content, token_count, created_at, 5, 5, turn_id, status, model, stop_reason,
            input_tokens, output_tokens, cache_read_tokens, cache_write_tokens FROM messages WHERE id = 6", "a turn writes a message once"),
        ("UPDATE turns SET idempotency_key = 'key-1' WHERE id = 'turn-2'", "key-1: doubled"),
        ("UPDATE turns SET state = 'streaming', ended_at = NULL WHERE id = 'turn-3'", "stuck: turn-3"),
        ("UPDATE turns SET state = 'interrupted' WHERE id = 'turn-2'", "may not end like this"),
        ("UPDATE turns SET stop_requested_at = 5 WHERE id = 'turn-2'", "whose end was asked for is stopped"),
        ("INSERT INTO messages SELECT 11, chat_id, role, content, token_count, created_at, 5, 5, NULL, status, model, stop_reason,
            input_tokens, output_tokens, cache_read_tokens, cache_write_tokens FROM messages WHERE id = 7", "unless it is a greeting"),
        ("UPDATE messages SET parent_id = 8, depth = 4 WHERE id = 10", "people and replies take turns"),
        ("UPDATE messages SET parent_id = 2, depth = 2 WHERE id = 9", "key-6: turn turn-6: it stands elsewhere"),
        ("UPDATE messages SET parent_id = 8 WHERE id = 5", "key-3: turn turn-3: it stands elsewhere"),
        ("UPDATE turns SET user_message_id = 1 WHERE id = 'turn-5'", "key-5: turn turn-5: it stands elsewhere"),
        ("UPDATE turns SET user_message_id = 3 WHERE id = 'turn-4'", "key-4: turn turn-4: it stands elsewhere"),
        ("UPDATE messages SET content = 'the reply' WHERE id = 7", "key-4: turn turn-4: it stands elsewhere"),
        ("UPDATE chats SET head_message_id = 6", "chat 1 shows 6 and should show {7}"),
        ("UPDATE chats SET head_message_id = 4", "a chat shows its newest end"),
        ("DELETE FROM usage_events WHERE turn_id = 'turn-2'", "is charged once it is over"),
        ("UPDATE usage_events SET output_tokens = 4 WHERE turn_id = 'turn-2'", "the ledger says what the reply says"),
        ("UPDATE usage_events SET turn_id = 'turn-9' WHERE turn_id = 'turn-2'", "the ledger says what the reply says"),
        ("UPDATE usage_attempts SET output_tokens = 4 WHERE turn_id = 'turn-2' AND attempt = 1", "the sum of its attempts"),
        ("DELETE FROM usage_attempts WHERE turn_id = 'turn-2' AND attempt = 1", "the sum of its attempts"),
        ("INSERT INTO usage_attempts SELECT 'turn-9', 1, NULL, 'm', 1, 1, 0, 0, 0, 1, 'p', 0, 1", "the sum of its attempts"),
        ("UPDATE usage_stats SET cost_micro_usd = 501 WHERE cost_micro_usd = 500", "a person's day"),
        ("DELETE FROM usage_stats WHERE chat_count = 1", "a person's day"),
        ("INSERT INTO usage_stats VALUES (9, 1, '2026-11-28', 1, 0, 0, 0, 0, 0, 0)", "a person's day"),
        ("UPDATE model_days SET completed = 2 WHERE completed = 1 AND interrupted = 1", "a model's day"),
        ("DELETE FROM model_days WHERE exchanges = 1", "a model's day"),
        ("UPDATE character_days SET exchanges = 3 WHERE exchanges = 2", "a character's day"),
        ("DELETE FROM latency_days WHERE turns = 1", "latencies are counted once"),
        ("UPDATE failure_days SET turns = 2", "failures are counted once"),
        ("UPDATE account_days SET active_accounts = 2 WHERE new_accounts = 1", "counted as active once a day"),
        ("UPDATE account_days SET new_accounts = 2 WHERE new_accounts = 1", "every account is counted"),
        ("INSERT INTO budget_reservations VALUES ('turn-1', 1, '2026-11-25', 5, 5)", "nothing is set aside"),
    ];
    for (damage, word) in damages {
        let found = found(&format!("{OFF} {damage}"), &exchanges());
        assert!(found.contains(word), "{damage}\nfound: {found}");
    }
}

#[test]
fn a_page_that_is_overwritten_is_found() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.db");
    make(&path, "PRAGMA journal_mode = DELETE");
    let mut bytes = fs::read(&path).unwrap();
    let page = bytes
        .windows(15)
        .position(|window| window == b"the first reply")
        .unwrap();
    let start = page / 4096 * 4096;
    bytes[start..start + 16].fill(0xff);
    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let state = Database::open(&path).unwrap().state();
    let found = state.map_or_else(
        |error| format!("{error:#}"),
        |state| state.broken.join("\n"),
    );
    assert!(
        found.contains("malformed") || found.contains("the file is sound"),
        "{found}"
    );
}

/// What is found when the clients have seen something else than the three exchanges.
fn after(change: impl Fn(&mut [Exchange])) -> String {
    let mut exchanges = exchanges();
    change(&mut exchanges);
    found("", &exchanges)
}

#[test]
fn whatever_clients_were_told_wrongly_is_found() {
    let told = |event: &str, content: Option<&str>| {
        Some(Told {
            event: event.to_owned(),
            content: content.map(str::to_owned),
        })
    };
    #[rustfmt::skip]
    let changes: [(&str, String); 10] = [
        ("another was named", after(|all| all[0].acceptances[1].turn = Some("turn-2".to_owned()))),
        ("key-9: lost", after(|all| all[0].key = "key-9".to_owned())),
        ("not taken for one", after(|all| all[0].acceptances[1].is_replay = false)),
        ("told \"stopped\"", after(|all| all[1].readers[0].told = told("stopped", None))),
        ("the last event is not", after(|all| all[1].readers[0].told = told("done", Some("else")))),
        ("a part that was shown", after(|all| {
            all[1].readers[0].told = None;
            all[1].readers[0].text = "the second answer".to_owned();
        })),
        ("begin anew", after(|all| all[1].readers[0].resets = 1)),
        ("a whole answer", after(|all| all[1].wholes.push("the second".to_owned()))),
        ("promised that it would be stopped", after(|all| all[1].stop = Some(Stop::Promised))),
        ("after 1 crashes", after(|all| all[2].crashes = 1)),
    ];
    for (word, found) in changes {
        let word = word.replace("another was named", "but turn-2 was named");
        assert!(found.contains(&word), "{word}: {found}");
    }
}

#[test]
fn a_part_that_was_shown_may_be_less_than_what_is_stored() {
    let part = after(|all| {
        all[1].readers[0].told = None;
        all[1].readers[0].text = "the sec".to_owned();
    });
    assert_eq!(part, "");
}

#[test]
fn a_message_that_nobody_accepted_may_be_missing_but_not_doubled() {
    let mut exchanges = exchanges();
    exchanges[0].acceptances.clear();
    exchanges[0].readers.clear();
    exchanges[0].key = "key-9".to_owned();
    assert_eq!(found("", &exchanges), "");
    let twice = "UPDATE turns SET idempotency_key = 'key-9' WHERE id <> 'turn-3'";
    assert!(found(twice, &exchanges).contains("key-9: doubled"));
    exchanges[0].key = "key-1".to_owned();
    exchanges[0].refusals = vec!["507 storage_full".to_owned()];
    assert!(found("", &exchanges).contains("and is there"));
    exchanges[0].refusals = vec!["503 service_unavailable".to_owned()];
    assert_eq!(found("", &exchanges), "");
}

#[test]
fn what_was_over_and_changes_is_found() {
    let (_directory, before) = database("");
    for damage in [
        "UPDATE turns SET state = 'completed', error_code = NULL WHERE id = 'turn-3'",
        "UPDATE messages SET content = 'the third reply' WHERE id = 6",
        "UPDATE turns SET ended_at = 10 WHERE id = 'turn-3'",
        "PRAGMA foreign_keys = OFF; DELETE FROM turns WHERE id = 'turn-3'",
    ] {
        let (_directory, now) = database(damage);
        assert_eq!(of_time(&before, &now).len(), 1, "{damage}");
    }
}

#[test]
fn what_nobody_asked_for_is_found() {
    let (_directory, state) = database("");
    let exchanges = exchanges();
    let fewer = [talk(&exchanges[..5], &STEPS[..5])];
    let found = of_origin(fewer.into_iter(), None, &state);
    assert_eq!(found, ["turn turn-6: nobody asked for it"]);
    assert_eq!(of_origin(fewer.into_iter(), Some(&state), &state), [""; 0]);
}

/// What is found when the chat was to show something else, from message 7 on.
fn after_steps(steps: &[Step]) -> String {
    let (_directory, state) = database("");
    let exchanges = exchanges();
    at_death([talk(&exchanges, steps)].into_iter(), &state).join("\n")
}

#[test]
fn a_chat_shows_the_last_choice_or_one_that_was_not_answered() {
    // Down to the newest end, which the chat does not show.
    assert_eq!(
        after_steps(&[shown(3)]),
        "chat 1 shows 7 and should show {8}"
    );
    assert_eq!(
        after_steps(&[shown(4)]),
        "chat 1 shows 7 and should show {10}"
    );
    assert_eq!(after_steps(&[shown(5)]), "");
    assert_eq!(after_steps(&[shown(3), maybe_shown(7)]), "");
    assert_eq!(after_steps(&[shown(7), maybe_shown(3)]), "");
    assert_ne!(after_steps(&[shown(3), maybe_shown(10)]), "");
    assert_ne!(after_steps(&[maybe_shown(7), shown(3)]), "");
    assert_ne!(after_steps(&[shown(7), Step::Asked(4)]), "");
    assert_eq!(after_steps(&[Step::Asked(4), shown(7)]), "");
    // What was not begun shows nothing.
    let (_directory, state) = database("");
    let mut exchanges = exchanges();
    exchanges[5].acceptances.clear();
    exchanges[5].key = "key-9".to_owned();
    let steps = [shown(7), Step::Asked(5)];
    let judged = branches::judge(&talk(&exchanges, &steps), &state);
    assert_eq!(judged, [""; 0]);
    let before = Talk {
        shown: Some(10),
        ..talk(&exchanges, &[])
    };
    assert_eq!(branches::judge(&before, &state).len(), 1);
}

#[test]
fn what_the_api_shows_otherwise_is_found() {
    let (_directory, state) = database("");
    let turn = |state: &str| json!({"id": "turn-1", "state": state});
    let message = |id: i64, content: &str, siblings: &[i64]| json!({"id": id, "content": content, "sibling_ids": siblings});
    let seen = |turn: Value, change: &dyn Fn(&mut Vec<Value>)| {
        let mut messages = vec![
            message(1, "one", &[1]),
            message(2, "the first reply", &[2]),
            message(3, "two", &[3]),
            message(4, "the second reply", &[4, 8]),
            message(5, "three", &[5, 9]),
            message(7, "the third reply", &[6, 7]),
        ];
        change(&mut messages);
        let seen = Seen {
            turns: vec![turn],
            messages,
        };
        of_api(1, &seen, &state).join("\n")
    };
    let whole = |change: &dyn Fn(&mut Vec<Value>)| seen(turn("completed"), change);
    assert_eq!(whole(&|_| {}), "");
    assert!(seen(turn("interrupted"), &|_| {}).contains("shown as"));
    let order = "is shown as";
    assert!(whole(&|all| drop(all.remove(0))).contains(order));
    assert!(whole(&|all| all.push(all[0].clone())).contains(order));
    assert!(whole(&|all| all.swap(0, 2)).contains(order));
    let other = whole(&|all| all[5] = message(6, "the third", &[6, 7]));
    assert!(other.contains(order));
    let cut = whole(&|all| all[1]["content"] = "the first".into());
    assert!(cut.contains("a message of the chat"));
    let alone = whole(&|all| all[3]["sibling_ids"] = json!([4]));
    assert!(alone.contains("stands beside [4, 8]"));
    let turned = whole(&|all| all[3]["sibling_ids"] = json!([8, 4]));
    assert!(turned.contains("stands beside [4, 8]"));
}
