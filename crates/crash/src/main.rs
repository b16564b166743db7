#![doc = include_str!("../README.md")]

mod book;
mod campaign;
mod chatter;
mod database;
mod disk;
mod events;
mod person;
mod plan;
mod process;
mod report;
mod verdict;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::{
    campaign::{Campaign, Kind},
    disk::Disk,
};

/// Makes the real server die while people talk, and checks that nothing it promised is lost.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where the binary of the server is.
    #[arg(long, global = true, default_value = "target/debug")]
    binaries: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills the server at random times and at chosen moments.
    Kill9(Cycles),
    /// Cuts the power of the disk that the server writes to; needs root, loop devices and XFS.
    Powercut {
        #[command(flatten)]
        cycles: Cycles,
        #[command(flatten)]
        need: Need,
    },
}

#[derive(Args)]
struct Cycles {
    /// How many cycles.
    #[arg(long = "cycles", default_value_t = 50)]
    count: u32,
    /// Decides what happens; a random one when it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// The first cycle to run, to play one again.
    #[arg(long, default_value_t = 0)]
    from: u32,
}

#[derive(Args)]
struct Need {
    /// Fail where it cannot be done, instead of saying so.
    #[arg(long, env = "CI", value_parser = clap::builder::FalseyValueParser::new())]
    required: bool,
}

impl Need {
    /// What to end with when something is missing.
    fn unmet(&self, what: &str, missing: &str) -> ExitCode {
        let consequence = if self.required {
            "failed"
        } else {
            "not tested here"
        };
        eprintln!("{what}: {consequence}: {missing}");
        ExitCode::from(u8::from(self.required))
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    match options.command {
        Command::Kill9(cycles) => run(Kind::Kill, "kill9", &options.binaries, &cycles).await,
        Command::Powercut { cycles, need } => match Disk::missing() {
            Some(missing) => Ok(need.unmet("powercut", &missing)),
            None => run(Kind::PowerCut, "powercut", &options.binaries, &cycles).await,
        },
    }
}

/// Runs cycles, prints figures, and how to play a cycle again that has failed.
async fn run(
    kind: Kind,
    name: &str,
    binaries: &std::path::Path,
    cycles: &Cycles,
) -> Result<ExitCode> {
    let seed = cycles
        .seed
        .unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("{name}: {} cycles with seed {seed}", cycles.count);
    let mut campaign = Campaign::new(kind, binaries).await?;
    let range = cycles.from..cycles.from.saturating_add(cycles.count);
    let failure = campaign.run(seed, range).await?;
    println!("{}", campaign.report());
    let Some(failure) = failure else {
        println!("{name}: nothing lost, nothing doubled, nothing stuck");
        return Ok(ExitCode::SUCCESS);
    };
    println!("{name}: cycle {} FAILED:", failure.cycle);
    for wrong in &failure.wrong {
        println!("  {wrong}");
    }
    println!(
        "What happened is in {}: book.log, server.log and the data.",
        failure.place.display()
    );
    let program = std::env::args().next().unwrap_or_default();
    let binaries = binaries.display();
    println!(
        "Again: {program} --binaries {binaries} {name} --seed {seed} --from {} --cycles 1",
        failure.cycle
    );
    Ok(ExitCode::FAILURE)
}

/// Locks even after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
