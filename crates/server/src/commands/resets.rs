//! `lionrocket user reset-password`: works on the database, whether the service runs or not.

use std::sync::Arc;

use lionrocket_app::{
    admin::{AdminError, AdminService, Administrator},
    resets::{ResetLink, ResetService},
};
use lionrocket_local_adapter::{LocalEventBus, Unlimited};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{
    accounts::{find, refusal, with_service},
    print_line,
};
use crate::{
    Failure,
    cli::{OneUser, WhichUser},
    settings::{RawSettings, SettingsError},
    wiring::{self, Passwords},
};

/// Makes a link by which a person sets a new password. It is printed and nowhere else.
pub(crate) fn create(raw: &RawSettings, on: &OneUser) -> Result<(), Failure> {
    let origin = origin(raw)?;
    let passwords = Passwords::new(&raw.passwords()?)?;
    let link = with_service(raw, async |store, admin| {
        let events = Arc::new(LocalEventBus::new());
        let resets = wiring::resets(&store, &passwords, Arc::new(Unlimited), events);
        make(&admin, &resets, &on.which).await
    })?
    .map_err(|error| refusal(&error))?;
    let url = format!("{origin}/reset-password#{}", link.secret.expose_secret());
    if on.printing.json {
        return print_line(&json!({ "url": url, "expires_at": link.expires_at }).to_string());
    }
    print_line(&url)?;
    print_line(&format!(
        "give it to the person: it sets a new password once, until {}",
        link.expires_at
    ))
}

/// Where people reach the service.
fn origin(raw: &RawSettings) -> Result<String, SettingsError> {
    let origins = raw.network()?.public_origins(raw.listen()?.port);
    origins.into_iter().next().ok_or_else(|| {
        SettingsError::new(
            "PUBLIC_ORIGINS",
            "is missing, and PORT is 0",
            "set it to the address that people open, which the link begins with",
        )
    })
}

async fn make(
    admin: &AdminService,
    resets: &ResetService,
    which: &WhichUser,
) -> Result<ResetLink, AdminError> {
    let id = find(admin, which).await?;
    resets.create(Administrator::Operator, id).await
}
