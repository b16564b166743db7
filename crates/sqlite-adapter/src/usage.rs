//! Reading what was used.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use lionrocket_domain::{
    budget::Amount,
    calendar::{Day, DayRange},
    ids::UserId,
    usage::UsageDay,
};
use lionrocket_ports::{StoreResult, usage::UsageRepository};
use lionrocket_sql_model::{schema::usage_stats, usage::UsageDayRow};

use crate::{budgets::used_by_user, store::SqliteStore};

#[async_trait]
impl UsageRepository for SqliteStore {
    async fn days(&self, user_id: UserId, range: DayRange) -> StoreResult<Vec<UsageDay>> {
        self.read(move |connection| {
            let rows = usage_stats::table
                .filter(usage_stats::user_id.eq(user_id.get()))
                .filter(
                    usage_stats::usage_date.between(range.from.to_string(), range.to.to_string()),
                )
                .order(usage_stats::usage_date)
                .select(UsageDayRow::as_select())
                .load(connection)?;
            let days = rows.into_iter().map(UsageDayRow::into_domain);
            Ok(days.collect::<StoreResult<_>>()?)
        })
        .await
    }

    async fn used(&self, user_id: UserId, day: Day) -> StoreResult<Amount> {
        self.read(move |connection| used_by_user(connection, user_id, day))
            .await
    }
}
