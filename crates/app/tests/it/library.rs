//! Characters, prompts, chats and usage.

use std::sync::Arc;

use lionrocket_app::{
    ServiceError,
    characters::CharacterService,
    chats::ChatService,
    prompts::PromptService,
    usage::{UsageError, UsageService},
};
use lionrocket_domain::{
    audit::Origin,
    budget::DailyBudgets,
    calendar::{Day, StatsZone},
    character::{Character, CharacterDraft, PromptDraft, Visibility},
    ids::{CharacterId, ChatId, PromptId, UserId},
    text::{CharacterName, Description, Greeting, PromptContent, PromptName, SystemPrompt},
};
use lionrocket_ports::{
    characters::{MockCharacterRepository, UpdateOutcome},
    chats::{ChatChange, MockChatRepository},
    prompts::MockPromptRepository,
    usage::MockUsageRepository,
};

use crate::support::{FixedClock, actor, now};

fn draft(visibility: Visibility) -> CharacterDraft {
    CharacterDraft {
        name: CharacterName::parse("하루").unwrap(),
        system_prompt: SystemPrompt::parse("등대지기").unwrap(),
        greeting: Greeting::parse("").unwrap(),
        description: Description::parse("").unwrap(),
        visibility,
    }
}

fn character(owner: i64, visibility: Visibility) -> Character {
    Character {
        id: CharacterId::from_stored(5),
        created_by: Some(UserId::from_stored(owner)),
        draft: draft(visibility),
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn characters(
    found: Option<Character>,
    outcome: Option<UpdateOutcome<Character>>,
) -> CharacterService {
    let mut store = MockCharacterRepository::new();
    store.expect_get().returning(move |_, _| Ok(found.clone()));
    if let Some(outcome) = outcome {
        store
            .expect_update()
            .once()
            .return_once(move |_, _, _, _, _, _| Ok(outcome));
        store.expect_delete().returning(|_, _, _, _| Ok(true));
    }
    CharacterService::new(Arc::new(store), Arc::new(FixedClock))
}

#[tokio::test]
async fn somebody_elses_public_character_may_be_used_but_not_changed() {
    let service = characters(Some(character(1, Visibility::Public)), None);
    let id = CharacterId::from_stored(5);
    assert!(service.get(actor(2, false), id).await.is_ok());
    let changed = service
        .update(
            actor(2, false),
            id,
            draft(Visibility::Public),
            None,
            Origin::default(),
        )
        .await;
    assert!(matches!(changed, Err(ServiceError::Forbidden)));
    assert!(matches!(
        service.delete(actor(2, false), id, Origin::default()).await,
        Err(ServiceError::Forbidden)
    ));
}

#[tokio::test]
async fn a_character_that_may_not_be_seen_is_not_there() {
    let service = characters(None, None);
    let id = CharacterId::from_stored(5);
    assert!(matches!(
        service.get(actor(2, false), id).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        service.delete(actor(2, false), id, Origin::default()).await,
        Err(ServiceError::NotFound)
    ));
}

#[tokio::test]
async fn a_change_to_an_older_version_is_stale() {
    let service = characters(
        Some(character(1, Visibility::Private)),
        Some(UpdateOutcome::Stale),
    );
    let changed = service
        .update(
            actor(1, false),
            CharacterId::from_stored(5),
            draft(Visibility::Private),
            Some(1),
            Origin::default(),
        )
        .await;
    assert!(matches!(changed, Err(ServiceError::Stale)));
}

#[tokio::test]
async fn the_owner_and_administrators_change_a_character() {
    for who in [actor(1, false), actor(9, true)] {
        let updated = character(1, Visibility::Private);
        let service = characters(
            Some(updated.clone()),
            Some(UpdateOutcome::Updated(updated.clone())),
        );
        let changed = service
            .update(
                who,
                updated.id,
                draft(Visibility::Private),
                Some(1),
                Origin::default(),
            )
            .await;
        assert_eq!(changed.unwrap(), updated);
        assert!(
            service
                .delete(who, updated.id, Origin::default())
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn only_administrators_write_common_prompts() {
    let prompt = PromptDraft {
        name: PromptName::parse("rule").unwrap(),
        content: PromptContent::parse("Be kind.").unwrap(),
        is_active: true,
        position: 0,
    };
    let id = PromptId::from_stored(1);
    let service = PromptService::new(Arc::new(MockPromptRepository::new()), Arc::new(FixedClock));
    assert!(matches!(
        service.get(actor(1, false), id).await,
        Err(ServiceError::Forbidden)
    ));
    assert!(matches!(
        service
            .create(actor(1, false), prompt.clone(), Origin::default())
            .await,
        Err(ServiceError::Forbidden)
    ));
    assert!(matches!(
        service
            .update(actor(1, false), id, prompt.clone(), None, Origin::default())
            .await,
        Err(ServiceError::Forbidden)
    ));
    assert!(matches!(
        service.delete(actor(1, false), id, Origin::default()).await,
        Err(ServiceError::Forbidden)
    ));

    let mut store = MockPromptRepository::new();
    store.expect_delete().returning(|_, _, _| Ok(false));
    store
        .expect_update()
        .returning(|_, _, _, _, _| Ok(UpdateOutcome::Stale));
    let service = PromptService::new(Arc::new(store), Arc::new(FixedClock));
    assert!(matches!(
        service.delete(actor(1, true), id, Origin::default()).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        service
            .update(actor(1, true), id, prompt, Some(1), Origin::default())
            .await,
        Err(ServiceError::Stale)
    ));
}

#[tokio::test]
async fn an_administrator_sees_nobody_elses_chats() {
    let mut store = MockChatRepository::new();
    store
        .expect_get()
        .withf(|owner, _| owner.get() == 9)
        .returning(|_, _| Ok(None));
    store
        .expect_update()
        .withf(|owner, _, _, _| owner.get() == 9)
        .returning(|_, _, _, _| Ok(UpdateOutcome::NotFound));
    store
        .expect_delete()
        .withf(|owner, _| owner.get() == 9)
        .returning(|_, _| Ok(false));
    store.expect_create().returning(|_, _, _, _| Ok(None));
    let service = ChatService::new(Arc::new(store), Arc::new(FixedClock));
    let (admin, id) = (actor(9, true), ChatId::from_stored(1));
    assert!(matches!(
        service.get(admin, id).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        service.update(admin, id, ChatChange::default(), None).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        service.delete(admin, id).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        service
            .create(admin, CharacterId::from_stored(1), None)
            .await,
        Err(ServiceError::NotFound)
    ));
}

fn usage(expected: &'static [(&'static str, &'static str)]) -> UsageService {
    let mut store = MockUsageRepository::new();
    store
        .expect_days()
        .times(expected.len())
        .returning(move |_, range| {
            let asked = (range.from.to_string(), range.to.to_string());
            assert!(
                expected
                    .iter()
                    .any(|(from, to)| (*from, *to) == (&asked.0, &asked.1)),
                "{asked:?}"
            );
            Ok(Vec::new())
        });
    UsageService::new(
        Arc::new(store),
        Arc::new(FixedClock),
        StatsZone::parse("Asia/Seoul").unwrap(),
        DailyBudgets::default(),
    )
}

#[tokio::test]
async fn usage_covers_the_last_thirty_days_unless_asked_otherwise() {
    let service = usage(&[("2026-10-24", "2026-11-22"), ("2026-11-01", "2026-11-22")]);
    assert_eq!(service.today(), Day::parse("2026-11-22").unwrap());
    service.own_days(actor(1, false), None, None).await.unwrap();
    service
        .own_days(actor(1, false), Day::parse("2026-11-01"), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_range_of_usage_is_neither_reversed_nor_longer_than_a_year() {
    let service = usage(&[("2025-01-01", "2026-01-01")]);
    let ask = |from, to| service.own_days(actor(1, false), Day::parse(from), Day::parse(to));
    assert!(matches!(
        ask("2026-01-02", "2026-01-01").await,
        Err(UsageError::RangeReversed)
    ));
    assert!(matches!(
        ask("2025-01-01", "2026-01-02").await,
        Err(UsageError::RangeTooLong { max_days: 366 })
    ));
    assert!(ask("2025-01-01", "2026-01-01").await.is_ok());
}
