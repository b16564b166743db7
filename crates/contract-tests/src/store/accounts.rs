//! Accounts.

use futures_util::future::join_all;
use lionrocket_domain::{
    account::User,
    audit::Performer,
    text::{DisplayName, EmailAddress, Username, fold},
};
use lionrocket_ports::accounts::{
    AccountMaker, CreateUserOutcome, NewUser, PasswordChange, ProfileChange, ProfileOutcome,
};
use secrecy::ExposeSecret;

use super::fixture::{NO_USER, Stores, at, live_at, new_session, new_user};

/// What is written is what is read, to the microsecond.
pub async fn an_account_is_found_as_it_was_made(stores: Stores) {
    let wanted = NewUser {
        is_admin: true,
        ..new_user("등대지기")
    };
    let outcome = stores.users.create(wanted.clone()).await.expect("create");
    let CreateUserOutcome::Created(made) = outcome else {
        panic!("taken in an empty store");
    };
    assert_eq!(
        (&made.username, &made.email),
        (&wanted.username, &wanted.email)
    );
    assert_eq!(made.created_at, at(0));
    assert!(made.is_admin && made.is_active);
    assert_eq!(
        (made.display_name.as_ref(), made.locale.as_ref()),
        (None, None)
    );
    assert_eq!(stores.account(made.id).await, Some(made));
    assert_eq!(stores.account(NO_USER).await, None);
}

/// Either is refused with the same answer, and the account that was there stays.
pub async fn a_name_or_address_that_is_taken_is_refused_without_telling_which(stores: Stores) {
    let haru = stores.user("haru").await;
    let same_name = NewUser {
        email: EmailAddress::parse("other@example.com").expect("an address"),
        ..new_user("haru")
    };
    let same_address = NewUser {
        username: Username::parse("other").expect("a name"),
        ..new_user("haru")
    };
    for taken in [same_name, same_address] {
        let outcome = stores.users.create(taken).await.expect("create");
        assert_eq!(outcome, CreateUserOutcome::Taken);
    }
    assert_eq!(stores.account(haru.id).await, Some(haru));
    let other = stores.users.credentials("other".to_owned()).await;
    assert!(other.expect("credentials").is_none());
}

/// Case and compatibility forms do not make another name.
pub async fn names_are_unique_however_they_are_written(stores: Stores) {
    stores.user("haru").await;
    for (number, same) in ["HARU", "ｈａｒｕ", "Haru"].into_iter().enumerate() {
        let user = NewUser {
            username: Username::parse(same).expect("a name"),
            ..new_user(&format!("other{number}"))
        };
        let outcome = stores.users.create(user).await.expect("create");
        assert_eq!(outcome, CreateUserOutcome::Taken, "{same}");
    }
    let shouted = NewUser {
        email: EmailAddress::parse("HARU@Example.COM").expect("an address"),
        ..new_user("third")
    };
    let outcome = stores.users.create(shouted).await.expect("create");
    assert_eq!(outcome, CreateUserOutcome::Taken);
}

/// Exactly one of many.
pub async fn of_accounts_made_at_once_under_one_name_one_is_made(stores: Stores) {
    let outcomes = join_all((0..32).map(|number| {
        let name = if number % 2 == 0 { "haru" } else { "HARU" };
        stores.users.create(NewUser {
            email: EmailAddress::parse(&format!("u{number}@example.com")).expect("an address"),
            ..new_user(name)
        })
    }))
    .await;
    let made = outcomes
        .into_iter()
        .filter(|outcome| matches!(outcome, Ok(CreateUserOutcome::Created(_))))
        .count();
    assert_eq!(made, 1);
}

/// By the folded key of either, with the hash.
pub async fn an_account_is_found_by_name_or_address_and_a_name_comes_first(stores: Stores) {
    let haru = stores.user("haru").await;
    stores.user("mina").await;
    for login in ["haru", "ＨＡＲＵ", "Haru@Example.com"] {
        let found = stores.users.credentials(fold(login)).await;
        let found = found.expect("credentials").expect("an account");
        assert_eq!(found.user, haru, "{login}");
        let hash = found.password_hash.expect("a hash");
        assert_eq!(hash.expose_secret(), "$argon2id$haru");
    }
    let nobody = stores.users.credentials("nobody".to_owned()).await;
    assert!(nobody.expect("credentials").is_none());
}

/// Nothing, for hashes without a pepper, is one of the things that can stand there.
pub async fn accounts_are_counted_by_what_stands_before_their_hashes(stores: Stores) {
    let hashes = [
        ("haru", "pepper=one$argon2id$x"),
        ("mina", "pepper=two$argon2id$x"),
        ("juno", "$argon2id$x"),
        ("dana", "pepper=one$argon2id$y"),
        ("sora", "$2b$10$x"),
    ];
    for (name, hash) in hashes {
        let user = NewUser {
            password_hash: hash.into(),
            ..new_user(name)
        };
        let outcome = stores.users.create(user).await.expect("create");
        assert!(matches!(outcome, CreateUserOutcome::Created(_)));
    }
    let mut schemes = stores.users.hash_schemes().await.expect("hash_schemes");
    schemes.sort();
    let expected = [("", 2), ("pepper=one", 2), ("pepper=two", 1)];
    let expected = expected.map(|(scheme, accounts)| (scheme.to_owned(), accounts));
    assert_eq!(schemes, expected);
}

/// Each account's for itself.
pub async fn wrong_passwords_are_counted_up_to_a_number_and_forgotten(stores: Stores) {
    let haru = stores.user("haru").await;
    let mina = stores.user("mina").await;
    let failed = async |name: &str| {
        let found = stores.users.credentials(name.to_owned()).await;
        found
            .expect("credentials")
            .expect("an account")
            .failed_logins
    };
    for _ in 0..5 {
        let counted = stores.users.count_failed_login(haru.id, 3).await;
        counted.expect("count_failed_login");
    }
    let counted = stores.users.count_failed_login(mina.id, 3).await;
    counted.expect("count_failed_login");
    assert_eq!((failed("haru").await, failed("mina").await), (3, 1));
    let forgotten = stores.users.forget_failed_logins(haru.id).await;
    forgotten.expect("forget_failed_logins");
    assert_eq!((failed("haru").await, failed("mina").await), (0, 1));
}

/// The hash changes and nothing else.
pub async fn a_stronger_hash_replaces_the_old_one_and_sessions_stay(stores: Stores) {
    let haru = stores.user("haru").await;
    let session = new_session(1, &haru, 0);
    stores.sessions.open(session.clone()).await.expect("open");
    let stronger = "$argon2id$stronger".to_owned().into();
    stores
        .users
        .rehash_password(haru.id, stronger)
        .await
        .expect("rehash");
    let found = stores.users.credentials("haru".to_owned()).await;
    let found = found.expect("credentials").expect("an account");
    let hash = found.password_hash.expect("a hash");
    assert_eq!(hash.expose_secret(), "$argon2id$stronger");
    assert_eq!(found.user, haru);
    let live = stores.sessions.live(session.id, live_at(50)).await;
    assert_eq!(live.expect("live").map(|session| session.user), Some(haru));
}

/// Tokens and sessions from before are worth nothing, but for the session by which the person came.
pub async fn a_changed_password_ends_every_other_session(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let (own, other) = (new_session(1, &haru, 0), new_session(2, &haru, 0));
    let of_mina = new_session(3, &mina, 0);
    for session in [&own, &other, &of_mina] {
        stores.sessions.open(session.clone()).await.expect("open");
    }
    let change = |session_id| PasswordChange {
        user_id: haru.id,
        password_hash: "$argon2id$new".to_owned().into(),
        session_id,
        refresh_hash: [9; 32],
        now: at(10),
    };
    let refused = stores.users.change_password(change(of_mina.id)).await;
    assert_eq!(refused.expect("change"), None, "somebody else's session");

    let changed = stores.users.change_password(change(own.id)).await;
    let changed = changed.expect("change").expect("an account");
    assert_eq!(changed.token_version, haru.token_version + 1);
    let found = stores.users.credentials("haru".to_owned()).await;
    let found = found.expect("credentials").expect("an account");
    let hash = found.password_hash.expect("a hash");
    assert_eq!(hash.expose_secret(), "$argon2id$new");
    for (session, is_live) in [(&own, true), (&other, false), (&of_mina, true)] {
        let live = stores.sessions.live(session.id, live_at(11)).await;
        assert_eq!(live.expect("live").is_some(), is_live);
    }

    let again = stores.users.change_password(change(other.id)).await;
    assert_eq!(again.expect("change"), None, "a session that has ended");
}

/// A change of nothing but the version.
fn no_change(user: &User) -> ProfileChange {
    ProfileChange {
        user_id: user.id,
        display_name: None,
        locale: None,
        email: None,
        expected_version: None,
    }
}

async fn changed(stores: &Stores, change: ProfileChange) -> ProfileOutcome {
    let outcome = stores.users.change_profile(change).await;
    outcome.expect("change_profile")
}

/// What is not named stays, for the person and for everybody else.
pub async fn a_profile_is_changed_field_by_field_and_sessions_stay(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let session = new_session(1, &haru, 0);
    stores.sessions.open(session.clone()).await.expect("open");
    let mut expected = haru.clone();
    let name = Some(DisplayName::parse("등대지기").expect("a name"));
    let address = EmailAddress::parse("Keeper@Example.org").expect("an address");
    let changes = [
        ProfileChange {
            display_name: Some(name.clone()),
            ..no_change(&haru)
        },
        ProfileChange {
            locale: Some(Some("ko".to_owned())),
            ..no_change(&haru)
        },
        ProfileChange {
            email: Some(address.clone()),
            ..no_change(&haru)
        },
        ProfileChange {
            display_name: Some(None),
            locale: Some(None),
            ..no_change(&haru)
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        expected.version += 1;
        match number {
            0 => expected.display_name.clone_from(&name),
            1 => expected.locale = Some("ko".to_owned()),
            2 => expected.email = address.clone(),
            _ => (expected.display_name, expected.locale) = (None, None),
        }
        let outcome = changed(&stores, change).await;
        assert_eq!(
            outcome,
            ProfileOutcome::Changed(Box::new(expected.clone())),
            "{number}"
        );
    }
    let live = stores.sessions.live(session.id, live_at(50)).await;
    let live = live.expect("live").map(|session| session.user);
    assert_eq!(live, Some(expected.clone()));
    for (login, found) in [
        ("keeper@example.org", Some(expected)),
        ("haru@example.com", None),
        ("mina", Some(mina)),
    ] {
        let credentials = stores.users.credentials(login.to_owned()).await;
        let credentials = credentials.expect("credentials");
        assert_eq!(credentials.map(|found| found.user), found, "{login}");
    }
}

/// A refused change changes nothing.
pub async fn a_stale_change_of_a_profile_and_one_of_nobody_are_refused(stores: Stores) {
    let haru = stores.user("haru").await;
    let rename = |name: &str, version| ProfileChange {
        display_name: Some(Some(DisplayName::parse(name).expect("a name"))),
        expected_version: Some(version),
        ..no_change(&haru)
    };
    let outcome = changed(&stores, rename("one", haru.version)).await;
    let ProfileOutcome::Changed(now) = outcome else {
        panic!("{outcome:?}");
    };
    for version in [haru.version, haru.version + 2, 0, -1] {
        let outcome = changed(&stores, rename("two", version)).await;
        assert_eq!(outcome, ProfileOutcome::Stale, "{version}");
    }
    let found = stores.account(haru.id).await;
    assert_eq!(found.as_ref(), Some(&*now));

    let both = join_all(["three", "four"].map(|name| changed(&stores, rename(name, now.version))));
    let stale = both.await.into_iter();
    let stale = stale.filter(|outcome| *outcome == ProfileOutcome::Stale);
    assert_eq!(stale.count(), 1, "of two at once one is made");

    let nobody = ProfileChange {
        user_id: NO_USER,
        ..rename("five", 1)
    };
    assert_eq!(changed(&stores, nobody).await, ProfileOutcome::NotFound);
}

/// However it is written, and with nothing else of the change made. One's own is not taken.
pub async fn an_address_of_somebody_else_cannot_be_taken_over(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let to = |user: &User, address: &str| ProfileChange {
        display_name: Some(Some(DisplayName::parse("other").expect("a name"))),
        email: Some(EmailAddress::parse(address).expect("an address")),
        ..no_change(user)
    };
    for taken in ["mina@example.com", "MINA@Example.COM"] {
        let outcome = changed(&stores, to(&haru, taken)).await;
        assert_eq!(outcome, ProfileOutcome::Taken, "{taken}");
    }
    for unchanged in [&haru, &mina] {
        let found = stores.account(unchanged.id).await;
        assert_eq!(found.as_ref(), Some(unchanged));
    }
    let outcome = changed(&stores, to(&haru, "Haru@Example.com")).await;
    assert!(matches!(outcome, ProfileOutcome::Changed(_)), "{outcome:?}");

    let wanted = [&haru, &mina].map(|user| changed(&stores, to(user, "free@example.com")));
    let taken = join_all(wanted).await.into_iter();
    let taken = taken.filter(|outcome| *outcome == ProfileOutcome::Taken);
    assert_eq!(taken.count(), 1, "of two who want one address at once");
}

/// Only then: who signs up is not on the record.
pub async fn an_account_that_the_operator_makes_is_recorded_with_it(stores: Stores) {
    stores.user("haru").await;
    assert_eq!(stores.audit.last_id().await.expect("last_id"), None);
    let wanted = NewUser {
        is_admin: true,
        made_by: AccountMaker::Administration(Performer::operator()),
        ..new_user("boss")
    };
    for _ in 0..2 {
        stores.users.create(wanted.clone()).await.expect("create");
    }
    let rows = stores.audit.chain(None, 10).await.expect("chain");
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    let id = stores.admin.id_of("boss".to_owned()).await.expect("id_of");
    assert_eq!((row.entry.actor, row.entry.subject), (None, id));
    assert_eq!(
        (&*row.entry.action, row.entry.created_at),
        ("user.create", at(0))
    );
    assert_eq!(row.entry.details.as_deref(), Some(r#"{"is_admin":true}"#));
}

/// However many ask for it at once, and on the record.
pub async fn the_first_account_is_made_once_and_only_while_there_is_no_other(stores: Stores) {
    let first = |name: &str| NewUser {
        is_admin: true,
        made_by: AccountMaker::First(Performer::operator()),
        ..new_user(name)
    };
    assert!(!stores.users.any().await.expect("any"));
    let names = ["boss", "haru", "mina", "juno"];
    let outcomes = join_all(names.map(|name| stores.users.create(first(name)))).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .map(|outcome| outcome.expect("create"))
        .partition(|outcome| matches!(outcome, CreateUserOutcome::Created(_)));
    assert_eq!(made.len(), 1);
    assert_eq!(refused, [const { CreateUserOutcome::NotFirst }; 3]);
    assert!(stores.users.any().await.expect("any"));
    let rows = stores.audit.chain(None, 10).await.expect("chain");
    let actions: Vec<_> = rows.iter().map(|row| &*row.entry.action).collect();
    assert_eq!(actions, ["user.create"]);
}
