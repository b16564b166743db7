//! A running service whose disk fails or is full.

use rusqlite::Connection;

use crate::support::{Home, Person};

/// Lets a message fail as a disk would make it fail: SQLite's text is all that the service sees of its
/// errors, and a trigger may say anything.
fn fail_with(home: &Home, message: &str) {
    let database = Connection::open(home.path().join("data/app.db")).unwrap();
    database
        .execute_batch(&format!(
            "CREATE TRIGGER fail BEFORE INSERT ON messages WHEN NEW.content = 'unlucky' \
             BEGIN SELECT RAISE(ROLLBACK, '{message}'); END"
        ))
        .unwrap();
}

#[tokio::test]
async fn after_an_error_of_the_disk_the_service_writes_no_more_and_ends_with_its_own_code() {
    for message in ["disk I/O error", "attempt to write a readonly database"] {
        let home = Home::new();
        let mut server = home.serve();
        let person = Person::register(&server, "mina").await;
        let chat = person.open_chat().await;
        person.say(chat, "hello").await.with_status(201);
        fail_with(&home, message);
        // Whether this very message was kept is not known, so it is not acknowledged.
        let refused = person.say(chat, "unlucky").await;
        assert_eq!(refused.code(), "service_unavailable", "{refused:?}");
        let status = server.ended().await;
        assert_eq!(status.code(), Some(74), "{}", server.log());
        server.has_said("the storage failed").await;

        Connection::open(home.path().join("data/app.db"))
            .unwrap()
            .execute_batch("DROP TRIGGER fail")
            .unwrap();
        let server = home.serve();
        let person = person.at(&server);
        assert_eq!(person.messages(chat).await.len(), 2);
        person.say(chat, "unlucky").await.with_status(201);
        server.stop().await;
    }
}

#[tokio::test]
async fn damage_that_is_found_while_the_service_runs_ends_it() {
    let home = Home::new();
    let mut server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    fail_with(&home, "database disk image is malformed");
    let refused = person.say(chat, "unlucky").await;
    assert_eq!(refused.code(), "service_unavailable", "{refused:?}");
    assert_eq!(server.ended().await.code(), Some(74), "{}", server.log());
    assert!(
        server.log().contains("lionrocket restore --input"),
        "{}",
        server.log()
    );
}

#[cfg(target_os = "linux")]
mod full {
    use std::{
        fs::{self, File},
        io::{self, Write as _},
        path::PathBuf,
    };

    use lionrocket_claude_sim::Simulator;
    use reqwest::Method;
    use serde_json::json;

    use crate::support::{Answer, Home, Person, SmallDisk, eventually};

    /// A service on a disk of 16 MiB, that is gone with this.
    struct Place {
        home: Home,
        disk: SmallDisk,
    }

    impl Place {
        fn new(home: Home) -> Option<Self> {
            let home = home.with("DISK_LOW_WATER_MB", "4");
            let disk = SmallDisk::mount(home.path().join("data"), 16)?;
            Some(Self { home, disk })
        }

        fn filler(&self) -> PathBuf {
            self.disk.path().join("filler")
        }

        /// Fills the disk until so many bytes are left of what is free now. What is given up meanwhile
        /// stays free.
        fn fill(&self, left: u64) {
            let mut filler = File::create(self.filler()).unwrap();
            let mut missing = self.disk.free().saturating_sub(left);
            let piece = vec![0; 64 * 1024];
            while missing > 0 {
                let length = missing.min(64 * 1024);
                match filler.write_all(&piece[..usize::try_from(length).unwrap()]) {
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => return,
                    written => written.unwrap(),
                }
                missing -= length;
            }
        }

        fn empty(&self) {
            fs::remove_file(self.filler()).unwrap();
        }
    }

    /// Sends words under a key, so that nothing is said twice.
    async fn say(person: &Person, chat: i64, key: &str) -> Answer {
        let path = format!("/api/chats/{chat}/messages");
        let request = person.request(Method::POST, &path);
        Answer::of(
            request
                .header("idempotency-key", key)
                .json(&json!({"content": key})),
        )
        .await
    }

    #[tokio::test]
    async fn below_low_water_new_messages_are_refused_and_everything_else_goes_on() {
        let Some(place) = Place::new(Home::new()) else {
            return;
        };
        let server = place.home.serve();
        let person = Person::register(&server, "mina").await;
        let chat = person.open_chat().await;
        let before = say(&person, chat, "before").await.with_status(201);
        place.fill(3 << 20);
        server.has_said("the disk is nearly full").await;
        let refused = say(&person, chat, "after").await;
        assert_eq!(refused.code(), "storage_full", "{refused:?}");
        refused.with_status(507);
        assert_eq!(
            person.messages(chat).await.len(),
            2,
            "nothing of it was kept"
        );
        let again = say(&person, chat, "before").await;
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(again.with_status(201), before);
        let other = Person::login(&server, "mina").await;
        other.get("/auth/me").await.with_status(200);
        other.get("/readyz").await.with_status(200);

        place.empty();
        server.has_said("there is room on the disk again").await;
        say(&person, chat, "after").await.with_status(201);
        server.stop().await;
    }

    #[tokio::test]
    async fn on_a_full_disk_replies_end_and_people_sign_in() {
        let simulator = Simulator::builder().start().await.unwrap();
        let Some(place) = Place::new(Home::behind(&simulator)) else {
            return;
        };
        let server = place.home.serve();
        let person = Person::register(&server, "mina").await;
        let chat = person.open_chat().await;
        let free = person.open_chat().await;
        let words = "[[sim:stall;after=4;ms=600000]] tell me";
        let begun = person.say_and_go(chat, words).await.with_status(202);
        let turn = begun["id"].as_str().unwrap().to_owned();
        let reserve = place.disk.path().join("app.db.reserve");
        assert!(reserve.exists());
        place.fill(0);
        // Whoever meets the end of the room first gets what was kept back; a new message does not.
        Person::login(&server, "mina").await;
        let refused = say(&person, free, "more").await;
        assert_eq!(refused.code(), "storage_full", "{refused:?}");
        eventually("the reserve is given up", async || {
            (!reserve.exists()).then_some(())
        })
        .await;

        let stop = format!("/api/chats/{chat}/turns/{turn}/stop");
        let stopped = person.post(&stop, json!({})).await;
        assert!(matches!(stopped.status, 200 | 202), "{stopped:?}");
        eventually("the reply ends", async || {
            (person.turn(chat, &turn).await["state"] == "stopped").then_some(())
        })
        .await;
        Person::login(&server, "mina").await;
        let refused = say(&person, chat, "more").await;
        assert_eq!(refused.code(), "storage_full", "{refused:?}");

        place.empty();
        eventually("some room is kept back again", async || {
            reserve.exists().then_some(())
        })
        .await;
        eventually("messages are taken again", async || {
            let answer = say(&person, chat, "more").await;
            (answer.status == 201).then_some(())
        })
        .await;
        server.stop().await;
    }
}
