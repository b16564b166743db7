//! The simulator as a program.

use std::io::Write;
use std::time::Duration;

use clap::Parser;
use lionrocket_claude_sim::Simulator;

/// An Anthropic-compatible server for tests and demonstrations.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Address to listen on.
    #[arg(long, env = "CLAUDE_SIM_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, env = "CLAUDE_SIM_PORT", default_value_t = 0)]
    port: u16,
    /// Decides, with the conversation, what the models say.
    #[arg(long, env = "CLAUDE_SIM_SEED", default_value_t = 0)]
    seed: u64,
    /// Milliseconds before an answer begins.
    #[arg(long, env = "CLAUDE_SIM_TTFT_MS", default_value_t = 0)]
    ttft_ms: u64,
    /// Milliseconds between two text deltas.
    #[arg(long, env = "CLAUDE_SIM_ITL_MS", default_value_t = 0)]
    itl_ms: u64,
    /// Ignore scenarios in headers and texts.
    #[arg(long, env = "CLAUDE_SIM_NO_TRIGGERS")]
    no_triggers: bool,
    /// Keep the latest 1,000 requests for /sim/requests.
    #[arg(long, env = "CLAUDE_SIM_RECORD")]
    record: bool,
    /// Accept only this key; may be repeated.
    #[arg(
        long = "key",
        env = "CLAUDE_SIM_KEYS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    keys: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let workers = std::thread::available_parallelism()?.get();
    let mut builder = Simulator::builder()
        .address(format!("{}:{}", options.host, options.port))
        .workers(workers)
        .seed(options.seed)
        .first_token_delay(Duration::from_millis(options.ttft_ms))
        .pace(Duration::from_millis(options.itl_ms))
        .triggers(!options.no_triggers)
        .record(options.record);
    for key in options.keys {
        builder = builder.key(key);
    }
    let simulator = builder.start().await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", simulator.base_url())?;
    out.flush()?;
    stopped().await?;
    simulator.stop().await;
    Ok(())
}

/// Waits for Ctrl-C or, where it exists, the signal to terminate.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
