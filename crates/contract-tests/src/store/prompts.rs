//! Common prompts.

use lionrocket_domain::{
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
        let prompt = stores.prompts.create(draft, at(1)).await.expect("create");
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
        .create(prompt("before", 1), at(1))
        .await
        .expect("create");
    let changed = PromptDraft {
        is_active: false,
        ..prompt("after", 2)
    };
    let update = stores
        .prompts
        .update(made.id, changed.clone(), Some(1), at(5))
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
    assert!(stores.prompts.delete(made.id).await.expect("delete"));
    assert!(!stores.prompts.delete(made.id).await.expect("delete"));
    assert_eq!(stores.prompts.get(made.id).await.expect("get"), None);
    let update = stores.prompts.update(made.id, changed, None, at(6)).await;
    assert_eq!(update.expect("update"), UpdateOutcome::NotFound);
    let nothing = stores.prompts.get(PromptId::from_stored(999_999)).await;
    assert_eq!(nothing.expect("get"), None);
}

/// Nothing is written then.
pub async fn a_stale_change_to_a_prompt_is_refused(stores: Stores) {
    let made = stores
        .prompts
        .create(prompt("before", 1), at(1))
        .await
        .expect("create");
    let update = stores
        .prompts
        .update(made.id, prompt("after", 1), Some(7), at(5))
        .await;
    assert_eq!(update.expect("update"), UpdateOutcome::Stale);
    assert_eq!(
        stores.prompts.get(made.id).await.expect("get"),
        Some(made.clone())
    );
    let update = stores
        .prompts
        .update(made.id, prompt("after", 1), None, at(5))
        .await;
    assert!(
        matches!(update.expect("update"), UpdateOutcome::Updated(prompt) if prompt.version == 2)
    );
}
