//! Measures a release build of the server, with the simulator at zero latency behind it, side by
//! side with bare baselines on the same machine in the same run, and prints ratios.
//!
//! `just bench` builds what is needed and runs it. Figures of one run are comparable with each
//! other, not with another day's: machines are shared and noisy.

mod baseline;
mod client;
mod figures;
mod process;
mod seed;
mod streams;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::{client::Client, figures::Report, process::Programs};

/// Measures LionRocket against bare baselines in one run.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the release binaries are.
    #[arg(long, default_value = "target/release")]
    binaries: std::path::PathBuf,
    /// How many times each pair of figures is taken; medians are printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Take only these figures.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// Serve the baseline on this port instead of measuring; for the benchmark's own use.
    #[arg(long, hide = true, requires = "upstream")]
    serve_baseline: Option<u16>,
    /// The simulator that the baseline calls.
    #[arg(long, hide = true)]
    upstream: Option<String>,
}

/// Figures that are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// The size of the binary, its start and the memory of an idle server.
    Start,
    /// Reading lists and pages.
    Reads,
    /// The time to the first text.
    FirstText,
    /// Whole exchanges.
    Exchanges,
    /// An exchange in a very long chat.
    LongChat,
    /// A thousand open streams.
    Streams,
    /// Ten thousand open streams.
    Crowd,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let (Some(port), Some(upstream)) = (arguments.serve_baseline, &arguments.upstream) {
        return baseline::serve(port, upstream.clone());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(&arguments))
}

/// Takes every figure and prints them.
async fn measure(arguments: &Arguments) -> Result<()> {
    let wants = |group| arguments.only.is_empty() || arguments.only.contains(&group);
    let mut report = Report::new(arguments.rounds);
    let programs = Programs::find(&arguments.binaries)?;
    if wants(Group::Start) {
        figures::binary_size(&mut report, &programs)?;
        figures::start_up(&mut report, &programs).await?;
    }

    let data = tempfile::tempdir()?;
    let long = if wants(Group::LongChat) {
        seed::LONG_CHAT
    } else {
        10
    };
    seed::chats(&data.path().join("app.db"), long)
        .await
        .context("seeding the database")?;
    let simulator = programs.simulator().await?;
    let server = programs.server(data.path(), &simulator).await?;
    let bare = programs.baseline(&simulator).await?;
    let seeded = Client::sign_in(&server.url, seed::USERNAME, seed::PASSWORD).await?;

    if wants(Group::Reads) {
        figures::reads(&mut report, &seeded, &bare).await?;
    }
    if wants(Group::FirstText) {
        figures::first_text(&mut report, &server, &simulator).await?;
    }
    if wants(Group::Exchanges) {
        figures::exchanges(&mut report, &server, &bare).await?;
    }
    if wants(Group::LongChat) {
        figures::long_chat(&mut report, &seeded, &simulator).await?;
    }
    if wants(Group::Streams) {
        streams::thousand(&mut report, &server).await?;
    }
    if wants(Group::Crowd) {
        streams::ten_thousand(&mut report, &server).await?;
    }
    report.print();
    Ok(())
}
