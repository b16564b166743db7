//! The operator's secrets, and what is made from them.

use std::sync::Arc;

use lionrocket_crypto_adapter::{
    AuditSealer, CursorSealer, DeviceSigner, JwtAlgorithm, JwtIssuer, RefreshDeriver, SigningSecret,
};
use lionrocket_ports::{
    audit::AuditSeal,
    crypto::{DeviceTokens, TextSeal},
};

use crate::{
    Failure,
    settings::{DatabaseFile, Signing, secret},
};

/// The secrets of this installation.
pub(crate) struct Keys {
    current: SigningSecret,
    previous: Vec<SigningSecret>,
    algorithm: JwtAlgorithm,
}

impl Keys {
    /// Takes the secret of the settings, or the one that is kept in the data directory.
    pub(crate) fn load(signing: &Signing, database: &DatabaseFile) -> Result<Self, Failure> {
        let current = match &signing.secret {
            Some(secret) => secret.clone(),
            None => kept_secret(database)?,
        };
        Ok(Self {
            current,
            previous: signing.previous.clone(),
            algorithm: signing.algorithm,
        })
    }

    /// Signs and checks access tokens.
    pub(crate) fn token_issuer(&self) -> JwtIssuer {
        JwtIssuer::new(self.algorithm, &self.current, &self.previous)
    }

    /// Knows browsers in which somebody has signed in before.
    pub(crate) fn devices(&self) -> Arc<dyn DeviceTokens> {
        Arc::new(DeviceSigner::new(&self.current, &self.previous))
    }

    /// Seals places in lists.
    pub(crate) fn cursor_seal(&self) -> Arc<dyn TextSeal> {
        Arc::new(CursorSealer::new(&self.current, &self.previous))
    }

    /// Makes refresh secrets.
    pub(crate) fn refresh_secrets(&self) -> RefreshDeriver {
        RefreshDeriver::new(&self.current, &self.previous)
    }

    /// Seals the audit log.
    pub(crate) fn audit_seal(&self) -> Arc<dyn AuditSeal> {
        Arc::new(AuditSealer::new(&self.current, &self.previous))
    }
}

fn kept_secret(database: &DatabaseFile) -> Result<SigningSecret, Failure> {
    let directory = database.directory();
    let (secret, made) = secret::load_or_generate(directory).map_err(|error| {
        let what = format!(
            "no signing secret can be kept in {}, set JWT_SECRET, or DATABASE_URL to a directory \
             that can be written",
            directory.display()
        );
        Failure::because(what, &error)
    })?;
    if made {
        tracing::info!(
            directory = %directory.display(),
            "made a signing secret, since JWT_SECRET is not set"
        );
    }
    Ok(secret)
}
