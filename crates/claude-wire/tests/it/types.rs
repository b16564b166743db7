use lionrocket_claude_wire::models::Lifecycle;
use lionrocket_claude_wire::request::{Effort, MessageContent, Metadata, OutputConfig};
use lionrocket_claude_wire::response::RefusalCategory;
use lionrocket_claude_wire::{
    CacheControl, ContentBlock, CountTokensRequest, Delta, ErrorBody, ErrorType, InputMessage,
    MessageResponse, MessagesRequest, ModelPage, SseEvent, StopReason, StreamEvent, TextBlock,
    Thinking, TokenCount, Usage,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn decode(name: &str, data: &Value) -> StreamEvent {
    StreamEvent::decode(&SseEvent {
        name: name.to_owned(),
        data: data.to_string(),
    })
    .unwrap()
}

#[test]
fn a_full_request_serializes_as_documented() {
    let mut request = MessagesRequest::new(
        "claude-sonnet-5-5",
        512,
        vec![
            InputMessage::user("hi"),
            InputMessage::assistant("hello"),
            InputMessage {
                role: "user".into(),
                content: MessageContent::Blocks(vec![
                    TextBlock::new("again").cached(CacheControl::ephemeral()),
                ]),
            },
        ],
    );
    request.system = vec![TextBlock::new("rules").cached(CacheControl::one_hour())];
    request.cache_control = Some(CacheControl::ephemeral());
    request.thinking = Some(Thinking::BetweenTools);
    request.output_config = Some(OutputConfig {
        effort: Some(Effort::Xhigh),
    });
    request.metadata = Some(Metadata {
        user_id: Some("u_1".to_owned()),
    });
    request.stream = true;
    let written = serde_json::to_value(&request).unwrap();
    assert_eq!(
        written,
        json!({
            "model": "claude-sonnet-5-5",
            "max_tokens": 512,
            "system": [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": [{"type": "text", "text": "again", "cache_control": {"type": "ephemeral"}}]},
            ],
            "cache_control": {"type": "ephemeral"},
            "thinking": {"type": "between_tools"},
            "output_config": {"effort": "xhigh"},
            "metadata": {"user_id": "u_1"},
            "stream": true,
        })
    );
    assert_eq!(
        serde_json::from_value::<MessagesRequest>(written).unwrap(),
        request
    );
}

#[test]
fn a_count_request_carries_only_what_the_endpoint_takes() {
    let mut request = MessagesRequest::new("m", 5, vec![InputMessage::user("hi")]);
    request.thinking = Some(Thinking::Adaptive { display: None });
    request.stream = true;
    assert_eq!(
        serde_json::to_value(CountTokensRequest::from(&request)).unwrap(),
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "thinking": {"type": "adaptive"}})
    );
}

#[test]
fn thinking_settings_serialize_by_type() {
    let enabled = Thinking::Enabled {
        budget_tokens: 1024,
        display: None,
    };
    assert_eq!(
        serde_json::to_value(enabled).unwrap(),
        json!({"type": "enabled", "budget_tokens": 1024})
    );
    assert_eq!(
        serde_json::to_value(Thinking::Disabled).unwrap(),
        json!({"type": "disabled"})
    );
}

#[test]
fn a_message_reads_with_and_without_its_optional_parts() {
    let full: MessageResponse = serde_json::from_value(json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": "refusal", "stop_sequence": null,
        "stop_details": {"type": "refusal", "category": "sorcery", "explanation": null, "extra": 1},
        "usage": {"input_tokens": 3, "output_tokens": 0, "cache_creation": {"ephemeral_1h_input_tokens": 9},
                  "server_tool_use": null, "output_tokens_details": {"thinking_tokens": null}},
        "future": {"a": []},
    }))
    .unwrap();
    let details = full.stop_details.unwrap();
    assert_eq!(
        details.category,
        Some(RefusalCategory::Unknown("sorcery".to_owned()))
    );
    assert_eq!(
        full.usage.cache_creation.unwrap().ephemeral_1h_input_tokens,
        9
    );

    let bare: MessageResponse =
        serde_json::from_value(json!({"id": "x", "content": null, "usage": null})).unwrap();
    assert_eq!(bare.usage, Usage::default());
    assert_eq!(bare.usage.total_input_tokens(), None);
    assert_eq!(bare.stop_reason, None);
}

#[test]
fn fields_of_another_type_than_expected_are_unknown_instead_of_an_error() {
    let usage: Usage = serde_json::from_value(json!({
        "input_tokens": "many", "output_tokens": 4, "cache_creation": 7, "service_tier": {"name": "x"},
    }))
    .unwrap();
    assert_eq!(usage.input_tokens, None);
    assert_eq!(usage.output_tokens, Some(4));
    assert_eq!(usage.cache_creation, None);
}

#[test]
fn unknown_events_blocks_and_deltas_are_recognized_as_such() {
    assert_eq!(
        decode("weather", &json!({"type": "weather", "sky": "clear"})),
        StreamEvent::Unknown
    );
    assert_eq!(
        decode("", &json!({"type": "weather"})),
        StreamEvent::Unknown
    );
    let not_json = SseEvent {
        name: "weather".to_owned(),
        data: "{clear".to_owned(),
    };
    assert_eq!(
        StreamEvent::decode(&not_json).unwrap(),
        StreamEvent::Unknown
    );
    assert_eq!(
        decode(
            "content_block_delta",
            &json!({"type": "content_block_delta", "index": 0, "delta": {"type": "smell_delta", "smell": "sea"}})
        ),
        StreamEvent::ContentBlockDelta {
            index: 0,
            delta: Delta::Unknown
        }
    );
    assert_eq!(
        decode(
            "content_block_start",
            &json!({"type": "content_block_start", "index": 2, "content_block": {"type": "smell", "smell": "sea"}})
        ),
        StreamEvent::ContentBlockStart {
            index: 2,
            content_block: ContentBlock::Unknown
        }
    );
}

#[test]
fn a_known_event_with_broken_data_is_an_error() {
    for data in [
        "{\"type\":\"content_block_delta\"",
        "{\"type\":\"content_block_delta\",\"index\":0}",
    ] {
        let event = SseEvent {
            name: "content_block_delta".to_owned(),
            data: data.to_owned(),
        };
        assert!(StreamEvent::decode(&event).is_err(), "{data}");
    }
}

#[test]
fn a_message_delta_without_usage_leaves_the_counts_unknown() {
    let event = decode(
        "message_delta",
        &json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": null}}),
    );
    let StreamEvent::MessageDelta { delta, usage } = event else {
        panic!("not a message_delta")
    };
    assert_eq!(delta.stop_reason, Some(StopReason::MaxTokens));
    assert_eq!(usage, None);
}

#[test]
fn events_survive_a_round_trip_under_their_own_name() {
    let stream = [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
               "content": [], "stop_reason": null, "stop_sequence": null, "stop_details": null,
               "usage": {"input_tokens": 38, "cache_read_input_tokens": 1450, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "환영해!"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 14}}),
        json!({"type": "message_stop"}),
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ];
    for data in stream {
        let name = data["type"].as_str().unwrap();
        let event = decode(name, &data);
        assert_eq!(event.name(), name);
        assert_eq!(serde_json::to_value(&event).unwrap(), data);
    }
}

#[test]
fn error_bodies_read_with_odd_or_missing_details() {
    for details in [
        json!(null),
        json!("text"),
        json!({"error_code": 7}),
        json!({}),
    ] {
        let body: ErrorBody = serde_json::from_value(
            json!({"type": "error", "error": {"type": "new_error", "message": null, "details": details}}),
        )
        .unwrap();
        assert_eq!(body.error.kind, ErrorType::Unknown("new_error".to_owned()));
        assert_eq!(body.error.code(), None);
        assert_eq!(body.request_id, None);
    }
}

#[test]
fn the_catalogue_reads_with_nulls_and_new_values() {
    let page: ModelPage = serde_json::from_value(json!({
        "data": [{"type": "model", "id": "m", "display_name": "M", "created_at": "2026-10-07T00:00:00Z",
                  "lifecycle": "dormant", "line": null, "max_input_tokens": null, "capabilities": null}],
        "has_more": false, "first_id": "m", "last_id": "m",
    }))
    .unwrap();
    assert_eq!(
        page.data[0].lifecycle,
        Some(Lifecycle::Unknown("dormant".to_owned()))
    );
    assert_eq!(page.data[0].supports(&["batch"]), None);
    let count: TokenCount = serde_json::from_str(r#"{"input_tokens":2095,"note":1}"#).unwrap();
    assert_eq!(count.input_tokens, 2095);
}

proptest! {
    #[test]
    fn decoding_arbitrary_data_never_panics(name in "[a-z_]{0,12}|content_block_delta|message_start", data in ".{0,80}") {
        let _ = StreamEvent::decode(&SseEvent { name, data });
    }
}
