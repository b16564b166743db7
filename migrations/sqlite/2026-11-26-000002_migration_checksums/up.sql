-- What the migrations were that this database has, so that a changed one is not taken for the same.
CREATE TABLE migration_checksums (
    version TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of the text.
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT, WITHOUT ROWID;
