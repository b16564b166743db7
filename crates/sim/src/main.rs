//! Plays many worlds, and names the command that plays a bad one again.

use std::{process::ExitCode, time::Instant};

use anyhow::Result;
use clap::Parser;
use lionrocket_sim::{Plan, play_many, reconcile};

/// Plays worlds in which everything fails, then reconciles the ledger with the bill.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// How many turns to reconcile with the bill of the simulator of the Claude API.
    #[arg(long, default_value_t = 0)]
    turns: u64,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let worlds = play_all(&options)?;
    let books = options.turns == 0 || compare_books(&options)?;
    Ok(if worlds && books {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn play_all(options: &Options) -> Result<bool> {
    let begun = Instant::now();
    let (mut turns, mut deaths, mut bad) = (0, 0, 0);
    for (seed, tally) in play_many(options.from..options.from + options.seeds)? {
        turns += tally.turns;
        deaths += tally.deaths;
        for broken in &tally.broken {
            println!("seed {seed}: {broken}");
        }
        if !tally.broken.is_empty() {
            bad += 1;
            println!("again: cargo run -p lionrocket-sim -- --from {seed} --seeds 1");
        }
    }
    let (seeds, seconds) = (options.seeds, begun.elapsed().as_secs());
    println!("{seeds} worlds, {turns} turns, {deaths} deaths, {bad} bad worlds, {seconds} s");
    Ok(bad == 0)
}

fn compare_books(options: &Options) -> Result<bool> {
    let begun = Instant::now();
    let plan = Plan {
        seed: options.from,
        turns: options.turns,
        crashes: options.turns / 250,
    };
    let balance = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(reconcile(plan))?;
    for fault in &balance.faults {
        println!("books: {fault}");
    }
    let (estimated, billed) = balance.estimated_output;
    println!(
        "{} turns, {} exact charges, {} estimated ({estimated} output tokens, {billed} on the bill), \
         {} unheard of, {} faults, {} s",
        balance.turns,
        balance.exact,
        balance.estimated,
        balance.unheard,
        balance.faults.len(),
        begun.elapsed().as_secs(),
    );
    Ok(balance.faults.is_empty())
}
