//! A disk that is soon full.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A small file system of its own, in memory. It goes away when it is dropped.
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Puts an empty one at a place. `None`, and a line that says why, where this user may not.
    pub(crate) fn mount(path: PathBuf, mebibytes: u32) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(&path)
            .output()
            .unwrap();
        if !mounted.status.success() {
            eprintln!(
                "SKIPPED: this test needs a file system of its own, and `mount` says: {}",
                String::from_utf8_lossy(&mounted.stderr).trim()
            );
            return None;
        }
        Some(Self { path })
    }

    /// Lets nothing be written to it any more.
    pub(crate) fn make_read_only(&self) {
        let remounted = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.path)
            .status();
        assert!(remounted.unwrap().success());
    }

    /// The bytes that may still be written.
    pub(crate) fn free(&self) -> u64 {
        let told = Command::new("df")
            .args(["--output=avail", "--block-size=1"])
            .arg(&self.path)
            .output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        told.lines().last().unwrap().trim().parse().unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is about to end may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
