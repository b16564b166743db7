//! Characters.

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, EscapeExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl,
    QueryResult, RunQueryDsl, SelectableHelper, SqliteConnection, TextExpressionMethods,
};
use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    audit::{AuditAction, AuditRecord, AuditTarget, Origin, Performer},
    character::{Character, CharacterDraft, Visibility},
    ids::{CharacterId, UserId},
    page::Page,
};
use lionrocket_ports::{
    StoreResult,
    audit::AuditSeal,
    characters::{CharacterFilter, CharacterRepository, UpdateOutcome},
};
use lionrocket_sql_model::{
    characters::{CharacterDraftRow, CharacterRow, NewCharacterRow},
    schema::characters,
    search::contains_pattern,
    time::StoredTime,
};
use serde_json::{Map, Value, json};

use crate::{audit::append, error::DbError, store::SqliteStore};

/// Finds a character that an actor may use.
pub(crate) fn find_usable(
    connection: &mut SqliteConnection,
    actor: Actor,
    id: CharacterId,
) -> QueryResult<Option<CharacterRow>> {
    let mut query = characters::table
        .filter(characters::id.eq(id.get()))
        .filter(characters::deleted_at.is_null())
        .select(CharacterRow::as_select())
        .into_boxed();
    if !actor.is_admin {
        query = query.filter(
            characters::visibility
                .eq(Visibility::Public.as_str())
                .or(characters::created_by.eq(actor.user_id.get())),
        );
    }
    query.first(connection).optional()
}

/// A character that an actor may change.
fn find_changeable(
    connection: &mut SqliteConnection,
    actor: Actor,
    id: CharacterId,
) -> Result<Option<Character>, DbError> {
    let mut query = characters::table
        .filter(characters::id.eq(id.get()))
        .filter(characters::deleted_at.is_null())
        .select(CharacterRow::as_select())
        .into_boxed();
    if !actor.is_admin {
        query = query.filter(characters::created_by.eq(actor.user_id.get()));
    }
    let row: Option<CharacterRow> = query.first(connection).optional()?;
    Ok(row.map(CharacterRow::into_domain).transpose()?)
}

/// Who did what to a character.
struct Act {
    actor: Actor,
    origin: Origin,
    action: AuditAction,
    now: Timestamp,
}

/// Records an act, unless the character is the actor's own.
fn record(
    connection: &mut SqliteConnection,
    seal: &dyn AuditSeal,
    act: Act,
    character: &Character,
    details: Option<Value>,
) -> Result<(), DbError> {
    if character.created_by == Some(act.actor.user_id) {
        return Ok(());
    }
    let by = Performer::person(act.actor.user_id, act.origin);
    let target = AuditTarget::Character(character.id);
    let record = by.record(act.action, target, character.created_by);
    append(connection, seal, AuditRecord { details, ..record }, act.now)
}

/// What the log says of a change: the version that it made, who may choose the character, and which
/// texts are others.
fn differences(old: &Character, new: &Character) -> Value {
    let (before, after) = (&old.draft, &new.draft);
    let mut fields = Map::new();
    let versions = json!({ "old": old.version, "new": new.version });
    fields.insert("version".to_owned(), versions);
    let (was, is) = (before.visibility.as_str(), after.visibility.as_str());
    if was != is {
        fields.insert("visibility".to_owned(), json!({ "old": was, "new": is }));
    }
    for (name, is_same) in [
        ("name", before.name == after.name),
        ("system_prompt", before.system_prompt == after.system_prompt),
        ("greeting", before.greeting == after.greeting),
        ("description", before.description == after.description),
    ] {
        if !is_same {
            fields.insert(name.to_owned(), json!({ "changed": true }));
        }
    }
    fields.into()
}

fn insert(
    connection: &mut SqliteConnection,
    owner: Option<UserId>,
    draft: CharacterDraft,
    now: Timestamp,
) -> QueryResult<CharacterRow> {
    diesel::insert_into(characters::table)
        .values(NewCharacterRow {
            draft: draft.into(),
            created_by: owner.map(UserId::get),
            created_at: now.into(),
            updated_at: now.into(),
            is_builtin: owner.is_none(),
        })
        .returning(CharacterRow::as_returning())
        .get_result(connection)
}

fn list(
    connection: &mut SqliteConnection,
    actor: Actor,
    filter: &CharacterFilter,
) -> QueryResult<Vec<CharacterRow>> {
    let mine = characters::created_by.eq(actor.user_id.get());
    let public = characters::visibility.eq(Visibility::Public.as_str());
    let mut query = characters::table
        .filter(characters::deleted_at.is_null())
        .order(characters::id.desc())
        .limit(i64::from(filter.size.get()) + 1)
        .select(CharacterRow::as_select())
        .into_boxed();
    query = match (filter.mine, filter.public) {
        (true, true) => query.filter(mine.or(public)),
        (true, false) => query.filter(mine),
        (false, true) => query.filter(public),
        (false, false) => return Ok(Vec::new()),
    };
    if let Some(after) = filter.after {
        query = query.filter(characters::id.lt(after.get()));
    }
    if let Some(search) = &filter.search {
        let pattern = contains_pattern(search);
        query = query.filter(
            characters::name_folded
                .like(pattern.clone())
                .escape('\\')
                .or(characters::description_folded.like(pattern).escape('\\')),
        );
    }
    query.load(connection)
}

#[async_trait]
impl CharacterRepository for SqliteStore {
    async fn create(
        &self,
        owner: Option<UserId>,
        draft: CharacterDraft,
        now: Timestamp,
    ) -> StoreResult<Character> {
        self.write(move |connection| {
            Ok(insert(connection, owner, draft.clone(), now)?.into_domain()?)
        })
        .await
    }

    async fn seed(&self, drafts: Vec<CharacterDraft>, now: Timestamp) -> StoreResult<usize> {
        self.write(move |connection| {
            let earlier = characters::table
                .filter(characters::is_builtin.eq(true))
                .select(characters::id)
                .first::<i64>(connection)
                .optional()?;
            if earlier.is_some() {
                return Ok(0);
            }
            let count = drafts.len();
            for draft in drafts.clone() {
                insert(connection, None, draft, now)?;
            }
            Ok(count)
        })
        .await
    }

    async fn get(&self, actor: Actor, id: CharacterId) -> StoreResult<Option<Character>> {
        self.read(move |connection| {
            let row = find_usable(connection, actor, id)?;
            Ok(row.map(CharacterRow::into_domain).transpose()?)
        })
        .await
    }

    async fn list(
        &self,
        actor: Actor,
        filter: CharacterFilter,
    ) -> StoreResult<Page<Character, CharacterId>> {
        self.read(move |connection| {
            let characters = list(connection, actor, &filter)?
                .into_iter()
                .map(CharacterRow::into_domain)
                .collect::<StoreResult<Vec<_>>>()?;
            Ok(Page::from_overfull(characters, filter.size, |last| last.id))
        })
        .await
    }

    async fn update(
        &self,
        actor: Actor,
        id: CharacterId,
        draft: CharacterDraft,
        expected_version: Option<i64>,
        origin: Origin,
        now: Timestamp,
    ) -> StoreResult<UpdateOutcome<Character>> {
        let seal = self.audit_seal();
        let action = AuditAction::CharacterUpdate;
        self.write(move |connection| {
            let Some(old) = find_changeable(connection, actor, id)? else {
                return Ok(UpdateOutcome::NotFound);
            };
            if expected_version.is_some_and(|expected| expected != old.version) {
                return Ok(UpdateOutcome::Stale);
            }
            let row: CharacterRow = diesel::update(characters::table.find(id.get()))
                .set((
                    CharacterDraftRow::from(draft.clone()),
                    characters::version.eq(old.version + 1),
                    characters::updated_at.eq(StoredTime::from(now)),
                ))
                .returning(CharacterRow::as_returning())
                .get_result(connection)?;
            let new = row.into_domain()?;
            let act = Act {
                actor,
                origin: origin.clone(),
                action,
                now,
            };
            record(connection, &*seal, act, &new, Some(differences(&old, &new)))?;
            Ok::<_, DbError>(UpdateOutcome::Updated(new))
        })
        .await
    }

    async fn delete(
        &self,
        actor: Actor,
        id: CharacterId,
        origin: Origin,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let seal = self.audit_seal();
        let action = AuditAction::CharacterDelete;
        self.write(move |connection| {
            let Some(character) = find_changeable(connection, actor, id)? else {
                return Ok(false);
            };
            diesel::update(characters::table.find(id.get()))
                .set(characters::deleted_at.eq(StoredTime::from(now)))
                .execute(connection)?;
            let act = Act {
                actor,
                origin: origin.clone(),
                action,
                now,
            };
            record(connection, &*seal, act, &character, None)?;
            Ok(true)
        })
        .await
    }
}
