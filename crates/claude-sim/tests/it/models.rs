use lionrocket_claude_wire::{ModelInfo, ModelPage};

use crate::support::{Sim, send};

async fn page(sim: &Sim, query: &str) -> ModelPage {
    let reply = send(sim.get(&format!("/v1/models{query}"))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    serde_json::from_value(reply.json()).unwrap()
}

fn ids(page: &ModelPage) -> Vec<String> {
    page.data.iter().map(|model| model.id.clone()).collect()
}

#[tokio::test]
async fn the_list_is_newest_first_without_retired_models() {
    let sim = Sim::start().await;
    let page = page(&sim, "?limit=1000").await;
    let times: Vec<&String> = page.data.iter().map(|model| &model.created_at).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    assert!(!page.has_more);
    assert_eq!(page.first_id.as_deref(), Some("claude-fable-5-2"));
    assert!(!ids(&page).contains(&"claude-opus-4-1-20250805".to_owned()));
    assert!(ids(&page).contains(&"claude-haiku-5-5".to_owned()));
}

#[tokio::test]
async fn pages_joined_in_either_direction_are_the_list() {
    let sim = Sim::start().await;
    let whole = ids(&page(&sim, "?limit=1000").await);
    let mut forward = page(&sim, "?limit=4").await;
    let mut seen = ids(&forward);
    while forward.has_more {
        let after = forward.last_id.unwrap();
        forward = page(&sim, &format!("?limit=4&after_id={after}")).await;
        seen.extend(ids(&forward));
    }
    assert_eq!(seen, whole);
    let mut seen = vec![whole.last().unwrap().clone()];
    loop {
        let before = seen[0].clone();
        let backward = page(&sim, &format!("?limit=4&before_id={before}")).await;
        seen.splice(0..0, ids(&backward));
        if !backward.has_more {
            break;
        }
    }
    assert_eq!(seen, whole);
}

#[tokio::test]
async fn retired_models_are_listed_on_request() {
    let sim = Sim::start().await;
    let retired = page(&sim, "?lifecycle=retired").await;
    assert_eq!(ids(&retired), ["claude-opus-4-1-20250805"]);
    let deprecated = page(&sim, "?lifecycle=deprecated").await;
    assert_eq!(ids(&deprecated), ["claude-sonnet-4-5-20250929"]);
    assert!(deprecated.data[0].retires_at.is_some());
}

#[tokio::test]
async fn wrong_queries_are_refused() {
    let sim = Sim::start().await;
    for (query, words) in [
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=few", "limit"),
        ("?after_id=claude-9", "after_id"),
        ("?after_id=claude-opus-5&before_id=claude-opus-5", "exclude"),
        ("?lifecycle=asleep", "lifecycle"),
    ] {
        send(sim.get(&format!("/v1/models{query}")))
            .await
            .assert_invalid(words);
    }
}

#[tokio::test]
async fn a_model_is_found_by_id_and_by_alias() {
    let sim = Sim::start().await;
    let get = async |id: &str| send(sim.get(&format!("/v1/models/{id}"))).await;
    let haiku: ModelInfo = serde_json::from_value(get("claude-haiku-5-5").await.json()).unwrap();
    assert_eq!(haiku.max_tokens, Some(128_000));
    assert_eq!(haiku.max_input_tokens, Some(1_000_000));
    assert_eq!(
        haiku.supports(&["thinking", "types", "disabled"]),
        Some(true)
    );
    assert_eq!(
        haiku.supports(&["thinking", "types", "between_tools"]),
        Some(false)
    );
    let sonnet: ModelInfo = serde_json::from_value(get("claude-sonnet-5-5").await.json()).unwrap();
    assert_eq!(
        sonnet.supports(&["thinking", "types", "disabled"]),
        Some(false)
    );
    let alias = get("claude-haiku-4-5").await.json();
    assert_eq!(alias["id"], "claude-haiku-4-5-20251001");
    assert_eq!(get("claude-9").await.status, 404);
}
