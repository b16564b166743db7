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
use clap::Parser;

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
    /// Serve the baseline on this port instead of measuring; for the benchmark's own use.
    #[arg(long, hide = true, requires = "upstream")]
    serve_baseline: Option<u16>,
    /// The simulator that the baseline calls.
    #[arg(long, hide = true)]
    upstream: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let (Some(port), Some(upstream)) = (arguments.serve_baseline, arguments.upstream) {
        return baseline::serve(port, upstream);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(&arguments.binaries, arguments.rounds))
}

/// Takes every figure and prints them.
async fn measure(binaries: &std::path::Path, rounds: usize) -> Result<()> {
    let mut report = Report::new(rounds);
    let programs = Programs::find(binaries)?;
    figures::binary_size(&mut report, &programs)?;
    figures::start_up(&mut report, &programs).await?;

    let data = tempfile::tempdir()?;
    seed::chats(&data.path().join("app.db"), seed::LONG_CHAT)
        .await
        .context("seeding the database")?;
    let simulator = programs.simulator().await?;
    let server = programs.server(data.path(), &simulator).await?;
    let bare = programs.baseline(&simulator).await?;
    let seeded = Client::sign_in(&server.url, seed::USERNAME, seed::PASSWORD).await?;

    figures::reads(&mut report, &seeded, &bare).await?;
    figures::first_text(&mut report, &server, &simulator).await?;
    figures::exchanges(&mut report, &server, &bare).await?;
    figures::long_chat(&mut report, &seeded).await?;
    streams::thousand(&mut report, &server).await?;
    streams::ten_thousand(&mut report, &server).await?;
    report.print();
    Ok(())
}
