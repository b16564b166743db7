//! `lionrocket user list|disable|enable|promote|demote|delete`: works on the database, whether the
//! service runs or not. A service that runs takes a change up within seconds.

use std::{future::Future, sync::Arc};

use lionrocket_app::{
    admin::{AdminError, AdminService, Administrator},
    usage::UsageService,
};
use lionrocket_domain::{account::User, budget::DailyBudgets, ids::UserId, page::PageSize};
use lionrocket_local_adapter::{LocalEventBus, SystemClock};
use lionrocket_ports::{
    admin::{Account, AccountChange, AccountFilter, AccountState},
    error::Chain,
};
use lionrocket_sqlite_adapter::SqliteStore;
use serde_json::{Value, json};

use super::{block_on, print_line};
use crate::{
    Failure,
    cli::{ListUsers, OneUser, WhichUser},
    keys::Keys,
    settings::RawSettings,
    wiring,
};

/// What can be done to one account.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Lets the person use the service no more.
    Disable,
    /// Lets the person use the service again; takes a deletion back.
    Enable,
    /// Lets the person administer the service.
    Promote,
    /// Lets the person administer the service no more.
    Demote,
    /// Begins the deletion.
    Delete,
}

/// Lists accounts, newest first.
pub(crate) fn list(raw: &RawSettings, wanted: ListUsers) -> Result<(), Failure> {
    let accounts = with_service(raw, async |_, admin| all(&admin, wanted.state).await)?
        .map_err(|error| refusal(&error))?;
    if wanted.printing.json {
        let items: Vec<_> = accounts.iter().map(|account| view(&account.user)).collect();
        return print_line(&json!({ "items": items }).to_string());
    }
    for Account { user, .. } in accounts {
        let role = if user.is_admin { "administrator" } else { "-" };
        let (id, name, email) = (user.id, user.username.as_str(), user.email.as_str());
        print_line(&format!("{id}\t{name}\t{email}\t{}\t{role}", state(&user)))?;
    }
    Ok(())
}

async fn all(
    admin: &AdminService,
    state: Option<AccountState>,
) -> Result<Vec<Account>, AdminError> {
    let mut filter = AccountFilter {
        state,
        size: PageSize::parse(PageSize::MAX).unwrap_or_default(),
        ..AccountFilter::default()
    };
    let mut accounts = Vec::new();
    loop {
        let page = admin
            .accounts(Administrator::Operator, filter.clone())
            .await?;
        accounts.extend(page.items);
        filter.after = page.next;
        if filter.after.is_none() {
            return Ok(accounts);
        }
    }
}

/// Does something to one account.
pub(crate) fn act(raw: &RawSettings, act: Act, on: &OneUser) -> Result<(), Failure> {
    let user = with_service(raw, async |_, admin| perform(&admin, act, &on.which).await)?
        .map_err(|error| refusal(&error))?;
    if on.printing.json {
        return print_line(&view(&user).to_string());
    }
    let name = user.username.as_str();
    let done = match act {
        Act::Disable => "disabled",
        Act::Enable => "enabled",
        Act::Promote => "made an administrator of",
        Act::Demote => "took the administrator's rights from",
        Act::Delete => "began the deletion of",
    };
    let until = user.erase_at().map_or_else(String::new, |moment| {
        format!(": it is erased at {moment}, `user enable` takes it back until then")
    });
    print_line(&format!("{done} {name} (id {}){until}", user.id))
}

async fn perform(admin: &AdminService, act: Act, which: &WhichUser) -> Result<User, AdminError> {
    let id = find(admin, which).await?;
    let active = |is_active| AccountChange {
        is_active: Some(is_active),
        ..AccountChange::default()
    };
    let administrator = |is_admin| AccountChange {
        is_admin: Some(is_admin),
        ..AccountChange::default()
    };
    let change = match act {
        Act::Disable => active(false),
        Act::Enable => active(true),
        Act::Promote => administrator(true),
        Act::Demote => administrator(false),
        Act::Delete => {
            return Ok(admin.delete(Administrator::Operator, id).await?.user);
        }
    };
    let changed = admin.change(Administrator::Operator, id, change, None);
    Ok(changed.await?.user)
}

/// The id of the account that the command line names.
pub(super) async fn find(admin: &AdminService, which: &WhichUser) -> Result<UserId, AdminError> {
    match (&which.username, which.id) {
        (Some(name), _) => admin.id_of(name).await,
        (None, Some(id)) => UserId::parse(id).ok_or(AdminError::NotFound),
        (None, None) => Err(AdminError::NotFound),
    }
}

/// Does some work with the store and with what looks after accounts.
pub(super) fn with_service<T, F: Future<Output = T>>(
    raw: &RawSettings,
    work: impl FnOnce(SqliteStore, AdminService) -> F,
) -> Result<T, Failure> {
    let database = raw.database()?;
    let zone = raw.stats_zone()?;
    let keys = Keys::load(&raw.signing_alone()?, &database)?;
    let store = wiring::open_store(&database, &keys)?;
    // No command tells what may still be used.
    let budgets = DailyBudgets::default();
    let days = Arc::new(store.clone());
    let usage = UsageService::new(days, Arc::new(SystemClock), zone, budgets);
    let events = Arc::new(LocalEventBus::new());
    let service = wiring::admin(&store, events, Arc::new(usage));
    block_on(async {
        let done = work(store.clone(), service).await;
        store.close().await;
        done
    })
}

pub(super) fn refusal(error: &AdminError) -> Failure {
    Failure::Failed(match error {
        AdminError::NotFound => {
            "there is no such account: `lionrocket user list` shows all".to_owned()
        }
        AdminError::LastAdministrator => {
            "nobody would be left who administers the service: make somebody else an administrator \
             first"
                .to_owned()
        }
        other => Chain(other).to_string(),
    })
}

fn state(user: &User) -> &'static str {
    match (user.deleted_at, user.is_active) {
        (Some(_), _) => "deleted",
        (None, true) => "active",
        (None, false) => "disabled",
    }
}

fn view(user: &User) -> Value {
    json!({
        "id": user.id.get(),
        "username": user.username.as_str(),
        "email": user.email.as_str(),
        "state": state(user),
        "is_admin": user.is_admin,
        "created_at": user.created_at,
        "erase_at": user.erase_at(),
    })
}
