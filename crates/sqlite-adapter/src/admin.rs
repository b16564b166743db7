//! Looking after accounts.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, EscapeExpressionMethods, ExpressionMethods,
    NullableExpressionMethods as _, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper, SqliteConnection, TextExpressionMethods,
    dsl::{count_star, sql},
    sql_types::{BigInt, Nullable, Text},
};
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::{AuditAction, AuditTarget, Performer},
    ids::{AuditId, ChatId, UserId},
    page::{Page, PageSize},
    text::{DisplayName, fold},
};
use lionrocket_ports::{
    StoreResult,
    admin::{
        Account, AccountChange, AccountFilter, AccountOutcome, AccountState, AccountTotals,
        AdminRepository, AdminView,
    },
    audit::AuditSeal,
};
use lionrocket_sql_model::{
    accounts::UserRow,
    admin::{AccountChangeRow, AdminViewRow, ListViews},
    convert::{count, stored_count},
    schema::{chats, sessions, usage_stats, users},
    search::contains_pattern,
    time::{StoredTime, UtcTimestamp},
};
use serde_json::{Map, Value, json};

use crate::{
    accounts::mark_deleted, audit::append, error::DbError, sessions::end_logins, store::SqliteStore,
};

#[diesel::declare_sql_function]
extern "SQL" {
    /// Folds a text as [`fold`] does.
    fn folded(text: Nullable<Text>) -> Nullable<Text>;
}

/// Teaches a connection to fold texts.
pub(crate) fn register_functions(connection: &mut SqliteConnection) -> QueryResult<()> {
    folded_utils::register_impl(connection, |text: Option<String>| text.as_deref().map(fold))
}

fn users_of(
    connection: &mut SqliteConnection,
    filter: &AccountFilter,
) -> Result<Vec<User>, DbError> {
    let mut query = users::table
        .order(users::id.desc())
        .limit(i64::from(filter.size.get()) + 1)
        .select(UserRow::as_select())
        .into_boxed();
    query = match filter.state {
        None => query,
        Some(AccountState::Active) => query
            .filter(users::is_active.eq(true))
            .filter(users::deleted_at.is_null()),
        Some(AccountState::Disabled) => query
            .filter(users::is_active.eq(false))
            .filter(users::deleted_at.is_null()),
        Some(AccountState::Deleted) => query.filter(users::deleted_at.is_not_null()),
        Some(AccountState::Admin) => query.filter(users::is_admin.eq(true)),
    };
    if let Some(after) = filter.after {
        query = query.filter(users::id.lt(after.get()));
    }
    if let Some(search) = &filter.search {
        let pattern = contains_pattern(search);
        let named = folded(users::display_name)
            .like(pattern.clone())
            .escape('\\');
        query = query.filter(
            users::username_key
                .like(pattern.clone())
                .escape('\\')
                .or(users::email_key.like(pattern).escape('\\'))
                .nullable()
                .or(named),
        );
    }
    let rows: Vec<UserRow> = query.load(connection)?;
    let found = rows.into_iter().map(UserRow::into_domain);
    Ok(found.collect::<StoreResult<_>>()?)
}

/// What these people have done, in three statements however many they are.
fn totals_of(
    connection: &mut SqliteConnection,
    ids: &[i64],
) -> Result<HashMap<i64, AccountTotals>, DbError> {
    let mut totals: HashMap<i64, AccountTotals> = HashMap::new();
    let opened: Vec<(i64, i64, Option<StoredTime>)> = chats::table
        .filter(chats::user_id.eq_any(ids))
        .group_by(chats::user_id)
        .select((
            chats::user_id,
            count_star(),
            sql::<Nullable<UtcTimestamp>>("max(last_message_at)"),
        ))
        .load(connection)?;
    for (id, number, spoken_at) in opened {
        let of_person = totals.entry(id).or_default();
        of_person.chats = count("chats", id, number)?;
        saw(of_person, id, spoken_at)?;
    }
    let charged: Vec<(Option<i64>, i64, i64, i64)> = usage_stats::table
        .filter(usage_stats::user_id.eq_any(ids))
        .group_by(usage_stats::user_id)
        .select((
            usage_stats::user_id,
            sql::<BigInt>("sum(chat_count)"),
            sql::<BigInt>("sum(total_tokens)"),
            sql::<BigInt>("sum(cost_micro_usd)"),
        ))
        .load(connection)?;
    for (id, exchanges, tokens, cost) in charged {
        let Some(id) = id else { continue };
        let of_person = totals.entry(id).or_default();
        of_person.exchanges = count("usage_stats", id, exchanges)?;
        of_person.total_tokens = count("usage_stats", id, tokens)?;
        of_person.cost_micro_usd = count("usage_stats", id, cost)?;
    }
    let seen: Vec<(i64, Option<StoredTime>)> = sessions::table
        .filter(sessions::user_id.eq_any(ids))
        .group_by(sessions::user_id)
        .select((
            sessions::user_id,
            sql::<Nullable<UtcTimestamp>>("max(last_seen_at)"),
        ))
        .load(connection)?;
    for (id, seen_at) in seen {
        saw(totals.entry(id).or_default(), id, seen_at)?;
    }
    Ok(totals)
}

/// Notes that somebody was there, if it was later than what is known.
fn saw(totals: &mut AccountTotals, id: i64, moment: Option<StoredTime>) -> StoreResult<()> {
    let moment = moment.map(|moment| moment.into_domain("users", id));
    totals.last_active_at = totals.last_active_at.max(moment.transpose()?);
    Ok(())
}

/// A page of accounts, in four statements.
fn list(
    connection: &mut SqliteConnection,
    filter: &AccountFilter,
) -> Result<Page<Account, UserId>, DbError> {
    let found = users_of(connection, filter)?;
    let page = Page::from_overfull(found, filter.size, |user| user.id);
    let ids: Vec<i64> = page.items.iter().map(|user| user.id.get()).collect();
    let mut totals = totals_of(connection, &ids)?;
    let items = page.items.into_iter().map(|user| Account {
        totals: totals.remove(&user.id.get()).unwrap_or_default(),
        user,
    });
    Ok(Page {
        items: items.collect(),
        next: page.next,
    })
}

fn find_user(connection: &mut SqliteConnection, id: UserId) -> Result<Option<User>, DbError> {
    let row = users::table
        .find(id.get())
        .select(UserRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(UserRow::into_domain).transpose()?)
}

fn find(connection: &mut SqliteConnection, id: UserId) -> Result<Option<Account>, DbError> {
    let Some(user) = find_user(connection, id)? else {
        return Ok(None);
    };
    let totals = totals_of(connection, &[id.get()])?.remove(&id.get());
    Ok(Some(Account {
        user,
        totals: totals.unwrap_or_default(),
    }))
}

/// The account as it is after a write within the same transaction.
fn find_again(connection: &mut SqliteConnection, id: UserId) -> Result<AccountOutcome, DbError> {
    let account = find(connection, id)?.ok_or(diesel::result::Error::NotFound)?;
    Ok(AccountOutcome::Changed(Box::new(account)))
}

/// Whether nobody else could administer the service if this person could not.
pub(crate) fn is_last_administrator(
    connection: &mut SqliteConnection,
    user: &User,
) -> QueryResult<bool> {
    if !administers(user) {
        return Ok(false);
    }
    let another = users::table
        .filter(users::is_admin.eq(true))
        .filter(users::is_active.eq(true))
        .filter(users::deleted_at.is_null())
        .filter(users::id.ne(user.id.get()))
        .select(users::id)
        .first::<i64>(connection)
        .optional()?;
    Ok(another.is_none())
}

const fn administers(user: &User) -> bool {
    user.is_admin && user.is_active && user.deleted_at.is_none()
}

/// The account as a change makes it.
fn changed(user: &User, change: AccountChange) -> User {
    let mut wanted = user.clone();
    if let Some(is_active) = change.is_active {
        wanted.is_active = is_active;
        if is_active {
            wanted.deleted_at = None;
        }
    }
    wanted.is_admin = change.is_admin.unwrap_or(user.is_admin);
    if let Some(budget) = change.daily_token_budget {
        wanted.daily_token_budget = budget;
    }
    if let Some(name) = change.display_name {
        wanted.display_name = name;
    }
    wanted
}

/// What the log says of a change: fields with their old and new values. Of a name only that it
/// changed, since the log is never erased.
fn differences(old: &User, new: &User) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut note = |name: &str, old: Value, new: Value| {
        if old != new {
            fields.insert(name.to_owned(), json!({ "old": old, "new": new }));
        }
    };
    note("is_active", old.is_active.into(), new.is_active.into());
    note("is_admin", old.is_admin.into(), new.is_admin.into());
    note(
        "daily_token_budget",
        old.daily_token_budget.into(),
        new.daily_token_budget.into(),
    );
    note(
        "is_deleted",
        old.deleted_at.is_some().into(),
        new.deleted_at.is_some().into(),
    );
    if old.display_name != new.display_name {
        fields.insert("display_name".to_owned(), json!({ "changed": true }));
    }
    fields
}

fn change(
    connection: &mut SqliteConnection,
    seal: &dyn AuditSeal,
    id: UserId,
    (change, expected_version): (AccountChange, Option<i64>),
    by: Performer,
    now: Timestamp,
) -> Result<AccountOutcome, DbError> {
    let Some(old) = find_user(connection, id)? else {
        return Ok(AccountOutcome::NotFound);
    };
    if expected_version.is_some_and(|expected| expected != old.version) {
        return Ok(AccountOutcome::Stale);
    }
    let new = changed(&old, change);
    if !administers(&new) && is_last_administrator(connection, &old)? {
        return Ok(AccountOutcome::LastAdministrator);
    }
    let fields = differences(&old, &new);
    if !fields.is_empty() {
        let ends_logins = old.is_admin != new.is_admin || (old.is_active && !new.is_active);
        diesel::update(users::table.find(id.get()))
            .set(AccountChangeRow {
                is_active: Some(new.is_active),
                is_admin: Some(new.is_admin),
                daily_token_budget: Some(new.daily_token_budget.map(stored_count)),
                display_name: Some(new.display_name.map(DisplayName::into_string)),
                deleted_at: Some(new.deleted_at.map(StoredTime::from)),
                version: Some(old.version + 1),
            })
            .execute(connection)?;
        if ends_logins {
            end_logins(connection, id, None, now)?;
        }
    }
    let mut record = by.record(AuditAction::UserUpdate, AuditTarget::User(id), Some(id));
    record.details = Some(fields.into());
    append(connection, seal, record, now)?;
    find_again(connection, id)
}

fn begin_deletion(
    connection: &mut SqliteConnection,
    seal: &dyn AuditSeal,
    id: UserId,
    by: Performer,
    now: Timestamp,
) -> Result<AccountOutcome, DbError> {
    let Some(user) = find_user(connection, id)? else {
        return Ok(AccountOutcome::NotFound);
    };
    if is_last_administrator(connection, &user)? {
        return Ok(AccountOutcome::LastAdministrator);
    }
    if user.deleted_at.is_none() {
        mark_deleted(connection, &user, now)?;
    }
    let record = by.record(AuditAction::UserDelete, AuditTarget::User(id), Some(id));
    append(connection, seal, record, now)?;
    find_again(connection, id)
}

#[async_trait]
impl AdminRepository for SqliteStore {
    async fn list(&self, filter: AccountFilter) -> StoreResult<Page<Account, UserId>> {
        self.read_at_once(move |connection| list(connection, &filter))
            .await
    }

    async fn get(&self, id: UserId) -> StoreResult<Option<Account>> {
        self.read_at_once(move |connection| find(connection, id))
            .await
    }

    async fn id_of(&self, username_key: String) -> StoreResult<Option<UserId>> {
        self.read(move |connection| {
            let id = users::table
                .filter(users::username_key.eq(username_key))
                .select(users::id)
                .first(connection)
                .optional()?;
            Ok(id.map(UserId::from_stored))
        })
        .await
    }

    async fn change(
        &self,
        id: UserId,
        wanted: AccountChange,
        expected_version: Option<i64>,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<AccountOutcome> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            change(
                connection,
                &*seal,
                id,
                (wanted.clone(), expected_version),
                by.clone(),
                now,
            )
        })
        .await
    }

    async fn begin_deletion(
        &self,
        id: UserId,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<AccountOutcome> {
        let seal = self.audit_seal();
        self.write(move |connection| begin_deletion(connection, &*seal, id, by.clone(), now))
            .await
    }

    async fn owner_of(&self, chat_id: ChatId) -> StoreResult<Option<UserId>> {
        self.read(move |connection| {
            let owner = chats::table
                .find(chat_id.get())
                .select(chats::user_id)
                .first(connection)
                .optional()?;
            Ok(owner.map(UserId::from_stored))
        })
        .await
    }

    async fn views_of(
        &self,
        id: UserId,
        before: Option<AuditId>,
        size: PageSize,
    ) -> StoreResult<Page<AdminView, AuditId>> {
        self.read(move |connection| {
            let rows: Vec<AdminViewRow> = ListViews {
                user_id: id.get(),
                before: before.map_or(i64::MAX, AuditId::get),
                limit: i64::from(size.get()) + 1,
            }
            .load(connection)?;
            let views = rows.into_iter().map(AdminViewRow::into_domain);
            let views = views.collect::<StoreResult<_>>()?;
            Ok(Page::from_overfull(views, size, |view: &AdminView| view.id))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use diesel::connection::{Connection as _, InstrumentationEvent};
    use lionrocket_ports::accounts::UserRepository;

    use super::*;
    use crate::store::tests::{new_user, open};

    /// How many statements a list of everybody takes.
    async fn statements_for(people: usize) -> usize {
        let (store, _directory) = open();
        for number in 0..people {
            let user = new_user(&format!("person{number}"));
            UserRepository::create(&store, user).await.unwrap();
        }
        let total = Arc::new(AtomicUsize::new(0));
        let counter = total.clone();
        let found = store.read(move |connection| {
            connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
            let filter = AccountFilter {
                size: PageSize::parse(PageSize::MAX).unwrap_or_default(),
                ..AccountFilter::default()
            };
            list(connection, &filter)
        });
        assert_eq!(found.await.unwrap().items.len(), people);
        total.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_list_takes_as_many_statements_for_a_hundred_people_as_for_one() {
        assert_eq!(statements_for(1).await, 4);
        assert_eq!(statements_for(100).await, 4);
    }
}
