//! Characters.

use futures_util::future::join_all;
use lionrocket_domain::{
    access::Actor,
    account::User,
    audit::Origin,
    character::{Character, CharacterDraft},
    ids::CharacterId,
    text::Description,
};
use lionrocket_ports::characters::{CharacterFilter, UpdateOutcome};

use super::fixture::{Stores, actor, at, draft, page_size, private_draft};

fn filter(mine: bool, public: bool) -> CharacterFilter {
    CharacterFilter {
        mine,
        public,
        search: None,
        after: None,
        size: page_size(50),
    }
}

fn admin(user: &User) -> Actor {
    Actor {
        is_admin: true,
        ..actor(user)
    }
}

async fn listed(stores: &Stores, actor: Actor, filter: CharacterFilter) -> Vec<CharacterId> {
    let page = stores.characters.list(actor, filter).await.expect("list");
    page.items.iter().map(|character| character.id).collect()
}

/// What is written is what is read.
pub async fn a_character_is_found_as_it_was_made(stores: Stores) {
    let haru = stores.user("haru").await;
    let wanted = private_draft("등대지기");
    let made = stores.character(Some(&haru), wanted.clone()).await;
    assert_eq!((made.created_by, made.version), (Some(haru.id), 1));
    assert_eq!(made.draft, wanted);
    assert_eq!((made.created_at, made.updated_at), (at(0), at(0)));
    let found = stores.characters.get(actor(&haru), made.id).await;
    assert_eq!(found.expect("get"), Some(made));
    let builtin = stores.character(None, wanted).await;
    assert_eq!(builtin.created_by, None);
}

/// Nobody else learns that a private one is there.
pub async fn a_character_is_shown_to_its_maker_and_administrators_and_when_public_to_all(
    stores: Stores,
) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let private = stores.character(Some(&haru), private_draft("p")).await.id;
    let public = stores.character(Some(&haru), draft("q")).await.id;
    let sees = async |actor, id| {
        let found = stores.characters.get(actor, id).await.expect("get");
        found.is_some()
    };
    assert!(sees(actor(&haru), private).await && sees(actor(&haru), public).await);
    assert!(!sees(actor(&mina), private).await && sees(actor(&mina), public).await);
    assert!(sees(admin(&mina), private).await);
    assert!(!sees(admin(&mina), CharacterId::from_stored(999_999)).await);
}

/// All or none, and only into a service that never had any.
pub async fn characters_are_seeded_once_even_after_all_were_deleted(stores: Stores) {
    let haru = stores.user("haru").await;
    stores.character(Some(&haru), draft("own")).await;
    let drafts = || vec![draft("하나"), draft("둘")];
    let seed = async || stores.characters.seed(drafts(), at(1)).await.expect("seed");
    assert_eq!(seed().await, 2);
    assert_eq!(seed().await, 0);
    for id in listed(&stores, actor(&haru), filter(false, true)).await {
        stores
            .characters
            .delete(admin(&haru), id, Origin::default(), at(2))
            .await
            .expect("delete");
    }
    assert_eq!(seed().await, 0);
    assert!(
        listed(&stores, actor(&haru), filter(true, true))
            .await
            .is_empty()
    );
}

/// Two processes that start together.
pub async fn characters_seeded_at_once_are_made_once(stores: Stores) {
    let haru = stores.user("haru").await;
    let counts = join_all((0..8).map(|_| {
        stores
            .characters
            .seed(vec![draft("하나"), draft("둘")], at(1))
    }))
    .await;
    let made: usize = counts.into_iter().map(|count| count.expect("seed")).sum();
    assert_eq!(made, 2);
    assert_eq!(
        listed(&stores, actor(&haru), filter(false, true))
            .await
            .len(),
        2
    );
}

/// Nothing twice, nothing left out, nothing of others that is private.
pub async fn lists_show_own_and_public_characters_newest_first_page_by_page(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let mut ids = Vec::new();
    for (owner, draft) in [
        (Some(&haru), private_draft("own private")),
        (Some(&haru), draft("own public")),
        (Some(&mina), private_draft("her private")),
        (Some(&mina), draft("her public")),
        (None, draft("built in")),
    ] {
        ids.push(stores.character(owner, draft).await.id);
    }
    let expect = |wanted: &[usize]| -> Vec<CharacterId> {
        wanted
            .iter()
            .filter_map(|index| ids.get(*index).copied())
            .collect()
    };
    let me = actor(&haru);
    assert_eq!(
        listed(&stores, me, filter(true, false)).await,
        expect(&[1, 0])
    );
    assert_eq!(
        listed(&stores, me, filter(false, true)).await,
        expect(&[4, 3, 1])
    );
    assert_eq!(
        listed(&stores, me, filter(true, true)).await,
        expect(&[4, 3, 1, 0])
    );
    assert_eq!(
        listed(&stores, admin(&haru), filter(true, true)).await,
        expect(&[4, 3, 1, 0]),
        "an administrator sees no more in a list"
    );
    assert!(listed(&stores, me, filter(false, false)).await.is_empty());

    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = CharacterFilter {
            after,
            size: page_size(2),
            ..filter(true, true)
        };
        let page = stores.characters.list(me, page).await.expect("list");
        paged.extend(page.items.iter().map(|character| character.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, expect(&[4, 3, 1, 0]));
}

/// In names and descriptions; `%` and `_` are characters like others.
pub async fn characters_are_searched_by_folded_text_taken_literally(stores: Stores) {
    let haru = stores.user("haru").await;
    let described = |name, description| CharacterDraft {
        description: Description::parse(description).expect("a description"),
        ..draft(name)
    };
    let lighthouse = stores
        .character(None, described("Ｌighthouse Keeper", ""))
        .await
        .id;
    let percent = stores.character(None, described("100% cat", "")).await.id;
    let snake = stores.character(None, described("snake_case", "")).await.id;
    let slash = stores
        .character(None, described("back\\slash", "Reads 등대 logs"))
        .await
        .id;
    for (search, wanted) in [
        ("LIGHTHOUSE", vec![lighthouse]),
        ("등대", vec![slash]),
        ("%", vec![percent]),
        ("_", vec![snake]),
        ("\\", vec![slash]),
        ("e_c", vec![snake]),
        ("a", vec![slash, snake, percent]),
        ("nothing like it", vec![]),
    ] {
        let filter = CharacterFilter {
            search: Some(search.to_owned()),
            ..filter(true, true)
        };
        assert_eq!(
            listed(&stores, actor(&haru), filter).await,
            wanted,
            "{search}"
        );
    }
}

/// A public character is not everybody's to change.
pub async fn only_those_who_may_can_change_a_character(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let public = stores.character(Some(&haru), draft("before")).await;
    let builtin = stores.character(None, draft("built in")).await;
    for id in [public.id, builtin.id] {
        let update = stores
            .characters
            .update(
                actor(&mina),
                id,
                draft("after"),
                None,
                Origin::default(),
                at(5),
            )
            .await;
        assert_eq!(update.expect("update"), UpdateOutcome::NotFound);
        let delete = stores
            .characters
            .delete(actor(&mina), id, Origin::default(), at(5))
            .await;
        assert!(!delete.expect("delete"));
    }
    let found = stores.characters.get(actor(&mina), public.id).await;
    assert_eq!(found.expect("get"), Some(public.clone()));
    let update = stores
        .characters
        .update(
            admin(&mina),
            public.id,
            private_draft("after"),
            None,
            Origin::default(),
            at(5),
        )
        .await;
    let UpdateOutcome::Updated(updated) = update.expect("update") else {
        panic!("an administrator may");
    };
    assert_eq!(updated.created_by, Some(haru.id), "it stays its maker's");
    let delete = stores
        .characters
        .delete(actor(&haru), public.id, Origin::default(), at(6))
        .await;
    assert!(delete.expect("delete"));
}

/// The answer is the character as it is now.
pub async fn a_change_raises_the_version_and_a_stale_one_is_refused(stores: Stores) {
    let haru = stores.user("haru").await;
    let made = stores.character(Some(&haru), draft("before")).await;
    let update = async |name: &str, expected| {
        let update = stores
            .characters
            .update(
                actor(&haru),
                made.id,
                draft(name),
                expected,
                Origin::default(),
                at(5),
            )
            .await;
        update.expect("update")
    };
    let wanted = Character {
        draft: draft("second"),
        version: 2,
        updated_at: at(5),
        ..made.clone()
    };
    assert_eq!(
        update("second", Some(1)).await,
        UpdateOutcome::Updated(wanted.clone())
    );
    assert_eq!(update("third", Some(1)).await, UpdateOutcome::Stale);
    let found = stores.characters.get(actor(&haru), made.id).await;
    assert_eq!(found.expect("get"), Some(wanted));
    let UpdateOutcome::Updated(third) = update("third", None).await else {
        panic!("any version will do");
    };
    assert_eq!(third.version, 3);
}

/// A version is changed once.
pub async fn of_changes_at_once_to_one_version_of_a_character_one_is_made(stores: Stores) {
    let haru = stores.user("haru").await;
    let made = stores.character(Some(&haru), draft("before")).await;
    let outcomes = join_all((0..16).map(|number| {
        let draft = draft(&format!("after {number}"));
        stores.characters.update(
            actor(&haru),
            made.id,
            draft,
            Some(1),
            Origin::default(),
            at(5),
        )
    }))
    .await;
    let updated = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(UpdateOutcome::Updated(_))))
        .count();
    assert_eq!(updated, 1);
}

/// Neither found, listed, changed nor deleted again.
pub async fn a_deleted_character_is_gone_from_every_answer(stores: Stores) {
    let haru = stores.user("haru").await;
    let id = stores.character(Some(&haru), draft("short-lived")).await.id;
    let me = admin(&haru);
    assert!(
        stores
            .characters
            .delete(me, id, Origin::default(), at(5))
            .await
            .expect("delete")
    );
    assert!(
        !stores
            .characters
            .delete(me, id, Origin::default(), at(6))
            .await
            .expect("delete")
    );
    assert_eq!(stores.characters.get(me, id).await.expect("get"), None);
    assert!(listed(&stores, me, filter(true, true)).await.is_empty());
    let update = stores
        .characters
        .update(me, id, draft("again"), None, Origin::default(), at(7))
        .await;
    assert_eq!(update.expect("update"), UpdateOutcome::NotFound);
    let chat = stores.chats.create(me, id, None, at(8)).await;
    assert_eq!(chat.expect("create"), None);
}

/// With whose it was and what changed, but not what was written; one's own are nobody's business.
pub async fn acts_on_other_peoples_characters_are_recorded_with_them(stores: Stores) {
    let (haru, boss) = (stores.user("haru").await, stores.user("boss").await);
    let own = stores.character(Some(&haru), draft("own")).await;
    let theirs = stores.character(Some(&haru), draft("before")).await;
    let builtin = stores.character(None, draft("builtin")).await;
    let origin = Origin {
        request_id: Some("request-1".to_owned()),
        client_address: None,
    };
    let change = async |who: Actor, id, draft, origin| {
        let updated = stores
            .characters
            .update(who, id, draft, None, origin, at(5))
            .await;
        updated.expect("update")
    };
    change(actor(&haru), own.id, draft("mine"), origin.clone()).await;
    change(actor(&boss), theirs.id, draft("not mine"), origin.clone()).await;
    assert_eq!(stores.audit.last_id().await.expect("last_id"), None);
    change(
        admin(&boss),
        theirs.id,
        private_draft("after"),
        origin.clone(),
    )
    .await;
    for id in [theirs.id, builtin.id] {
        let deleted = stores
            .characters
            .delete(admin(&boss), id, origin.clone(), at(6));
        assert!(deleted.await.expect("delete"));
    }
    let rows = stores.audit.chain(None, 10).await.expect("chain");
    let [changed, deleted, of_service] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    let entry = &changed.entry;
    assert_eq!(
        (&*entry.action, entry.created_at),
        ("character.update", at(5))
    );
    assert_eq!((entry.actor, entry.subject), (Some(boss.id), Some(haru.id)));
    assert_eq!(
        (&*entry.target_type, &entry.target_id),
        ("character", &theirs.id.to_string())
    );
    assert_eq!(entry.origin, origin);
    let details = entry.details.as_deref().expect("details");
    for part in [
        "\"version\":{\"old\":1,\"new\":2}",
        "visibility",
        "\"name\":{\"changed\":true}",
    ] {
        assert!(details.contains(part), "{details}");
    }
    assert!(!details.contains("after"), "{details}");
    assert_eq!(deleted.entry.action, "character.delete");
    assert_eq!(
        (of_service.entry.subject, of_service.entry.actor),
        (None, Some(boss.id))
    );
}
