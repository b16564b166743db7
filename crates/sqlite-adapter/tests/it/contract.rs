//! The contract of the ports, on a file of its own for each test.

use lionrocket_contract_tests::{store::Stores, store_contract};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};

async fn empty_store() -> Stores {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&SqliteOptions::new(directory.path().join("app.db"))).unwrap();
    Stores::of(store).keeping(directory)
}

store_contract!(empty_store);
