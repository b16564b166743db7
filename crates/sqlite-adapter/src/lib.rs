//! The store on embedded SQLite: one writer with group commit, a pool of readers.
