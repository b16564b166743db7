//! `lionrocket user create`: works on the database, whether the service runs or not.

use std::sync::Arc;

use jiff::SignedDuration;
use lionrocket_app::accounts::{AccountError, NewAccount};
use lionrocket_domain::{
    account::User,
    calendar::StatsZone,
    text::{EmailAddress, Password, TextError, Username},
};
use lionrocket_local_adapter::{LocalEventBus, TaskSpawner, Unlimited};
use lionrocket_ports::error::Chain;
use lionrocket_sqlite_adapter::SqliteStore;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::runtime::Handle;

use super::{block_on, password, print_line};
use crate::{
    Failure,
    cli::CreateUser,
    keys::Keys,
    settings::{PasswordSettings, RawSettings},
    wiring::{self, Passwords},
};

/// Makes an account.
pub(crate) fn create(raw: &RawSettings, user: &CreateUser) -> Result<(), Failure> {
    let database = raw.database()?;
    let passwords = raw.passwords()?;
    let password = password::read(&user.password)?;
    let account = NewAccount {
        username: Username::parse(&user.username).map_err(|e| refused("the user name", &e))?,
        email: EmailAddress::parse(&user.email).map_err(|e| refused("the e-mail address", &e))?,
        password: Password::choose(password.expose_secret(), passwords.min_chars)
            .map_err(|e| refused("the password", &e))?,
    };
    let zone = raw.stats_zone()?;
    let keys = Keys::load(&raw.signing_alone()?, &database)?;
    let store = wiring::open_store(&database, &keys)?;
    let made = block_on(async {
        let made = make(&store, &passwords, &keys, zone, account, user.admin).await;
        store.close().await;
        made
    })??;
    report(&made, user.printing.json)
}

fn refused(what: &str, error: &TextError) -> Failure {
    Failure::because(format!("{what} is refused"), error)
}

async fn make(
    store: &SqliteStore,
    passwords: &PasswordSettings,
    keys: &Keys,
    zone: StatsZone,
    account: NewAccount,
    admin: bool,
) -> Result<User, Failure> {
    let sessions = wiring::sessions(
        store,
        keys,
        SignedDuration::ZERO,
        Arc::new(LocalEventBus::new()),
        &TaskSpawner::new(Handle::current()),
    );
    let accounts = wiring::accounts(
        store,
        keys,
        &Passwords::new(passwords)?,
        sessions,
        zone,
        Arc::new(Unlimited),
        TaskSpawner::new(Handle::current()),
    );
    accounts
        .create_user(account, admin)
        .await
        .map_err(|error| match error {
            AccountError::Taken => Failure::Failed(
                "the user name or the e-mail address is taken: choose another one".to_owned(),
            ),
            AccountError::WeakPassword(weakness) => Failure::Failed(format!(
                "the password is refused: {}",
                password::advice(weakness)
            )),
            other => Failure::Failed(Chain(&other).to_string()),
        })
}

fn report(user: &User, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let view = json!({
            "id": user.id.get(),
            "username": user.username.as_str(),
            "is_admin": user.is_admin,
        });
        return print_line(&view.to_string());
    }
    let kind = if user.is_admin {
        "administrator"
    } else {
        "account"
    };
    print_line(&format!(
        "made the {kind} {} (id {})",
        user.username.as_str(),
        user.id
    ))
}
