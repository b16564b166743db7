//! `lionrocket audit …`: works on the database, whether the service runs or not.

use lionrocket_app::audit::{AuditReport, BreakReason};
use serde_json::json;

use super::{block_on, print_line};
use crate::{Failure, cli::Printing, keys::Keys, settings::RawSettings, wiring};

/// Checks the whole log.
pub(crate) fn verify(raw: &RawSettings, printing: Printing) -> Result<(), Failure> {
    let database = raw.database()?;
    let keys = Keys::load(&raw.signing_alone()?, &database)?;
    let store = wiring::open_store(&database, &keys)?;
    let service = wiring::audit(&store, &keys);
    let report = block_on(async {
        let report = service.verify().await;
        store.close().await;
        report
    })?
    .map_err(|error| Failure::because("the audit log cannot be read", &error))?;
    if printing.json {
        print_line(&as_json(&report).to_string())?;
    } else if report.is_intact() {
        print_line(&format!("the audit log is intact, {} rows", report.rows))?;
    }
    complaint(&report).map_or(Ok(()), |line| Err(Failure::Failed(line)))
}

fn as_json(report: &AuditReport) -> serde_json::Value {
    json!({
        "intact": report.is_intact(),
        "rows": report.rows,
        "unknown_keys": report.unknown_keys,
        "broken": report.broken.map(|broken| json!({
            "id": broken.id.get(),
            "reason": broken.reason.as_str(),
        })),
    })
}

/// What is wrong, in one line; `None` when nothing is.
fn complaint(report: &AuditReport) -> Option<String> {
    if let Some(broken) = report.broken {
        let id = broken.id;
        return Some(match broken.reason {
            BreakReason::Changed => format!("the audit log is broken: row {id} was changed"),
            BreakReason::OutOfOrder => {
                format!(
                    "the audit log is broken: what came before row {id} was taken out or exchanged"
                )
            }
            BreakReason::Missing => {
                format!("the audit log is broken: row {id} and what came after it were cut off")
            }
        });
    }
    (report.unknown_keys > 0).then(|| {
        format!(
            "{} of {} rows of the audit log cannot be checked: they were sealed with a former secret, \
             add it to JWT_SECRET_PREVIOUS",
            report.unknown_keys, report.rows
        )
    })
}
