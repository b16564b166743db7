//! The binary as a process.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use lionrocket_claude_sim::Simulator;
use tempfile::TempDir;

use super::{LIMIT, eventually};

/// What a line of the log says just before the address.
const LISTENS: &str = "listens on http://";

/// A working directory with data in it, and the settings of the servers that run there.
pub(crate) struct Home {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    /// A place without settings: the demo model answers, at once.
    pub(crate) fn new() -> Self {
        let home = Self {
            directory: TempDir::new().unwrap(),
            variables: Vec::new(),
        };
        home.with("PORT", "0")
            .with("DEMO_DELAY_MS", "0")
            .with("RATE_LIMIT", "off")
    }

    /// A place whose model is a simulator.
    pub(crate) fn behind(simulator: &Simulator) -> Self {
        Self::new()
            .with("CLAUDE_API_KEY", "sk-ant-canary-7f3a")
            .with("CLAUDE_BASE_URL", &simulator.base_url())
    }

    /// Another setting, instead of what there was of that name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Finished {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts the service and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        let (mut server, address) = self.launch();
        let address = address.recv_timeout(LIMIT).unwrap_or_else(|_| {
            let _ = server.child.kill();
            panic!("the server did not start:\n{}", server.log())
        });
        server.base = format!("http://{address}");
        server
    }

    /// Starts the service and does not wait until it is there. `PORT` must be set.
    pub(crate) fn begin_to_serve(&self) -> Server {
        let (mut server, _) = self.launch();
        let port = self.variables.iter().find(|(name, _)| name == "PORT");
        server.base = format!("http://127.0.0.1:{}", port.unwrap().1);
        server
    }

    /// Starts the service, whose address is told later.
    fn launch(&self) -> (Server, mpsc::Receiver<String>) {
        let mut child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, address) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        collect(stdout, Arc::clone(&log), tell.clone());
        collect(stderr, Arc::clone(&log), tell);
        let base = String::new();
        (Server { child, base, log }, address)
    }

    /// The binary with these settings and no others.
    fn command(&self, arguments: &[&str]) -> Command {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_lionrocket"));
        let mut command = self.settings_of(Command::new(binary));
        command.args(arguments);
        command
    }

    /// A program with these settings and no others.
    pub(super) fn settings_of(&self, mut command: Command) -> Command {
        command
            .current_dir(self.path())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped());
        command
    }
}

/// Keeps what a process says, and tells the address as soon as it is named.
fn collect(
    from: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    address: mpsc::Sender<String>,
) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(LISTENS) {
                let named = rest.split([' ', '"']).next().unwrap_or_default();
                let _ = address.send(named.to_owned());
            }
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The one line on standard error.
    #[track_caller]
    pub(crate) fn complaint(&self) -> &str {
        let line = self.stderr.trim_end_matches('\n');
        assert!(!line.is_empty() && !line.contains('\n'), "{self:?}");
        line
    }
}

/// A running service; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Everything that it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The figures that it gives; `METRICS_PORT` must be set.
    pub(crate) async fn figures(&self) -> String {
        let log = self.log();
        let (_, rest) = log.split_once("figures for Prometheus are at ").unwrap();
        let address = rest.split_whitespace().next().unwrap();
        let page = super::in_time("the figures", super::client().get(address).send()).await;
        page.unwrap().text().await.unwrap()
    }

    /// Waits until it has said something.
    pub(crate) async fn has_said(&self, words: &'static str) {
        eventually(words, async || self.log().contains(words).then_some(())).await;
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let ending = async {
            loop {
                tick.tick().await;
                if let Some(status) = child.try_wait().unwrap() {
                    return status;
                }
            }
        };
        super::in_time("the server's end", ending).await
    }

    /// Kills it without a chance to do anything.
    pub(crate) async fn kill(mut self) {
        self.child.kill().unwrap();
        self.ended().await;
    }

    /// Stops it as an operator would.
    pub(crate) async fn stop(mut self) {
        self.signal("TERM");
        let status = self.ended().await;
        assert!(status.success(), "{status}:\n{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
    }
}
