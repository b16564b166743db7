//! Which passwords people may choose.
//!
//! Nothing leaves this machine: the common passwords are built in, and the leaked ones are looked up
//! in a file of the operator's.

mod breached;
mod common;

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use async_trait::async_trait;
use lionrocket_domain::text::{Password, Username, fold};
use lionrocket_ports::crypto::{PasswordContext, PasswordPolicy, PolicyError, Weakness};
use tokio::{sync::Semaphore, task::spawn_blocking};
use zxcvbn::{Score, zxcvbn};

pub use breached::BreachedPasswords;

/// Names of the service, which nobody's password may contain: as it is written in Latin letters and in
/// Hangul, and as the latter comes out of a keyboard that is switched to Latin letters.
const SERVICE_WORDS: [&str; 3] = ["lionrocket", "라이온로켓", "fkdldhsfhzpt"];
/// The shortest name that is looked for inside a password. Shorter ones are parts of many words.
const MIN_NAME_CHARS: usize = 4;
/// The beginning of a password that is estimated: the time that it takes grows faster than the length.
const ESTIMATED_CHARS: usize = 100;

/// Refuses passwords that are common, leaked, easily guessed, or made of names.
#[derive(Debug)]
pub struct PasswordRules {
    breached: Option<Arc<BreachedPasswords>>,
    workers: Arc<Semaphore>,
}

impl PasswordRules {
    /// Puts the rules together, with a file of leaked passwords if there is one.
    #[must_use]
    pub fn new(breached: Option<BreachedPasswords>) -> Self {
        let at_a_time = available_parallelism().map_or(1, NonZero::get);
        Self {
            breached: breached.map(Arc::new),
            workers: Arc::new(Semaphore::new(at_a_time)),
        }
    }
}

#[async_trait]
impl PasswordPolicy for PasswordRules {
    async fn check(
        &self,
        password: &Password,
        context: PasswordContext,
    ) -> Result<(), PolicyError> {
        let worker = Arc::clone(&self.workers).acquire_owned().await;
        let worker = worker.map_err(|closed| PolicyError::Internal(closed.into()))?;
        let (password, breached) = (password.clone(), self.breached.clone());
        let checked = spawn_blocking(move || {
            // Held by the work itself, which goes on when nobody waits any more.
            let _held = worker;
            check_now(&password, &context, breached.as_deref())
        });
        checked
            .await
            .map_err(|error| PolicyError::Internal(error.into()))?
    }
}

fn check_now(
    password: &Password,
    context: &PasswordContext,
    breached: Option<&BreachedPasswords>,
) -> Result<(), PolicyError> {
    let folded = fold(password.expose());
    let names = names(context);
    let is_inside =
        |name: &String| name.chars().count() >= MIN_NAME_CHARS && folded.contains(name.as_str());
    if names.iter().any(is_inside) {
        return Err(PolicyError::Weak(Weakness::ContainsName));
    }
    if common::contains(&folded) {
        return Err(PolicyError::Weak(Weakness::TooCommon));
    }
    if let Some(breached) = breached
        && breached
            .contains(password.expose())
            .map_err(|error| PolicyError::Internal(error.into()))?
    {
        return Err(PolicyError::Weak(Weakness::TooCommon));
    }
    let beginning: String = password.expose().chars().take(ESTIMATED_CHARS).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if zxcvbn(&beginning, &names).score() < Score::Three {
        return Err(PolicyError::Weak(Weakness::TooGuessable));
    }
    Ok(())
}

/// Words that are known to whoever guesses this person's password.
fn names(context: &PasswordContext) -> Vec<String> {
    let mut names: Vec<String> = SERVICE_WORDS.map(fold).into();
    names.extend(context.username.as_ref().map(Username::key));
    if let Some(email) = &context.email {
        let key = email.key();
        let local = key.split('@').next().unwrap_or_default().to_owned();
        names.extend([local, key]);
    }
    names
}
