//! Losing the database and getting it back.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::{sync::Mutex, task::JoinSet};

use crate::support::{Finished, Home, Person, eventually};

/// Makes a backup and answers what was told of it.
fn back_up(home: &Home) -> Value {
    let finished = home.run(&["backup", "--output", "backups", "--json"], "");
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

fn restore(home: &Home, input: &str) -> Finished {
    home.run(&["restore", "--input", input], "")
}

fn database(home: &Home) -> PathBuf {
    home.path().join("data/app.db")
}

/// What is in a directory, except what SQLite and the lock leave beside a database.
fn files_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_outlives_the_loss_of_the_database() {
    let home = Arc::new(Home::new());
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let said: Arc<Mutex<Vec<Value>>> = Arc::default();
    let mut talking = JoinSet::new();
    talking.spawn({
        let (person, said) = (person.clone(), said.clone());
        async move {
            for number in 0.. {
                let answer = person.say(chat, &format!("number {number}")).await;
                said.lock().await.push(answer.with_status(201));
            }
        }
    });
    eventually("some messages are acknowledged", async || {
        (said.lock().await.len() >= 5).then_some(())
    })
    .await;
    let before = said.lock().await.clone();
    let command = home.clone();
    let made = tokio::task::spawn_blocking(move || back_up(&command))
        .await
        .unwrap();
    talking.abort_all();
    server.kill().await;
    let data = home.path().join("data");
    for name in files_in(&data) {
        if name.starts_with("app.db") {
            fs::remove_file(data.join(name)).unwrap();
        }
    }

    let finished = restore(&home, "backups");
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    assert!(
        finished.stdout.contains("now start the service"),
        "{finished:?}"
    );
    let server = home.serve();
    let person = person.at(&server);
    let messages = person.messages_by_id(chat).await;
    for exchange in &before {
        for side in ["user_message", "assistant_message"] {
            let message = &exchange[side];
            assert_eq!(
                messages[&message["id"].as_i64().unwrap()],
                message["content"]
            );
        }
    }
    // The reply that was under way in the backup goes on, and counts as well.
    eventually("no reply is under way", async || {
        let chat = person.get(&format!("/api/chats/{chat}")).await;
        chat.with_status(200)["running_turn_id"]
            .is_null()
            .then_some(())
    })
    .await;
    let exchanges = person.usage().await["chat_count"].as_i64().unwrap();
    assert!(exchanges >= i64::try_from(before.len()).unwrap());
    let in_backup = made["rows"]["usage_events"].as_i64().unwrap();
    assert!((in_backup..=in_backup + 1).contains(&exchanges));
    person.say(chat, "and on it goes").await.with_status(201);
    assert_eq!(person.usage().await["chat_count"], exchanges + 1);
    server.stop().await;
}

#[tokio::test]
async fn a_database_that_is_served_is_not_replaced() {
    let home = Home::new();
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    back_up(&home);
    let finished = restore(&home, "backups");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished.complaint().contains("stop it first"),
        "{finished:?}"
    );
    person.get("/auth/me").await.with_status(200);
    server.stop().await;

    let finished = home.run(&["restore", "--input", "backups", "--json"], "");
    assert_eq!(finished.code(), Some(0), "{finished:?}");
    let view: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(view["rows"]["users"], 1);
    let former = view["former"].as_str().unwrap();
    assert!(Path::new(former).exists(), "{view}");
    let server = home.serve();
    let person = person.at(&server);
    person.get("/auth/me").await.with_status(200);
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_leaves_nothing_and_says_why() {
    let home = Home::new();
    let finished = home.run(&["backup", "--output", "backups"], "");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished.complaint().contains("DATABASE_URL"),
        "{finished:?}"
    );
    assert!(!home.path().join("data").exists());
    assert_eq!(home.run(&["migrate"], "").code(), Some(0));
    fs::write(home.path().join("file"), "not a directory").unwrap();
    let finished = home.run(&["backup", "--output", "file/backups"], "");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished.complaint().contains("file/backups"),
        "{finished:?}"
    );
    let finished = restore(&home, "backups");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished
            .complaint()
            .starts_with("lionrocket: nothing was restored")
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_without_room_for_a_backup_is_told_and_left_as_it_was() {
    let home = Home::new();
    let Some(disk) = crate::support::SmallDisk::mount(home.path().join("small"), 1) else {
        return;
    };
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let prompt = "You keep a lighthouse. ".repeat(340);
    for number in 0..150 {
        let character = json!({"name": format!("Keeper {number}"), "system_prompt": prompt});
        person
            .post("/api/characters", character)
            .await
            .with_status(201);
    }
    server.stop().await;
    assert!(fs::metadata(database(&home)).unwrap().len() > 1 << 20);
    let finished = home.run(&["backup", "--output", "small"], "");
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    assert!(
        finished.complaint().contains("too little room"),
        "{finished:?}"
    );
    assert_eq!(files_in(disk.path()), [""; 0]);
    back_up(&home);
}
