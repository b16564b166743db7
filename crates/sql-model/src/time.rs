//! Moments as they are stored.

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, SqlType},
    sqlite::Sqlite,
};
use jiff::Timestamp;
use lionrocket_ports::StoreResult;

use crate::convert::corrupt;

/// A moment in UTC: whole microseconds since 1970 on SQLite, `timestamptz` on PostgreSQL.
#[derive(Clone, Copy, Debug, QueryId, SqlType)]
#[diesel(sqlite_type(name = "Long"))]
pub struct UtcTimestamp;

/// The value of a [`UtcTimestamp`].
#[derive(AsExpression, Clone, Copy, Debug, Eq, FromSqlRow, PartialEq)]
#[diesel(sql_type = UtcTimestamp)]
pub struct StoredTime {
    micros: i64,
}

impl StoredTime {
    /// Later than any moment that is stored.
    pub const LATEST: Self = Self { micros: i64::MAX };

    /// The moment, unless the row with this key holds a number outside the calendar.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`](lionrocket_ports::StoreError::Corrupt) with the table and key.
    pub fn into_domain(
        self,
        table: &'static str,
        key: impl std::fmt::Display,
    ) -> StoreResult<Timestamp> {
        Timestamp::from_microsecond(self.micros).map_err(|_| corrupt(table, key))
    }
}

impl From<Timestamp> for StoredTime {
    fn from(time: Timestamp) -> Self {
        Self {
            micros: time.as_microsecond(),
        }
    }
}

impl ToSql<UtcTimestamp, Sqlite> for StoredTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.micros);
        Ok(IsNull::No)
    }
}

impl FromSql<UtcTimestamp, Sqlite> for StoredTime {
    fn from_sql(
        value: <Sqlite as diesel::backend::Backend>::RawValue<'_>,
    ) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Ok(Self { micros })
    }
}
