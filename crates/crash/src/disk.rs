//! A disk whose power can be cut: XFS in a file, mounted through a loop device.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// The smallest file system that mkfs.xfs makes.
const SIZE_BYTES: u64 = 300 * 1024 * 1024;
/// How often it is tried to unmount what may still be in use for a moment.
const UNMOUNT_ATTEMPTS: u32 = 100;
const UNMOUNT_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A file system in a file. It is unmounted when it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes and mounts a new one within a directory.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let disk = Self {
            image: directory.join("disk.img"),
            mount: directory.join("disk"),
        };
        File::create(&disk.image)?.set_len(SIZE_BYTES)?;
        fs::create_dir_all(&disk.mount)?;
        run(Command::new("mkfs.xfs")
            .arg("-q")
            .arg("-f")
            .arg(&disk.image))?;
        disk.mount()?;
        Ok(disk)
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
        run(Command::new("mount")
            .arg("-o")
            .arg("loop")
            .arg(&self.image)
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

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.unmount() {
            eprintln!("warning: {error:#}");
        }
    }
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
