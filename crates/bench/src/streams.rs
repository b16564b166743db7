//! Many open streams.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with one decimal"
)]

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures_util::{
    StreamExt,
    future::{join, try_join_all},
};
use serde_json::{Value, json};

use crate::{
    client::Client,
    figures::{Bar, Report, sign_up, with_new_chats},
    process::Running,
};

/// How long the model keeps silent, so that all readers are there before the first word.
const SILENCE: Duration = Duration::from_secs(25);
/// How long work is watched.
const WINDOW: Duration = Duration::from_secs(10);

/// A reply under way.
struct Reply {
    client: Client,
    events: String,
}

/// A thousand open streams: twenty replies with fifty readers each.
pub(crate) async fn thousand(report: &mut Report, server: &Running) -> Result<()> {
    let (first, pause) = (Duration::from_millis(200), Duration::from_secs(2));
    let replies = replies(server, "stream", 20, first, pause).await?;
    let mut streams = Vec::new();
    for reply in &replies {
        for _ in 0..50 {
            let reader = reply.client.get(&reply.events);
            streams.push(reader.send().await?.error_for_status()?);
        }
    }
    report.row(
        "memory with 1,000 open streams",
        (server.resident_mib()?, "MiB"),
        Bar::AtMost(150.0),
        "20 replies with 50 readers each",
    );
    drop(streams);
    Ok(())
}

/// Ten thousand open streams at one piece of text a second: a hundred replies with a hundred readers
/// each. Every reader must have every byte.
pub(crate) async fn ten_thousand(report: &mut Report, server: &Running) -> Result<()> {
    const REPLIES: usize = 100;
    const READERS: usize = 100;
    let replies = replies(server, "crowd", REPLIES, SILENCE, Duration::from_secs(1)).await?;
    let start = Instant::now();
    let mut streams = Vec::new();
    for reply in &replies {
        let opened = (0..READERS).map(|_| async {
            let answer = reply.client.get(&reply.events).send().await?;
            anyhow::Ok(answer.error_for_status()?)
        });
        streams.extend(try_join_all(opened).await?);
    }
    ensure!(
        start.elapsed() < SILENCE,
        "the readers took too long to come: {:?}",
        start.elapsed()
    );
    let pieces = Cell::new(0_usize);
    let readers = streams.into_iter().map(|stream| read(stream, &pieces));
    let watch = async {
        tokio::time::sleep(SILENCE.saturating_sub(start.elapsed())).await;
        // The first words come all at once; what is watched is the flow after them.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (cpu, told) = (server.cpu_seconds()?, pieces.get());
        tokio::time::sleep(WINDOW).await;
        let cpu = server.cpu_seconds()? - cpu;
        anyhow::Ok((cpu, pieces.get() - told, server.resident_mib()?))
    };
    let (outcomes, watched) = join(try_join_all(readers), watch).await;
    let (cpu, told, mib) = watched?;
    let whole = outcomes?.into_iter().filter(|is_whole| *is_whole).count();
    let streams = REPLIES * READERS;
    let seconds = WINDOW.as_secs_f64();
    report.row(
        "10,000 open streams at one piece of text a second: incomplete replies",
        ((streams - whole) as f64, "readers"),
        Bar::AtMost(0.0),
        &format!("{REPLIES} replies with {READERS} readers each"),
    );
    report.row(
        "the same: pieces of text that came",
        (told as f64 / seconds, "a second"),
        Bar::None,
        "",
    );
    report.row("the same: memory", (mib, "MiB"), Bar::None, "");
    report.row(
        "the same: processor",
        (100.0 * cpu / seconds, "% of one core"),
        Bar::None,
        "",
    );
    Ok(())
}

/// Sets replies going that begin after a while and go on with a pause before each piece.
async fn replies(
    server: &Running,
    prefix: &str,
    count: usize,
    first: Duration,
    pause: Duration,
) -> Result<Vec<Reply>> {
    let clients = sign_up(server, prefix, count).await?;
    let people = with_new_chats(&clients, 1).await?;
    let (first, pause) = (first.as_millis(), pause.as_millis());
    let content = format!("A story, please. [[sim:slow;ttft-ms={first};itl-ms={pause}]]");
    let mut replies = Vec::with_capacity(count);
    for person in people {
        let chat = person.chat()?;
        let request = person
            .client
            .post(
                &format!("/api/chats/{chat}/messages"),
                &json!({ "content": content }),
            )
            .header("prefer", "respond-async");
        let turn: Value = request.send().await?.error_for_status()?.json().await?;
        let turn = turn["id"].as_str().context("no turn")?;
        replies.push(Reply {
            events: format!("/api/chats/{chat}/turns/{turn}/events"),
            client: person.client,
        });
    }
    Ok(replies)
}

/// Reads a stream to its end. Answers whether the pieces make the whole reply.
async fn read(stream: reqwest::Response, pieces: &Cell<usize>) -> Result<bool> {
    let mut stream = stream.bytes_stream();
    let (mut unread, mut text) = (Vec::new(), String::new());
    while let Some(chunk) = stream.next().await {
        unread.extend_from_slice(&chunk?);
        while let Some(end) = unread.windows(2).position(|two| two == b"\n\n") {
            let rest = unread.split_off(end + 2);
            let frame = std::mem::replace(&mut unread, rest);
            let frame = std::str::from_utf8(&frame)?;
            let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
            let data = || serde_json::from_str::<Value>(field("data: ").unwrap_or("null"));
            match field("event: ") {
                Some("delta") => {
                    pieces.set(pieces.get() + 1);
                    text.push_str(data()?["text"].as_str().context("no text")?);
                }
                Some("done") => return Ok(data()?["assistant_message"]["content"] == text),
                _ => {}
            }
        }
    }
    Ok(false)
}
