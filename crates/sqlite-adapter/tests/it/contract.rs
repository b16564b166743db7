//! The contract of the ports, on a file of its own for each test.

use lionrocket_contract_tests::{store::Stores, store_contract};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use lionrocket_test_support::audit_seal;

async fn empty_store() -> Stores {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&SqliteOptions::new(
        directory.path().join("app.db"),
        audit_seal(),
    ))
    .unwrap();
    Stores::of(store).keeping(directory)
}

store_contract!(empty_store);
