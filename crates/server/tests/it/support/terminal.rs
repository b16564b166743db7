//! The binary at a terminal, which `script` makes.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use super::{Home, eventually};

/// The file into which the name of the terminal is written.
const NAME: &str = "terminal";

/// A command at a terminal.
pub(crate) struct Terminal {
    child: Child,
    name: PathBuf,
    seen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Home {
    /// Starts a command at a terminal.
    pub(crate) fn terminal(&self, arguments: &str) -> Terminal {
        let binary = env!("CARGO_BIN_EXE_lionrocket");
        let line = format!("tty >{NAME} && exec {binary} {arguments}");
        let mut child = self
            .settings_of(Command::new("script"))
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut screen = child.stdout.take().unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&seen);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]);
                shared.lock().unwrap().push_str(&text);
            }
        });
        Terminal {
            child,
            name: self.path().join(NAME),
            seen,
            reader,
        }
    }
}

impl Terminal {
    /// Waits until it asks and shows nothing of what is typed, and then types a line.
    pub(crate) async fn answer(&mut self, question: &'static str, line: &str) {
        eventually(question, async || {
            self.seen.lock().unwrap().contains(question).then_some(())
        })
        .await;
        let name = fs::read_to_string(&self.name).unwrap();
        eventually("a terminal without echo", async || {
            let stty = Command::new("stty")
                .args(["-a", "-F", name.trim()])
                .output();
            let modes = String::from_utf8(stty.unwrap().stdout).unwrap();
            modes
                .split_whitespace()
                .any(|mode| mode == "-echo")
                .then_some(())
        })
        .await;
        let mut keyboard = self.child.stdin.as_ref().unwrap();
        writeln!(keyboard, "{line}").unwrap();
    }

    /// Waits for the end: the exit code, and everything that was seen.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let seen = self.seen.lock().unwrap().clone();
        (status.code(), seen)
    }
}
