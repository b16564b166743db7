//! Common prompts.

use lionrocket_domain::{
    audit::{Origin, Performer},
    character::{CommonPrompt, PromptDraft},
    ids::PromptId,
    text::{PromptContent, PromptName},
};
use lionrocket_ports::characters::UpdateOutcome;

use super::fixture::{Stores, at};

fn prompt(name: &str, position: i32) -> PromptDraft {
    PromptDraft {
        name: PromptName::parse(name).expect("a name"),
        content: PromptContent::parse("Be kind.").expect("a text"),
        is_active: true,
        position,
    }
}

/// Inactive ones among them.
pub async fn prompts_are_listed_by_position_then_id(stores: Stores) {
    let mut made = Vec::new();
    for draft in [
        prompt("third", 5),
        prompt("fourth", 5),
        PromptDraft {
            is_active: false,
            ..prompt("first", -1)
        },
        prompt("second", 0),
    ] {
        let prompt = stores
            .prompts
            .create(draft, Performer::operator(), at(1))
            .await
            .expect("create");
        assert_eq!((prompt.version, prompt.created_at), (1, at(1)));
        made.push(prompt);
    }
    made.sort_by_key(|prompt| (prompt.draft.position, prompt.id));
    assert_eq!(stores.prompts.list().await.expect("list"), made);
}

/// Both answer what they did.
pub async fn a_prompt_is_changed_and_deleted(stores: Stores) {
    let made = stores
        .prompts
        .create(prompt("before", 1), Performer::operator(), at(1))
        .await
        .expect("create");
    let changed = PromptDraft {
        is_active: false,
        ..prompt("after", 2)
    };
    let update = stores
        .prompts
        .update(
            made.id,
            changed.clone(),
            Some(1),
            Performer::operator(),
            at(5),
        )
        .await;
    let wanted = CommonPrompt {
        draft: changed.clone(),
        version: 2,
        updated_at: at(5),
        ..made.clone()
    };
    assert_eq!(
        update.expect("update"),
        UpdateOutcome::Updated(wanted.clone())
    );
    assert_eq!(
        stores.prompts.get(made.id).await.expect("get"),
        Some(wanted)
    );
    assert!(
        stores
            .prompts
            .delete(made.id, Performer::operator(), at(7))
            .await
            .expect("delete")
    );
    assert!(
        !stores
            .prompts
            .delete(made.id, Performer::operator(), at(7))
            .await
            .expect("delete")
    );
    assert_eq!(stores.prompts.get(made.id).await.expect("get"), None);
    let update = stores
        .prompts
        .update(made.id, changed, None, Performer::operator(), at(6))
        .await;
    assert_eq!(update.expect("update"), UpdateOutcome::NotFound);
    let nothing = stores.prompts.get(PromptId::from_stored(999_999)).await;
    assert_eq!(nothing.expect("get"), None);
}

/// Nothing is written then.
pub async fn a_stale_change_to_a_prompt_is_refused(stores: Stores) {
    let made = stores
        .prompts
        .create(prompt("before", 1), Performer::operator(), at(1))
        .await
        .expect("create");
    let update = stores
        .prompts
        .update(
            made.id,
            prompt("after", 1),
            Some(7),
            Performer::operator(),
            at(5),
        )
        .await;
    assert_eq!(update.expect("update"), UpdateOutcome::Stale);
    assert_eq!(
        stores.prompts.get(made.id).await.expect("get"),
        Some(made.clone())
    );
    let update = stores
        .prompts
        .update(
            made.id,
            prompt("after", 1),
            None,
            Performer::operator(),
            at(5),
        )
        .await;
    assert!(
        matches!(update.expect("update"), UpdateOutcome::Updated(prompt) if prompt.version == 2)
    );
}

/// Who it was and what changed, but not what was written.
pub async fn acts_on_common_prompts_are_recorded_with_them(stores: Stores) {
    let boss = stores.user("boss").await;
    let by = || {
        let request_id = Some("request-1".to_owned());
        let origin = Origin {
            request_id,
            client_address: None,
        };
        Performer::person(boss.id, origin)
    };
    let prompts = &stores.prompts;
    let made = prompts
        .create(prompt("before", 1), by(), at(1))
        .await
        .expect("create");
    let changed = PromptDraft {
        is_active: false,
        ..prompt("after", 1)
    };
    for expected in [Some(1), Some(1)] {
        let update = prompts.update(made.id, changed.clone(), expected, by(), at(2));
        update.await.expect("update");
    }
    for _ in 0..2 {
        prompts.delete(made.id, by(), at(3)).await.expect("delete");
    }
    let rows = stores.audit.chain(None, 10).await.expect("chain");
    let rows: Vec<_> = rows.into_iter().map(|row| row.entry).collect();
    let acts: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(acts, ["prompt.create", "prompt.update", "prompt.delete"]);
    for row in &rows {
        assert_eq!((row.actor, row.subject), (Some(boss.id), None));
        assert_eq!(
            (&*row.target_type, &row.target_id),
            ("prompt", &made.id.to_string())
        );
        assert_eq!(row.origin, by().origin);
    }
    let expected = r#"{"version":{"old":1,"new":2},"is_active":{"old":true,"new":false},"name":{"changed":true}}"#;
    assert_eq!(rows[1].details.as_deref(), Some(expected));
}
