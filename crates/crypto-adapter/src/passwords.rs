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

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use async_trait::async_trait;
use lionrocket_domain::text::Password;
use lionrocket_ports::crypto::{HashError, PasswordCheck, PasswordHasher};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use crate::secret::generate_secret;

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
type Work = Box<dyn FnOnce() + Send>;

/// Threads that do nothing but hash.
///
/// A thread keeps the memory that it has once used for a hash, so the work must not wander: on the
/// runtime's many blocking threads, twenty logins left 380 MiB behind.
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
                    while let Ok(work) = next() {
                        // Whoever waits for an answer learns of a panic by getting none.
                        drop(catch_unwind(AssertUnwindSafe(work)));
                    }
                })?;
        }
        Ok(Self { queue })
    }

    /// Does work on one of the threads; `None` when it panicked.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move || {
            // Nobody may be left to hear it.
            drop(reply.send(work()));
        });
        self.queue.send(work).ok()?;
        answer.await.ok()
    }
}

/// Hashes passwords on threads of its own, as many as may hash at a time.
pub struct Argon2Hasher {
    threads: HashThreads,
    params: Params,
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
        Ok(Self {
            threads,
            dummy: hash_now(params.clone(), unknown.expose_secret())?,
            params,
            places: Arc::new(Semaphore::new(limits.at_a_time + limits.waiting)),
            workers: Arc::new(Semaphore::new(limits.at_a_time)),
            patience: limits.patience,
        })
    }

    /// Does work on one of the threads as soon as it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let worker = timeout(self.patience, Arc::clone(&self.workers).acquire_owned())
            .await
            .map_err(|_| HashError::Busy)?
            .map_err(|closed| HashError::Internal(closed.into()))?;
        let job = self.threads.run(move || {
            // Held by the work itself: it goes on, and takes its memory, when nobody waits any more.
            let _held = (place, worker);
            work()
        });
        job.await
            .ok_or_else(|| HashError::Internal("hashing panicked".into()))?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: Password) -> Result<SecretString, HashError> {
        let params = self.params.clone();
        self.run(move || hash_now(params, password.expose())).await
    }

    async fn verify(
        &self,
        password: Password,
        hash: Option<SecretString>,
    ) -> Result<PasswordCheck, HashError> {
        let params = self.params.clone();
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let check = self
            .run(move || verify_now(&params, password.expose(), hash.expose_secret()))
            .await?;
        Ok(if is_known {
            check
        } else {
            PasswordCheck::Mismatch
        })
    }
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn internal(error: password_hash::Error) -> HashError {
    HashError::Internal(error.into())
}

fn hash_now(params: Params, password: &str) -> Result<SecretString, HashError> {
    let hash = argon2(params)
        .hash_password(password.as_bytes())
        .map_err(internal)?;
    Ok(SecretString::from(hash.to_string()))
}

fn verify_now(current: &Params, password: &str, hash: &str) -> Result<PasswordCheck, HashError> {
    let hash = PasswordHash::new(hash).map_err(|error| HashError::Internal(error.into()))?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(internal(password_hash::Error::EncodingInvalid));
    }
    match argon2(current.clone()).verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_weaker(&hash, current).map_err(internal)? => {
            Ok(PasswordCheck::MatchNeedsRehash)
        }
        Ok(()) => Ok(PasswordCheck::Match),
        Err(password_hash::Error::PasswordInvalid) => Ok(PasswordCheck::Mismatch),
        Err(error) => Err(internal(error)),
    }
}

/// Whether a hash is weaker than new ones are in any respect.
fn is_weaker(hash: &PasswordHash, current: &Params) -> password_hash::Result<bool> {
    let params = Params::try_from(hash)?;
    let is_old = hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(Version::V0x13.into());
    Ok(is_old || params.m_cost() < current.m_cost() || params.t_cost() < current.t_cost())
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
            seen.insert(threads.run(|| thread::current().id()).await.unwrap());
        }
        assert!(seen.len() <= 2, "{} threads", seen.len());
    }

    #[tokio::test]
    async fn a_panic_takes_no_thread_away() {
        let threads = HashThreads::start(1).unwrap();
        assert_eq!(threads.run(|| panic!("on purpose")).await, None::<()>);
        assert_eq!(threads.run(|| 7).await, Some(7));
    }
}
