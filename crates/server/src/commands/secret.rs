//! `lionrocket secret generate`.

use lionrocket_crypto_adapter::generate_secret;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::print_line;
use crate::{Failure, cli::Printing};

/// Prints a new secret. Printing it is what the command is for.
pub(crate) fn run(printing: Printing) -> Result<(), Failure> {
    let secret = generate_secret()
        .map_err(|error| Failure::because("the system gives no random bytes", &*error))?;
    if printing.json {
        return print_line(&json!({ "secret": secret.expose_secret() }).to_string());
    }
    print_line(secret.expose_secret())
}
