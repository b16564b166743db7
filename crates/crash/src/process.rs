//! The server as a process that can be made to die.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::sync::watch;

use crate::{disk::Disk, lock};

/// What a line of the server's log says just before the address.
const LISTENS: &str = "listens on http://";
/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Far longer than a start takes, even on a loaded machine.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How the server is started.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) binary: PathBuf,
    /// Where it runs; its data is in `data/`.
    pub(crate) directory: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
    /// Where its log is collected.
    pub(crate) log: PathBuf,
    /// A program with its arguments that becomes the server, instead of it being started directly.
    pub(crate) wrapper: Vec<String>,
}

/// Makes strace answer calls of a server's instead of the kernel. It stands beside the process, which
/// can be killed as if it were not there.
pub(crate) fn tampered(calls: &str, with: &str) -> Vec<String> {
    let words = [
        "strace",
        "-D",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-o",
        "/dev/null",
        "-e",
    ];
    let inject = format!("inject={calls}:{with}");
    let words = words.into_iter().map(str::to_owned);
    words
        .chain([format!("trace={calls}"), "-e".to_owned(), inject])
        .collect()
}

/// Says why [`tampered`] cannot be used on this machine; `None` when it can.
pub(crate) fn no_tampering() -> Option<String> {
    let words = tampered("fsync", "retval=0");
    let probe = Command::new(&words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    match probe {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

impl Setup {
    pub(crate) fn new(binary: &Path, directory: &Path, log: &Path) -> Self {
        let setup = Self {
            binary: binary.to_owned(),
            directory: directory.to_owned(),
            variables: Vec::new(),
            log: log.to_owned(),
            wrapper: Vec::new(),
        };
        setup
            .with("PORT", "0")
            .with("RATE_LIMIT", "off")
            .with("DEMO_DELAY_MS", "5")
    }

    /// Another setting, instead of what there was of that name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("data/app.db")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.wrapper.iter().map(std::ffi::OsString::from);
        let mut command = match words.next() {
            None => Command::new(&self.binary),
            Some(wrapper) => {
                let mut command = Command::new(wrapper);
                command.args(words).arg(&self.binary);
                command
            }
        };
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the service. It need not listen yet.
    pub(crate) fn start(&self, ending: Ending) -> Result<Process> {
        let mut child = self
            .command(&["serve"])
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        writeln!(log, "--- process {} ---", child.id())?;
        let log = Arc::new(Mutex::new(log));
        let (tell, address) = watch::channel(None);
        let tell = Arc::new(tell);
        for output in outputs(&mut child) {
            collect(output, Arc::clone(&log), Arc::clone(&tell));
        }
        let (strike, struck) = watch::channel(false);
        Ok(Process {
            doom: Arc::new(Doom {
                child: Mutex::new(child),
                ending,
                is_struck: AtomicBool::new(false),
                strike,
            }),
            address,
            struck,
        })
    }
}

fn outputs(child: &mut Child) -> Vec<Box<dyn Read + Send>> {
    let stdout = child.stdout.take().map(|output| Box::new(output) as _);
    let stderr = child.stderr.take().map(|output| Box::new(output) as _);
    stdout.into_iter().chain(stderr).collect()
}

/// Keeps what a process says, and tells the address as soon as it is named.
fn collect(from: impl Read + Send + 'static, log: Arc<Mutex<File>>, tell: Arc<Address>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(LISTENS) {
                let named = rest.split([' ', '"']).next().unwrap_or_default();
                let _ = tell.send(Some(format!("http://{named}")));
            }
            // A log that cannot be kept is missed only when something has gone wrong.
            let _ = writeln!(lock(&log), "{line}");
        }
    });
}

type Address = watch::Sender<Option<String>>;

/// How a process is made to die.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// By SIGKILL.
    Kill,
    /// It ends by itself, with an error; SIGKILL if it does not.
    Itself,
    /// It stands still, the file system loses what is not yet on its disk, then SIGKILL.
    PowerCut { disk: Arc<Disk>, flushes_log: bool },
}

/// What makes a process die, once.
#[derive(Debug)]
pub(crate) struct Doom {
    child: Mutex<Child>,
    ending: Ending,
    is_struck: AtomicBool,
    strike: watch::Sender<bool>,
}

impl Doom {
    /// Ends the process. What it did before, and what it still does while it dies, counts. Of a machine
    /// without power nobody hears any more, so a process whose disk is cut off stands still first: XFS may
    /// answer a sync that is under way as done when its log is shut down (the inode is unpinned then).
    pub(crate) fn strike(&self) {
        if self.is_struck.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Ending::PowerCut { disk, flushes_log } = &self.ending {
            if let Err(error) = self.signal("STOP") {
                eprintln!("warning: {error:#}");
            }
            disk.cut(*flushes_log);
        }
        // It may have ended by itself when it lost its disk.
        let _ = lock(&self.child).kill();
        let _ = self.strike.send(true);
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) -> Result<()> {
        let id = lock(&self.child).id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status()?;
        if !sent.success() {
            bail!("the server cannot be sent {name}: {sent}");
        }
        Ok(())
    }

    /// Whether its end has begun.
    pub(crate) fn is_struck(&self) -> bool {
        self.is_struck.load(Ordering::SeqCst)
    }

    /// Whether it may be gone without that being a mistake.
    pub(crate) fn may_be_gone(&self) -> bool {
        self.is_struck() || matches!(self.ending, Ending::Itself)
    }

    fn try_wait(&self) -> Result<Option<ExitStatus>> {
        Ok(lock(&self.child).try_wait()?)
    }
}

/// A started server; killed when it is dropped.
pub(crate) struct Process {
    pub(crate) doom: Arc<Doom>,
    address: watch::Receiver<Option<String>>,
    struck: watch::Receiver<bool>,
}

impl Process {
    /// Waits until it listens and answers where; `None` when it dies before.
    pub(crate) async fn listens(&mut self) -> Result<Option<String>> {
        let address = self.address.wait_for(Option::is_some);
        let outcome = tokio::time::timeout(START_LIMIT, async {
            tokio::select! {
                address = address => address.ok().and_then(|address| address.clone()),
                // Both ends of its outputs are gone, or it was told to die.
                _ = self.struck.wait_for(|is_struck| *is_struck) => None,
            }
        });
        let address = outcome.await.context("the server does not start")?;
        if address.is_none() && !self.doom.may_be_gone() {
            bail!(
                "the server ended by itself at its start: {}",
                self.ended().await?
            );
        }
        Ok(address)
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.doom.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops it as an operator would.
    pub(crate) async fn stop(self) -> Result<()> {
        self.doom.signal("TERM")?;
        let status = self.ended().await?;
        if !status.success() {
            bail!("the server did not stop well: {status}");
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.doom.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Whether a process died by SIGKILL.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    status.signal() == Some(SIGKILL)
}
