//! Room on the disk: looked at now and then, and a little of it kept back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::fs::{FallocateFlags, fallocate};

use crate::files::{beside, directory_of, free_space, length, private_file};

/// How often the free space is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is kept back, so that running turns can end and people can sign in on a full disk.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// With less free space than this the reserve is given up.
const GIVE_UP_BELOW: u64 = 1024 * 1024;

/// Knows whether there is room for more.
#[derive(Debug)]
pub(crate) struct Room {
    directory: PathBuf,
    reserve: PathBuf,
    low_water: u64,
    is_low: AtomicBool,
    /// Held while the reserve is made or given up.
    changing: Mutex<()>,
}

impl Room {
    /// Looks at the free space beside a database, and keeps some back when there is enough. Below
    /// `low_water` bytes there is no room for more.
    pub(crate) fn new(database: &Path, low_water: u64) -> Self {
        let room = Self {
            directory: directory_of(database).to_owned(),
            reserve: beside(database, ".reserve"),
            low_water,
            is_low: AtomicBool::new(false),
            changing: Mutex::new(()),
        };
        room.look();
        room
    }

    /// Whether there was room for more when it was last looked at.
    pub(crate) fn has_room(&self) -> bool {
        !self.is_low.load(Ordering::Relaxed)
    }

    /// Looks at the free space. What is still to be kept back is not free: new messages must not take
    /// what was given up for others.
    pub(crate) fn look(&self) {
        let free = match free_space(&self.directory) {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the free space cannot be told");
                return;
            }
        };
        let missing = RESERVE_BYTES.saturating_sub(length(&self.reserve));
        self.tell(free.saturating_sub(missing));
        if free < GIVE_UP_BELOW {
            self.give_up_reserve();
        } else if free >= self.low_water.saturating_add(missing) {
            self.keep_reserve();
        }
    }

    fn tell(&self, free: u64) {
        let is_low = free < self.low_water;
        if self.is_low.swap(is_low, Ordering::Relaxed) != is_low {
            let (free_bytes, low_water) = (free, self.low_water);
            if is_low {
                tracing::error!(
                    free_bytes,
                    low_water,
                    "the disk is nearly full: no new messages are taken, see DISK_LOW_WATER_MB"
                );
            } else {
                tracing::info!(free_bytes, "there is room on the disk again");
            }
        }
    }

    /// Gives up what was kept back, since nothing else is left. Answers whether there was something.
    pub(crate) fn give_up_reserve(&self) -> bool {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_low.store(true, Ordering::Relaxed);
        match fs::remove_file(&self.reserve) {
            Ok(()) => {
                tracing::error!(
                    "the disk is full: gave up the reserve, so that replies under way can end"
                );
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                tracing::error!(%error, "the reserve cannot be given up");
                false
            }
        }
    }

    fn keep_reserve(&self) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if length(&self.reserve) >= RESERVE_BYTES {
            return;
        }
        if let Err(error) = allocate(&self.reserve) {
            tracing::warn!(%error, "no room can be kept back for a full disk");
            // Half a reserve would only take room away.
            drop(fs::remove_file(&self.reserve));
        }
    }
}

/// Makes a file that takes up room.
fn allocate(path: &Path) -> io::Result<()> {
    let mut file = private_file(path)?;
    if fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES).is_err() {
        // Not every file system can do it without being written to.
        io::copy(&mut io::Read::take(io::repeat(0), RESERVE_BYTES), &mut file)?;
    }
    file.sync_all()
}

/// Looks at the room until it is dropped.
#[derive(Debug)]
pub(crate) struct Lookout {
    /// Its end ends the thread.
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Starts the thread.
    pub(crate) fn start(room: Arc<Room>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("sqlite-room".to_owned())
            .spawn(move || {
                while ended.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                    room.look();
                }
            })?;
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It looks at a file system and cannot panic; if it did, it has ended all the same.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_low_water_there_is_no_room_and_the_reserve_comes_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let reserve = directory.path().join("app.db.reserve");
        let room = Room::new(&database, 1);
        assert!(room.has_room());
        assert_eq!(length(&reserve), RESERVE_BYTES);
        room.give_up_reserve();
        assert!(!reserve.exists() && !room.has_room());
        room.look();
        assert!(reserve.exists() && room.has_room());

        // More than any disk has.
        let room = Room::new(&database, u64::MAX);
        assert!(!room.has_room());
    }
}
