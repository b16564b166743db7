//! The programs under measurement, each in a process of its own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Where the programs are.
pub(crate) struct Programs {
    pub(crate) server: PathBuf,
    simulator: PathBuf,
    this: PathBuf,
}

/// A running program; it is killed when this goes away.
pub(crate) struct Running {
    child: Child,
    /// Where it listens, without a slash at the end.
    pub(crate) url: String,
}

impl Programs {
    pub(crate) fn find(binaries: &Path) -> Result<Self> {
        let find = |name: &str| {
            let path = binaries.join(name);
            // The programs are started in directories of their own.
            path.canonicalize()
                .with_context(|| format!("{} is missing: run `just bench`", path.display()))
        };
        Ok(Self {
            server: find("lionrocket")?,
            simulator: find("lionrocket-claude-sim")?,
            this: std::env::current_exe()?,
        })
    }

    pub(crate) async fn simulator(&self) -> Result<Running> {
        let port = free_port()?;
        let mut command = Command::new(&self.simulator);
        command.args(["--port", &port.to_string()]);
        Running::start(command, port, "/sim/bill").await
    }

    /// The server on the database in `data`, answered by `simulator`.
    pub(crate) async fn server(&self, data: &Path, simulator: &Running) -> Result<Running> {
        let port = free_port()?;
        let mut command = self.server_command(data, port);
        command
            .env("CLAUDE_API_KEY", "sk-bench")
            .env("CLAUDE_BASE_URL", &simulator.url);
        Running::start(command, port, "/livez").await
    }

    /// The server as it is without any settings but where to listen and to store.
    pub(crate) fn server_command(&self, data: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.server);
        command
            .env_clear()
            .current_dir(data)
            .env("DATABASE_URL", data.join("app.db"))
            .env("PORT", port.to_string())
            .env("RATE_LIMIT", "off")
            .env("LOG_LEVEL", "warn");
        command
    }

    pub(crate) async fn baseline(&self, simulator: &Running) -> Result<Running> {
        let port = free_port()?;
        let mut command = Command::new(&self.this);
        command.args([
            "--serve-baseline",
            &port.to_string(),
            "--upstream",
            &simulator.url,
        ]);
        Running::start(command, port, "/bytes?size=1").await
    }
}

impl Running {
    /// Starts a program and waits until it answers 200 at `path`.
    pub(crate) async fn start(mut command: Command, port: u16, path: &str) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
        let mut running = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        let client = crate::client::http()?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = running.child.try_wait()? {
                bail!(
                    "{} ended at once: {status}",
                    command.get_program().to_string_lossy()
                );
            }
            let answer = client.get(format!("{}{path}", running.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(running);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!(
            "{} did not answer within 30 s",
            command.get_program().to_string_lossy()
        )
    }

    /// How long processors have worked for it.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        /// The kernel tells times in this unit, whatever the machine.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks = |place| -> Result<f64> {
            let field = fields.split_whitespace().nth(place).context("no figure")?;
            Ok(field.parse()?)
        };
        // After the name: its own time is the 12th field, the kernel's on its behalf the 13th.
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        let kib = line.split_whitespace().nth(1).context("no figure")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended already; there is nothing else to do about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
