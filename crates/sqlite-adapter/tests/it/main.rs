//! Tests of the store on SQLite: the contract of the ports, and what only this adapter promises.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod accounts;
mod audit;
mod backups;
mod contract;
mod disk;
mod files;
mod ledger;
mod migrating;
mod opening;
mod plans;
mod remembering;
mod retention;
mod schema;
mod writing;
