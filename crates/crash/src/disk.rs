//! Disks of the harness's own: one whose power can be cut (XFS in a file, mounted through a loop device)
//! and a small one that is soon full.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// The size of a small disk in MiB.
const SMALL_MIB: u32 = 16;
/// The smallest file system that mkfs.xfs makes.
const SIZE_BYTES: u64 = 300 * 1024 * 1024;
/// How often it is tried to unmount what may still be in use for a moment.
const UNMOUNT_ATTEMPTS: u32 = 100;
const UNMOUNT_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A mounted file system. It is unmounted when it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    /// What is mounted, with the options for it.
    source: PathBuf,
    options: Vec<String>,
    mount: PathBuf,
}

impl Disk {
    /// Makes and mounts a new one within a directory.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let disk = Self {
            source: directory.join("disk.img"),
            options: ["-o", "loop"].map(str::to_owned).to_vec(),
            mount: directory.join("disk"),
        };
        File::create(&disk.source)?.set_len(SIZE_BYTES)?;
        run(Command::new("mkfs.xfs")
            .arg("-q")
            .arg("-f")
            .arg(&disk.source))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Mounts a small one within a directory.
    pub(crate) fn small(directory: &Path) -> Result<Self> {
        let size = format!("size={SMALL_MIB}m");
        let disk = Self {
            source: PathBuf::from("tmpfs"),
            options: ["-t", "tmpfs", "-o", &size].map(str::to_owned).to_vec(),
            mount: directory.join("disk"),
        };
        disk.mount()?;
        Ok(disk)
    }

    /// Says why there cannot be a small one on this machine; `None` when there can.
    pub(crate) fn small_missing() -> Option<String> {
        let probe = || -> Result<()> {
            let directory = tempfile::tempdir()?;
            Self::small(directory.path()).map(drop)
        };
        probe().err().map(|error| format!("{error:#}"))
    }

    /// Says why there cannot be one on this machine; `None` when there can.
    pub(crate) fn missing() -> Option<String> {
        let probe = || -> Result<()> {
            let directory = tempfile::tempdir()?;
            let disk = Self::new(directory.path())?;
            disk.cut(false);
            disk.lose_power()
        };
        probe().err().map(|error| format!("{error:#}"))
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    fn mount(&self) -> Result<()> {
        fs::create_dir_all(&self.mount)?;
        run(Command::new("mount")
            .args(&self.options)
            .arg(&self.source)
            .arg(&self.mount))
    }

    fn unmount(&self) -> Result<()> {
        for _ in 0..UNMOUNT_ATTEMPTS {
            let done = Command::new("umount").arg(&self.mount).output()?;
            if done.status.success() {
                return Ok(());
            }
            thread::sleep(UNMOUNT_AGAIN_AFTER);
        }
        bail!("{} stays in use", self.mount.display())
    }

    /// Cuts the power: from now on nothing reaches the disk, and every attempt is an error. With
    /// `flushes_log` what the file system has noted in its log gets there first; contents that
    /// nobody has synced are lost in any case.
    pub(crate) fn cut(&self, flushes_log: bool) {
        let command = if flushes_log {
            "shutdown -f"
        } else {
            "shutdown"
        };
        let cut = Command::new("xfs_io")
            .args(["-x", "-c", command])
            .arg(&self.mount)
            .status();
        // Without a cut the cycle is one of a mere kill, which must come right as well.
        if !cut.is_ok_and(|status| status.success()) {
            eprintln!(
                "warning: the power of {} could not be cut",
                self.mount.display()
            );
        }
    }

    /// Forgets all that is only in memory and brings the power back: the file system recovers from
    /// its log. Nobody may use it meanwhile.
    pub(crate) fn lose_power(&self) -> Result<()> {
        self.unmount()?;
        self.mount()
    }
}

/// A file that takes all the room there is, until it is dropped.
pub(crate) struct Ballast {
    path: PathBuf,
    file: File,
}

impl Ballast {
    /// Takes all the room that a disk has now. What the server gives up meanwhile stays free.
    pub(crate) fn fill(disk: &Disk) -> Result<Self> {
        const PIECE: usize = 64 * 1024;
        let mut missing = free_bytes(&disk.mount)?;
        let path = disk.mount.join("ballast");
        let mut file = File::create(&path)?;
        let piece = vec![0; PIECE];
        while missing > 0 {
            let length = missing.min(PIECE);
            if file.write_all(&piece[..length]).is_err() {
                break;
            }
            missing -= length;
        }
        Ok(Self { path, file })
    }

    /// Takes what room has become free since.
    pub(crate) fn fill_up(&mut self) {
        for size in [64 * 1024, 512, 1] {
            let piece = vec![0; size];
            while self.file.write_all(&piece).is_ok() {}
        }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            eprintln!("warning: the disk stays full: {error}");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.unmount() {
            eprintln!("warning: {error:#}");
        }
    }
}

fn free_bytes(mount: &Path) -> Result<usize> {
    let mut command = Command::new("df");
    let output = command
        .args(["--output=avail", "--block-size=1"])
        .arg(mount)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.lines().nth(1).context("df says nothing")?;
    Ok(number.trim().parse()?)
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{program} cannot be run"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    bail!("{program}: {}", words.replace('\n', "; "))
}
