//! The figures and how each is taken.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with one decimal"
)]

use std::{
    fmt,
    future::Future,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, future::try_join_all};
use serde_json::{Value, json};

use crate::{
    baseline,
    client::{Client, http},
    process::{Programs, Running, free_port},
    seed,
};

/// How long one window of load is.
const WINDOW: Duration = Duration::from_secs(2);

/// The figures of one run.
pub(crate) struct Report {
    rounds: usize,
    rows: Vec<[String; 4]>,
}

/// What a figure is held to.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// It is this at the most.
    AtMost(f64),
    /// It is this at the least.
    AtLeast(f64),
    /// It is only told.
    None,
}

impl Bar {
    fn verdict(self, figure: f64) -> &'static str {
        let holds = match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
            Self::None => return "",
        };
        if holds { "holds" } else { "MISSED" }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::None => Ok(()),
        }
    }
}

impl Report {
    pub(crate) const fn new(rounds: usize) -> Self {
        Self {
            rounds,
            rows: Vec::new(),
        }
    }

    /// Notes a figure with its unit and bar, and whatever explains it.
    pub(crate) fn row(&mut self, what: &str, (figure, unit): (f64, &str), bar: Bar, besides: &str) {
        let verdict = bar.verdict(figure);
        let mut told = format!("{} {unit}", tenths(figure));
        if !besides.is_empty() {
            told = format!("{told} ({besides})");
        }
        let bar = match bar {
            Bar::None => String::new(),
            bar => format!("{bar} {unit}"),
        };
        eprintln!("{what}: {told}, bar: {bar} {verdict}");
        self.rows
            .push([what.to_owned(), told, bar, verdict.to_owned()]);
    }

    /// Prints the figures as a Markdown table.
    pub(crate) fn print(&self) {
        println!("| work | figure | bar | |\n|---|---|---|---|");
        for [what, figure, bar, verdict] in &self.rows {
            println!("| {what} | {figure} | {bar} | {verdict} |");
        }
    }
}

/// The size of the server's binary.
pub(crate) fn binary_size(report: &mut Report, programs: &Programs) -> Result<()> {
    let bytes = std::fs::metadata(&programs.server)?.len();
    report.row(
        "release binary with the web app inside",
        (bytes as f64 / 1e6, "MB"),
        Bar::AtMost(35.0),
        "",
    );
    Ok(())
}

/// From the start on an empty directory to the first 200, and the memory of an idle server.
pub(crate) async fn start_up(report: &mut Report, programs: &Programs) -> Result<()> {
    let (mut waits, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..report.rounds {
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let command = programs.server_command(data.path(), port);
        let start = Instant::now();
        let running = Running::start(command, port, "/readyz").await?;
        waits.push(start.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(300)).await;
        memory.push(running.resident_mib()?);
    }
    report.row(
        "start to first 200, migrations done",
        (median(&mut waits), "ms"),
        Bar::AtMost(200.0),
        "",
    );
    report.row(
        "idle memory",
        (median(&mut memory), "MiB"),
        Bar::AtMost(40.0),
        "",
    );
    Ok(())
}

/// Reading lists and pages, against a bare handler that answers as many bytes.
pub(crate) async fn reads(report: &mut Report, client: &Client, bare: &Running) -> Result<()> {
    let page_chat = find_chat(client, seed::PAGE_TITLE).await?;
    let reads = [
        ("list 50 chats", "/api/chats?limit=50".to_owned()),
        (
            "read a page of 50 of 2,000 messages",
            format!("/api/chats/{page_chat}/messages?limit=50"),
        ),
    ];
    for (what, path) in reads {
        let size = size_of(client, &path).await?;
        let (mut ratios, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..report.rounds {
            let ours_now =
                wrk(&format!("{}{path}", client.base), Some(&client.token), None).await?;
            let floor = wrk(&format!("{}/bytes?size={size}", bare.url), None, None).await?;
            ratios.push(100.0 * ours_now / floor);
            ours.push(ours_now);
        }
        report.row(
            what,
            (median(&mut ratios), "% of a bare handler"),
            Bar::AtLeast(40.0),
            &format!("{}/s, {size} bytes", whole(median(&mut ours))),
        );
    }
    first_reads(report, client, bare, page_chat).await
}

/// Reading pages that nobody has read a moment ago: each goes to the database.
async fn first_reads(
    report: &mut Report,
    client: &Client,
    bare: &Running,
    page_chat: i64,
) -> Result<()> {
    let path = format!("/api/chats/{page_chat}/messages?limit=50");
    let newest = newest_message(client, &path).await?;
    let size = size_of(client, &path).await?;
    let script = tempfile::NamedTempFile::with_suffix(".lua")?;
    // Another page at each request, and more of them than are remembered.
    let text = format!(
        "local at = 0\nrequest = function()\n  at = (at + 1) % 1900\n  \
         return wrk.format('GET', '{path}&before=' .. ({newest} - at))\nend\n"
    );
    std::fs::write(script.path(), text)?;
    let (mut ratios, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..report.rounds {
        let url = format!("{}{path}", client.base);
        let ours_now = wrk(&url, Some(&client.token), Some(script.path())).await?;
        let floor = wrk(&format!("{}/bytes?size={size}", bare.url), None, None).await?;
        ratios.push(100.0 * ours_now / floor);
        ours.push(ours_now);
    }
    report.row(
        "the same, but pages that nobody read before",
        (median(&mut ratios), "% of a bare handler"),
        Bar::None,
        &format!("{}/s", whole(median(&mut ours))),
    );
    Ok(())
}

async fn newest_message(client: &Client, path: &str) -> Result<i64> {
    let page: Value = client
        .get(path)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let items = page["items"].as_array().context("no items")?;
    let newest = items.last().and_then(|item| item["id"].as_i64());
    newest.context("a chat without messages")
}

async fn size_of(client: &Client, path: &str) -> Result<usize> {
    let answer = client.get(path).send().await?.error_for_status()?;
    Ok(answer.bytes().await?.len())
}

/// Requests per second at 32 connections, by wrk, which costs next to nothing itself.
async fn wrk(url: &str, token: Option<&str>, script: Option<&Path>) -> Result<f64> {
    let mut command = tokio::process::Command::new("wrk");
    command.args(["-t1", "-c32", &format!("-d{}s", WINDOW.as_secs())]);
    if let Some(token) = token {
        command.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let output = command
        .arg(url)
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("wrk is missing: install it with `apt-get install wrk`")?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(!text.contains("Non-2xx"), "some requests failed:\n{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .context("wrk printed no figure")?;
    Ok(line.trim().parse()?)
}

/// The first words of a reply, against the same upstream called directly, 16 at a time.
pub(crate) async fn first_text(
    report: &mut Report,
    server: &Running,
    simulator: &Running,
) -> Result<()> {
    const CONCURRENT: usize = 16;
    let clients = sign_up(server, "first", CONCURRENT).await?;
    let direct = http()?;
    let url = format!("{}/v1/messages", simulator.url);
    let (mut medians, mut tails) = (Vec::new(), Vec::new());
    for _ in 0..report.rounds {
        let people = with_new_chats(&clients, 200).await?;
        let mut ours = latencies(CONCURRENT, |i| first_delta(people.get(i))).await?;
        let mut base = latencies(CONCURRENT, |_| first_upstream_delta(&direct, &url)).await?;
        medians.push(median(&mut ours) - median(&mut base));
        tails.push(percentile(&mut ours, 99.0) - percentile(&mut base, 99.0));
    }
    report.row(
        "our own time to the first text, 16 at a time: median",
        (median(&mut medians), "ms"),
        Bar::AtMost(5.0),
        "",
    );
    report.row(
        "the same: 99 of 100",
        (median(&mut tails), "ms"),
        Bar::AtMost(15.0),
        "",
    );
    Ok(())
}

async fn first_delta(person: Option<&Person>) -> Result<Duration> {
    let person = person.context("more loops than people")?;
    let (client, chat) = (&person.client, person.chat()?);
    let body = json!({ "content": "How was your day by the sea?" });
    let request = client
        .post(&format!("/api/chats/{chat}/messages"), &body)
        .header("accept", "text/event-stream");
    time_to(request, b"event: delta").await
}

async fn first_upstream_delta(http: &reqwest::Client, url: &str) -> Result<Duration> {
    time_to(
        baseline::upstream_call(http, url, 0),
        b"event: content_block_delta",
    )
    .await
}

/// The time until some bytes of a stream show a mark. Reads the rest as well.
async fn time_to(request: reqwest::RequestBuilder, mark: &[u8]) -> Result<Duration> {
    let start = Instant::now();
    let mut stream = request.send().await?.error_for_status()?.bytes_stream();
    let (mut seen, mut found) = (Vec::new(), None);
    while let Some(chunk) = stream.next().await {
        seen.extend_from_slice(&chunk?);
        if found.is_none() && seen.windows(mark.len()).any(|window| window == mark) {
            found = Some(start.elapsed());
        }
    }
    found.context("the stream ended without text")
}

/// Whole exchanges, 64 at a time, against a bare handler that makes the same upstream call.
pub(crate) async fn exchanges(report: &mut Report, server: &Running, bare: &Running) -> Result<()> {
    const CONCURRENT: usize = 64;
    let clients = sign_up(server, "exchange", CONCURRENT).await?;
    let http = http()?;
    let url = format!("{}/exchange", bare.url);
    let (mut ratios, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..report.rounds {
        let people = with_new_chats(&clients, 100).await?;
        let ours_now = rate(CONCURRENT, |i| {
            let person = people.get(i).context("more loops than people");
            async move {
                let person = person?;
                person.client.exchange(person.chat()?).await
            }
        })
        .await?;
        let floor = rate(CONCURRENT, |_| async {
            let body = json!({ "content": "How was your day by the sea?" });
            http.post(&url)
                .json(&body)
                .send()
                .await?
                .error_for_status()?
                .bytes()
                .await?;
            Ok(())
        })
        .await?;
        ratios.push(100.0 * ours_now / floor);
        ours.push(ours_now);
    }
    report.row(
        "send a message, upstream at zero latency, 64 at a time",
        (median(&mut ratios), "% of a bare handler"),
        Bar::AtLeast(50.0),
        &format!("{}/s, no errors", whole(median(&mut ours))),
    );
    Ok(())
}

/// How many exchanges of a long chat a model is sent: between 80 and 96.
const SENT_EXCHANGES: usize = 88;

/// An exchange in a very long chat against one in a short one, in turns; and both without the time that
/// the model takes for a request of that length.
pub(crate) async fn long_chat(
    report: &mut Report,
    client: &Client,
    simulator: &Running,
) -> Result<()> {
    let direct = http()?;
    let url = format!("{}/v1/messages", simulator.url);
    let short = find_chats(client, seed::SHORT_TITLE).await?;
    let window = find_chat(client, seed::WINDOW_TITLE).await?;
    let long = find_chat(client, seed::LONG_TITLE).await?;
    let mut times: [Vec<f64>; 5] = Default::default();
    for chat in short.into_iter().cycle().take(20 * report.rounds) {
        for (times, chat) in times.iter_mut().zip([chat, window, long]) {
            times.push(millis(client.exchange(chat)).await?);
        }
        for (times, exchanges) in times.iter_mut().skip(3).zip([5, SENT_EXCHANGES]) {
            let call = baseline::upstream_call(&direct, &url, exchanges);
            times.push(millis(baseline::read(call)).await?);
        }
    }
    let [short, window, long, few, many] = times.map(|mut times| median(&mut times));
    let (own_short, own_long) = (short - few, long - many);
    report.row(
        "our own part of an exchange at 100,000 messages",
        (100.0 * own_long / own_short, "% of one at 10"),
        Bar::AtMost(110.0),
        &format!("{own_long:.2} ms against {own_short:.2} ms"),
    );
    report.row(
        "the same with the model's, which is sent more",
        (100.0 * long / short, "% of one at 10"),
        Bar::None,
        &format!("{long:.2} ms against {short:.2} ms"),
    );
    report.row(
        "the same, against a chat just longer than what the model is sent",
        (100.0 * long / window, "% of one at 200"),
        Bar::None,
        &format!("{window:.2} ms"),
    );
    Ok(())
}

/// How many milliseconds something takes.
async fn millis<T>(work: impl Future<Output = Result<T>>) -> Result<f64> {
    let start = Instant::now();
    work.await?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// A person and their open chats, taken in turns: a chat that goes on sends ever more to the model,
/// and the baseline does not.
pub(crate) struct Person {
    pub(crate) client: Client,
    chats: Vec<i64>,
    taken: AtomicUsize,
}

impl Person {
    /// The next chat.
    pub(crate) fn chat(&self) -> Result<i64> {
        let place = self.taken.fetch_add(1, Ordering::Relaxed) % self.chats.len().max(1);
        self.chats
            .get(place)
            .copied()
            .context("a person without a chat")
    }
}

/// Signs people up.
pub(crate) async fn sign_up(server: &Running, prefix: &str, count: usize) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    for i in 0..count {
        clients.push(Client::register(&server.url, &format!("{prefix}{i}")).await?);
    }
    Ok(clients)
}

/// Opens new chats for everybody.
pub(crate) async fn with_new_chats(clients: &[Client], chats: usize) -> Result<Vec<Person>> {
    let people = clients.iter().map(|client| async move {
        let chats = client.open_chats(chats).await?;
        anyhow::Ok(Person {
            client: client.clone(),
            chats,
            taken: AtomicUsize::new(0),
        })
    });
    try_join_all(people).await
}

async fn find_chat(client: &Client, title: &str) -> Result<i64> {
    let found = find_chats(client, title).await?;
    let chat = found.first().copied();
    chat.with_context(|| format!("no chat titled {title}"))
}

/// A page of the chats that have a title.
async fn find_chats(client: &Client, title: &str) -> Result<Vec<i64>> {
    let path = format!("/api/chats?q={title}&limit=100");
    let found: Value = client
        .get(&path)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let items = found["items"].as_array().context("no list of chats")?;
    let ids = items.iter().map(|chat| chat["id"].as_i64());
    ids.collect::<Option<_>>().context("a chat without an id")
}

/// How often per second `work` is done when `concurrent` loops do nothing else.
async fn rate<F: Future<Output = Result<()>>>(
    concurrent: usize,
    work: impl Fn(usize) -> F,
) -> Result<f64> {
    let start = Instant::now();
    let work = &work;
    let loops = (0..concurrent).map(|i| async move {
        let mut count = 0_u32;
        while start.elapsed() < WINDOW {
            work(i).await?;
            count += 1;
        }
        anyhow::Ok(count)
    });
    let counts = try_join_all(loops).await?;
    Ok(f64::from(counts.iter().sum::<u32>()) / start.elapsed().as_secs_f64())
}

/// How long `work` took, in milliseconds, when `concurrent` loops do it for a while.
async fn latencies<F: Future<Output = Result<Duration>>>(
    concurrent: usize,
    work: impl Fn(usize) -> F,
) -> Result<Vec<f64>> {
    let start = Instant::now();
    let work = &work;
    let loops = (0..concurrent).map(|i| async move {
        let mut times = Vec::new();
        while start.elapsed() < WINDOW {
            times.push(work(i).await?.as_secs_f64() * 1e3);
        }
        anyhow::Ok(times)
    });
    Ok(try_join_all(loops).await?.into_iter().flatten().collect())
}

fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50.0)
}

fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list that fits into memory"
    )]
    let place = ((values.len().saturating_sub(1)) as f64 * percent / 100.0).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}
