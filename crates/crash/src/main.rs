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
    ops::Range,
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::{
    campaign::{Campaign, Failure, Kind},
    disk::Disk,
    process::no_tampering,
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
        /// Let the server's syncs do nothing: passes when the loss is found. Needs strace.
        #[arg(long)]
        without_syncs: bool,
    },
    /// Lets a sync of the server fail, then cuts the power where that can be done; needs strace.
    Eio {
        #[command(flatten)]
        cycles: Cycles,
        #[command(flatten)]
        need: Need,
    },
    /// Fills the disk of the server for a while; needs root.
    Diskfull {
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
    let Options { binaries, command } = Options::parse();
    let options = |cycles| Run { binaries, cycles };
    match command {
        Command::Kill9(cycles) => options(cycles).promises(Kind::Kill, "kill9").await,
        Command::Powercut {
            cycles,
            need,
            without_syncs,
        } => {
            let missing = Disk::missing().or_else(|| without_syncs.then(no_tampering).flatten());
            match missing {
                Some(missing) => Ok(need.unmet("powercut", &missing)),
                None if without_syncs => options(cycles).losses().await,
                None => options(cycles).promises(Kind::PowerCut, "powercut").await,
            }
        }
        Command::Eio { cycles, need } => match no_tampering() {
            Some(missing) => Ok(need.unmet("eio", &missing)),
            None => options(cycles).promises(Kind::FailedSync, "eio").await,
        },
        Command::Diskfull { cycles, need } => match Disk::small_missing() {
            Some(missing) => Ok(need.unmet("diskfull", &missing)),
            None => options(cycles).promises(Kind::FullDisk, "diskfull").await,
        },
    }
}

/// A run of cycles.
struct Run {
    binaries: PathBuf,
    cycles: Cycles,
}

impl Run {
    fn seed(&self) -> u64 {
        self.cycles
            .seed
            .unwrap_or_else(|| u64::from(rand::random::<u32>()))
    }

    const fn range(&self) -> Range<u32> {
        self.cycles.from..self.cycles.from.saturating_add(self.cycles.count)
    }

    /// Runs cycles, prints figures, and how to play a cycle again that has failed.
    async fn promises(&self, kind: Kind, name: &str) -> Result<ExitCode> {
        let seed = self.seed();
        println!("{name}: {} cycles with seed {seed}", self.cycles.count);
        let mut campaign = Campaign::new(kind, &self.binaries, false).await?;
        let failure = campaign.run(seed, self.range()).await?;
        println!("{}", campaign.report());
        let Some(Failure {
            cycle,
            wrong,
            place,
        }) = failure
        else {
            println!("{name}: nothing lost, nothing doubled, nothing stuck");
            return Ok(ExitCode::SUCCESS);
        };
        println!("{name}: cycle {cycle} FAILED:");
        for wrong in &wrong {
            println!("  {wrong}");
        }
        println!(
            "What happened is in {}: book.log, server.log and the data.",
            place.display()
        );
        let program = std::env::args().next().unwrap_or_default();
        let binaries = self.binaries.display();
        println!(
            "Again: {program} --binaries {binaries} {name} --seed {seed} --from {cycle} --cycles 1"
        );
        Ok(ExitCode::FAILURE)
    }

    /// Proves that a power cut loses what is not synced, and that the loss is found.
    async fn losses(&self) -> Result<ExitCode> {
        let mut campaign = Campaign::new(Kind::PowerCut, &self.binaries, true).await?;
        let failure = campaign.run(self.seed(), self.range()).await?;
        let Some(Failure {
            cycle,
            wrong,
            place,
        }) = failure
        else {
            println!(
                "powercut without syncs: FAILED: no loss was found in {} cycles",
                self.cycles.count
            );
            return Ok(ExitCode::FAILURE);
        };
        std::fs::remove_dir_all(place)?;
        let Some(lost) = wrong.iter().find(|wrong| wrong.contains("lost")) else {
            println!("powercut without syncs: FAILED: something else was found: {wrong:?}");
            return Ok(ExitCode::FAILURE);
        };
        println!("powercut without syncs: found in cycle {cycle}, as it must be: {lost}");
        Ok(ExitCode::SUCCESS)
    }
}

/// Locks even after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
