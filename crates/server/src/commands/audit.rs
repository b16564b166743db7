//! `lionrocket audit …`: works on the database, whether the service runs or not.

use std::collections::BTreeMap;

use lionrocket_app::audit::{AuditReport, AuditService, AuditSummary, BreakReason};
use lionrocket_domain::{audit::AuditEntry, ids::UserId};
use lionrocket_ports::{StoreResult, admin::AdminRepository};
use lionrocket_sqlite_adapter::SqliteStore;
use serde_json::{Value, json};

use super::{block_on, print_line};
use crate::{
    Failure,
    cli::{AuditMonth, Printing},
    keys::Keys,
    settings::RawSettings,
    wiring,
};

/// Checks the whole log.
pub(crate) fn verify(raw: &RawSettings, printing: Printing) -> Result<(), Failure> {
    let report = with_log(raw, async |_, log| log.verify().await)?;
    if printing.json {
        print_line(&as_json(&report).to_string())?;
    } else if report.is_intact() {
        print_line(&intact(&report))?;
    }
    conclude(&report)
}

/// Sums up a month, and checks the whole log.
pub(crate) fn report(raw: &RawSettings, wanted: AuditMonth) -> Result<(), Failure> {
    let zone = raw.stats_zone()?;
    let time = zone.moments_of(wanted.month.days());
    let (summary, names) = with_log(raw, async |store, log| {
        let summary = log.summary(time).await?;
        let names = names_in(&store, &summary).await?;
        Ok((summary, names))
    })?;
    let (month, names) = (wanted.month.to_string(), Names(names));
    if wanted.printing.json {
        let report = json!({
            "month": month,
            "timezone": zone.name(),
            "log": as_json(&summary.check),
            "acts": names.acts(&summary),
            "reads_of_chats": names.reads(&summary),
        });
        print_line(&report.to_string())?;
    } else {
        print_report(&format!("{month} in {}", zone.name()), &summary, &names)?;
    }
    conclude(&summary.check)
}

/// Does something with the log.
fn with_log<T>(
    raw: &RawSettings,
    work: impl AsyncFnOnce(SqliteStore, AuditService) -> StoreResult<T>,
) -> Result<T, Failure> {
    let database = raw.database()?;
    let keys = Keys::load(&raw.signing_alone()?, &database)?;
    let store = wiring::open_store(&database, &keys)?;
    let service = wiring::audit(&store, &keys);
    block_on(async {
        let done = work(store.clone(), service).await;
        store.close().await;
        done
    })?
    .map_err(|error| Failure::because("the audit log cannot be read", &error))
}

/// The names of all people in a summary who still have an account.
async fn names_in(
    store: &SqliteStore,
    summary: &AuditSummary,
) -> StoreResult<BTreeMap<UserId, String>> {
    let people = summary.acts.keys();
    let mut names = BTreeMap::new();
    for id in people.flat_map(|acts| [acts.actor, acts.subject]).flatten() {
        if !names.contains_key(&id)
            && let Some(account) = AdminRepository::get(store, id).await?
        {
            names.insert(id, account.user.username.into_string());
        }
    }
    Ok(names)
}

/// What people are called.
struct Names(BTreeMap<UserId, String>);

impl Names {
    /// A person in a line; those without an account have only their id.
    fn line(&self, id: Option<UserId>, nobody: &str) -> String {
        let Some(id) = id else {
            return nobody.to_owned();
        };
        self.0
            .get(&id)
            .map_or_else(|| format!("({id})"), |name| format!("{name} ({id})"))
    }

    fn view(&self, id: Option<UserId>) -> Value {
        let named = |id: UserId| json!({"id": id.get(), "username": self.0.get(&id)});
        id.map_or(Value::Null, named)
    }

    fn acts(&self, summary: &AuditSummary) -> Vec<Value> {
        let acts = summary.acts.iter();
        acts.map(|(acts, count)| {
            json!({
                "count": count,
                "actor": self.view(acts.actor),
                "action": acts.action,
                "subject": self.view(acts.subject),
            })
        })
        .collect()
    }

    fn reads(&self, summary: &AuditSummary) -> Vec<Value> {
        let view = |read: &AuditEntry| {
            json!({
                "id": read.id.get(),
                "created_at": read.created_at,
                "actor": self.view(read.actor),
                "action": read.action,
                "subject": self.view(read.subject),
                "target_type": read.target_type,
                "target_id": read.target_id,
                "reason": read.reason,
            })
        };
        summary.reads.iter().map(view).collect()
    }
}

fn print_report(title: &str, summary: &AuditSummary, names: &Names) -> Result<(), Failure> {
    let acts: u64 = summary.acts.values().sum();
    let reads = summary.reads.len();
    print_line(&format!("{title}: {acts} acts, {reads} reads of chats"))?;
    for (acts, count) in &summary.acts {
        let who = names.line(acts.actor, "the operator or the service");
        let whose = names.line(acts.subject, "-");
        print_line(&format!("{count}\t{who}\t{}\t{whose}", acts.action))?;
    }
    for read in &summary.reads {
        let who = names.line(read.actor, "-");
        let whose = names.line(read.subject, "-");
        let reason = read.reason.as_deref().unwrap_or("-");
        print_line(&format!(
            "{}\t{who}\t{}\t{whose}\t{} {}\t{reason}",
            read.created_at, read.action, read.target_type, read.target_id
        ))?;
    }
    if summary.check.is_intact() {
        print_line(&intact(&summary.check))?;
    }
    Ok(())
}

fn intact(report: &AuditReport) -> String {
    format!("the audit log is intact, {} rows", report.rows)
}

/// Ends with what is wrong with the log.
fn conclude(report: &AuditReport) -> Result<(), Failure> {
    complaint(report).map_or(Ok(()), |line| Err(Failure::Failed(line)))
}

fn as_json(report: &AuditReport) -> Value {
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
