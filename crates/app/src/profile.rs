//! What people change about their own accounts.

use std::time::Duration;

use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::{Origin, Performer},
    text::{DisplayName, EmailAddress, Password},
};
use lionrocket_ports::{
    accounts::{PasswordChange, ProfileChange, ProfileOutcome},
    admin::AccountOutcome,
    crypto::{PasswordCheck, PasswordContext},
    events::ServiceEvent,
    limits::{LimitDecision, LimitRule},
};

use crate::{
    accounts::{AccountError, AccountService, impossible_password},
    sessions::{Authenticated, Client, SessionError, SignedIn},
};

/// How often a person who is signed in may try a password: whoever has a token shall not find out the
/// password that belongs to it.
const TRIES: LimitRule = LimitRule {
    name: "own_password",
    burst: 10,
    refill: Duration::from_secs(90),
};

/// What is to change in a profile; `None` leaves a field as it is, an inner `None` empties it.
#[derive(Clone, Debug, Default)]
pub struct ProfileUpdate {
    /// The name that others see.
    pub display_name: Option<Option<DisplayName>>,
    /// The language.
    pub locale: Option<Option<String>>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
}

impl AccountService {
    /// Asks a person who is signed in for the password again and notes that in the session.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::Throttled`], [`AccountError::Busy`].
    pub async fn reauthenticate(
        &self,
        who: &Authenticated,
        password: &str,
    ) -> Result<(), AccountError> {
        self.check_own_password(who, password).await?;
        Ok(self.sessions.note_reauthenticated(who.actor).await?)
    }

    /// Changes the password of a person who is signed in. Every other session ends, and so does every
    /// token; the person is given a new one.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::WeakPassword`] among others.
    pub async fn change_password(
        &self,
        who: &Authenticated,
        current: &str,
        new: Password,
        client: Client,
    ) -> Result<SignedIn, AccountError> {
        self.check_own_password(who, current).await?;
        let context = PasswordContext {
            username: Some(who.user.username.clone()),
            email: Some(who.user.email.clone()),
        };
        self.ports.policy.check(&new, context).await?;
        let password_hash = self.ports.hasher.hash(new).await?;
        let (secret, refresh_hash) = self.sessions.new_secret()?;
        let change = PasswordChange {
            user_id: who.actor.user_id,
            password_hash,
            session_id: who.actor.session_id,
            refresh_hash,
            now: self.ports.clock.now(),
        };
        let changed = self.ports.users.change_password(change).await?;
        let user = changed.ok_or(SessionError::Unauthenticated)?;
        self.sessions.publish(ServiceEvent::AccountChanged(user.id));
        let signed = self.sessions.sign_again(who, user, secret, &client);
        Ok(signed?)
    }

    /// Changes a person's profile.
    ///
    /// # Errors
    /// [`AccountError::Taken`], [`AccountError::Stale`]; a new address needs the password to have been
    /// asked for a moment ago.
    pub async fn change_profile(
        &self,
        who: &Authenticated,
        update: ProfileUpdate,
        expected_version: Option<i64>,
    ) -> Result<User, AccountError> {
        if update.email.is_some() {
            self.sessions.check_fresh(who)?;
        }
        let change = ProfileChange {
            user_id: who.actor.user_id,
            display_name: update.display_name,
            locale: update.locale,
            email: update.email,
            expected_version,
        };
        match self.ports.users.change_profile(change).await? {
            ProfileOutcome::Changed(user) => {
                self.sessions.publish(ServiceEvent::AccountChanged(user.id));
                Ok(*user)
            }
            ProfileOutcome::Taken => Err(AccountError::Taken),
            ProfileOutcome::Stale => Err(AccountError::Stale),
            ProfileOutcome::NotFound => Err(SessionError::Unauthenticated.into()),
        }
    }

    /// Begins the deletion of a person's own account, on the record: every login ends at once, this
    /// one too. Answers when the account will be erased; until then an administrator can take the
    /// deletion back.
    ///
    /// # Errors
    /// [`AccountError::LastAdministrator`]; the password must have been asked for a moment ago.
    pub async fn delete_own(
        &self,
        who: &Authenticated,
        origin: Origin,
    ) -> Result<Timestamp, AccountError> {
        self.sessions.check_fresh(who)?;
        let (id, now) = (who.actor.user_id, self.ports.clock.now());
        // The log is never erased, so it does not learn from where a person left.
        let origin = Origin {
            client_address: None,
            ..origin
        };
        let by = Performer::person(id, origin);
        match self.ports.admin.begin_deletion(id, by, now).await? {
            AccountOutcome::Changed(account) => {
                self.sessions.publish(ServiceEvent::AccountChanged(id));
                Ok(account.user.erase_at().unwrap_or(now))
            }
            AccountOutcome::LastAdministrator => Err(AccountError::LastAdministrator),
            AccountOutcome::Stale | AccountOutcome::NotFound => {
                Err(SessionError::Unauthenticated.into())
            }
        }
    }

    async fn check_own_password(
        &self,
        who: &Authenticated,
        password: &str,
    ) -> Result<(), AccountError> {
        let key = who.actor.user_id.to_string();
        if let LimitDecision::Limited { retry_after } = self.ports.limits.take(&TRIES, &key) {
            return Err(AccountError::Throttled { retry_after });
        }
        let found = self
            .ports
            .users
            .credentials(who.user.username.key())
            .await?;
        let hash = found
            .filter(|found| found.user.id == who.actor.user_id && self.can_be_checked(found))
            .and_then(|found| found.password_hash);
        let (attempt, hash) = match Password::attempt(password) {
            Some(attempt) => (attempt, hash),
            None => (impossible_password()?, None),
        };
        match self.ports.hasher.verify(attempt, hash).await? {
            PasswordCheck::Match | PasswordCheck::MatchNeedsRehash => {
                self.ports.limits.clear(&TRIES, &key);
                Ok(())
            }
            PasswordCheck::Mismatch => Err(AccountError::InvalidCredentials),
        }
    }
}
