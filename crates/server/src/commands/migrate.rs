//! `lionrocket migrate`.

use serde_json::json;

use super::print_line;
use crate::{Failure, cli::Printing, keys::Keys, settings::RawSettings, wiring};

/// Brings the database to this version, making it when it is not there.
pub(crate) fn run(raw: &RawSettings, printing: Printing) -> Result<(), Failure> {
    let database = raw.database()?;
    let keys = Keys::load(&raw.signing_alone()?, &database)?;
    let store = wiring::open_store(&database, &keys)?;
    super::block_on(store.close())?;
    let path = database.path().display().to_string();
    if printing.json {
        return print_line(&json!({ "database": path, "up_to_date": true }).to_string());
    }
    print_line(&format!("{path} is up to date"))
}
