//! Password hashing with Argon2id.
//!
//! A hash costs 19 MiB and a core for a good part of a tenth of a second. So there are as many at a
//! time as there are cores, a bounded number wait, and whoever would wait too long is told so.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, available_parallelism},
    time::Duration,
};

use argon2::Params;
use async_trait::async_trait;
use lionrocket_domain::text::Password;
use lionrocket_ports::crypto::{HashError, PasswordCheck, PasswordHasher};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use crate::{
    scheme::{Memory, Scheme},
    secret::{SigningSecret, generate_secret},
};

/// What a new hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB, at least eight times the lanes.
    pub memory_kib: u32,
    /// Passes over the memory, at least one.
    pub passes: u32,
    /// Lanes, at least one.
    pub lanes: u32,
}

impl Default for HashCost {
    /// 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

/// How much is hashed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// Hashes at a time.
    pub at_a_time: usize,
    /// How many more may wait.
    pub waiting: usize,
    /// How long one may wait.
    pub patience: Duration,
}

impl Default for HashLimits {
    /// One per core; 64 wait, for two seconds at most.
    fn default() -> Self {
        Self {
            at_a_time: available_parallelism().map_or(1, std::num::NonZero::get),
            waiting: 64,
            patience: Duration::from_secs(2),
        }
    }
}

/// A piece of work for one of the hasher's threads.
type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// Threads that do nothing but hash, each in memory of its own that it keeps.
///
/// Memory taken anew for each hash is not given back by every allocator: with that of glibc, twenty
/// logins left 340 MiB behind.
struct HashThreads {
    queue: mpsc::Sender<Work>,
}

impl HashThreads {
    /// Starts threads that end when this goes away.
    fn start(count: usize) -> io::Result<Self> {
        let (queue, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..count {
            let work = Arc::clone(&work);
            let next = move || work.lock().unwrap_or_else(PoisonError::into_inner).recv();
            thread::Builder::new()
                .name("hash-password".to_owned())
                .spawn(move || {
                    let mut memory = Memory::new();
                    while let Ok(work) = next() {
                        // Whoever waits for an answer learns of a panic by getting none.
                        drop(catch_unwind(AssertUnwindSafe(|| work(&mut memory))));
                    }
                })?;
        }
        Ok(Self { queue })
    }

    /// Does work on one of the threads; `None` when it panicked.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |memory: &mut Memory| {
            // Nobody may be left to hear it.
            drop(reply.send(work(memory)));
        });
        self.queue.send(work).ok()?;
        answer.await.ok()
    }
}

/// Hashes passwords on threads of its own, as many as may hash at a time.
pub struct Argon2Hasher {
    threads: HashThreads,
    scheme: Arc<Scheme>,
    /// A hash of a password that nobody knows, at the current cost.
    dummy: SecretString,
    /// Room for those who hash and those who wait.
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    patience: Duration,
}

impl Argon2Hasher {
    /// Makes a hasher. Takes as long as one hash.
    ///
    /// # Errors
    /// [`HashError::Internal`] when the cost is not one that Argon2 knows.
    pub fn new(cost: HashCost, limits: HashLimits) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(|error| HashError::Internal(error.into()))?;
        let unknown = generate_secret().map_err(HashError::Internal)?;
        let threads = HashThreads::start(limits.at_a_time)
            .map_err(|error| HashError::Internal(error.into()))?;
        let scheme = Scheme::new(params);
        Ok(Self {
            threads,
            dummy: scheme.hash(unknown.expose_secret(), &mut Memory::new())?,
            scheme: Arc::new(scheme),
            places: Arc::new(Semaphore::new(limits.at_a_time + limits.waiting)),
            workers: Arc::new(Semaphore::new(limits.at_a_time)),
            patience: limits.patience,
        })
    }

    /// Adds a secret to every new hash. Hashes without one and with one of the former secrets still
    /// match, and ask to be made anew.
    #[must_use]
    pub fn peppered(mut self, current: &SigningSecret, previous: &[SigningSecret]) -> Self {
        let scheme = Scheme::clone(&self.scheme).peppered(current, previous);
        self.scheme = Arc::new(scheme);
        self
    }

    /// Does work on one of the threads as soon as it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let worker = timeout(self.patience, Arc::clone(&self.workers).acquire_owned())
            .await
            .map_err(|_| HashError::Busy)?
            .map_err(|closed| HashError::Internal(closed.into()))?;
        let job = self.threads.run(move |memory| {
            // Held by the work itself: it goes on, and takes its thread, when nobody waits any more.
            let _held = (place, worker);
            work(memory)
        });
        job.await
            .ok_or_else(|| HashError::Internal("hashing panicked".into()))?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: Password) -> Result<SecretString, HashError> {
        let scheme = Arc::clone(&self.scheme);
        self.run(move |memory| scheme.hash(password.expose(), memory))
            .await
    }

    fn knows(&self, scheme: &str) -> bool {
        self.scheme.knows(scheme)
    }

    async fn verify(
        &self,
        password: Password,
        hash: Option<SecretString>,
    ) -> Result<PasswordCheck, HashError> {
        let scheme = Arc::clone(&self.scheme);
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let check = self
            .run(move |memory| scheme.verify(password.expose(), hash.expose_secret(), memory))
            .await?;
        Ok(if is_known {
            check
        } else {
            PasswordCheck::Mismatch
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    #[tokio::test]
    async fn checking_without_a_hash_does_the_work_of_a_check() {
        let mut hasher = Argon2Hasher::new(CHEAP, HashLimits::default()).unwrap();
        let password = Password::choose("correct horse", 8).unwrap();
        assert!(hasher.dummy.expose_secret().contains("$m=64,t=1,p=1$"));
        assert_eq!(
            hasher.verify(password.clone(), None).await.unwrap(),
            PasswordCheck::Mismatch
        );
        // A dummy that cannot be checked shows that it is being checked.
        hasher.dummy = SecretString::from("not a hash");
        let broken = hasher.verify(password.clone(), None).await;
        assert!(matches!(broken, Err(HashError::Internal(_))));
        // Even the right password for the dummy is not one for an account.
        hasher.dummy = hasher.hash(password.clone()).await.unwrap();
        assert_eq!(
            hasher.verify(password, None).await.unwrap(),
            PasswordCheck::Mismatch
        );
    }

    #[tokio::test]
    async fn work_stays_on_the_threads_that_it_was_given() {
        let threads = HashThreads::start(2).unwrap();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..20 {
            seen.insert(threads.run(|_| thread::current().id()).await.unwrap());
        }
        assert!(seen.len() <= 2, "{} threads", seen.len());
    }

    #[tokio::test]
    async fn a_panic_takes_no_thread_away() {
        let threads = HashThreads::start(1).unwrap();
        assert_eq!(threads.run(|_| panic!("on purpose")).await, None::<()>);
        assert_eq!(threads.run(|_| 7).await, Some(7));
    }
}
