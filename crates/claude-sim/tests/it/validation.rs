use serde_json::{Value, json};

use crate::support::{FIRST, HAIKU, Sim, body, send, with};

/// Each change of a good request, and words of the refusal it must meet.
async fn assert_refused(cases: &[(Value, &str)]) {
    let sim = Sim::start().await;
    for (changes, words) in cases {
        sim.ask(&with(body("hi"), changes.clone()))
            .await
            .assert_invalid(words);
    }
    assert_eq!(sim.simulator.bill().total.charges, 0);
}

async fn assert_accepted(cases: &[Value]) {
    let sim = Sim::start().await;
    for changes in cases {
        let reply = sim.ask(&with(body("hi"), changes.clone())).await;
        assert_eq!(reply.status, 200, "{changes}: {}", reply.text);
    }
}

fn turns(turns: &[(&str, Value)]) -> Value {
    let turns: Vec<Value> = turns
        .iter()
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    json!({ "messages": turns })
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused() {
    let sim = Sim::start().await;
    for text in ["", "{", "[]", "\"hi\""] {
        let request = sim.post("/v1/messages", &json!({})).body(text);
        send(request).await.assert_invalid("");
    }
}

#[tokio::test]
async fn missing_and_unknown_fields_are_refused() {
    assert_refused(&[
        (json!({"model": null}), "model: Field required"),
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"messages": null}), "messages: Field required"),
        (
            json!({"prompt": "hi"}),
            "prompt: Extra inputs are not permitted",
        ),
        (json!({"mcp_servers": []}), "mcp_servers"),
        (json!({"model": 5}), "model: Input should be a valid string"),
        (
            json!({"max_tokens": "5"}),
            "max_tokens: Input should be a valid integer",
        ),
        (json!({"max_tokens": -1}), "greater than or equal to 0"),
        (json!({"max_tokens": 128_001}), "128001 > 128000"),
        (
            json!({"stream": "yes"}),
            "stream: Input should be a valid boolean",
        ),
        (
            json!({"service_tier": "gold"}),
            "service_tier: Input should be 'auto' or 'standard_only'",
        ),
        (json!({"inference_geo": "moon"}), "inference_geo"),
        (json!({"speed": "ludicrous"}), "speed"),
        (json!({"stop_sequences": ["a", " "]}), "stop_sequences.1"),
        (json!({"diagnostics": {"why": 1}}), "diagnostics.why"),
    ])
    .await;
}

#[tokio::test]
async fn metadata_takes_an_opaque_user_id_only() {
    assert_refused(&[
        (
            json!({"metadata": {"email": "a@b"}}),
            "metadata.email: Extra inputs are not permitted",
        ),
        (
            json!({"metadata": {"user_id": "x".repeat(513)}}),
            "at most 512 characters",
        ),
        (json!({"metadata": {"user_id": 5}}), "metadata.user_id"),
    ])
    .await;
    assert_accepted(&[
        json!({"metadata": {"user_id": "x".repeat(512)}}),
        json!({"metadata": {"user_id": "가".repeat(512)}}),
        json!({"metadata": {"user_id": Value::Null}}),
        json!({"metadata": {}}),
    ])
    .await;
}

#[tokio::test]
async fn texts_must_say_something() {
    let empty = "text content blocks must be non-empty";
    let blank = "text content blocks must contain non-whitespace text";
    assert_refused(&[
        (turns(&[("user", json!(""))]), empty),
        (turns(&[("user", json!(" \n"))]), blank),
        (
            turns(&[("user", json!([{"type": "text", "text": ""}]))]),
            empty,
        ),
        (
            turns(&[("user", json!([{"type": "text", "text": "\t"}]))]),
            blank,
        ),
        (turns(&[("user", json!([]))]), "at least one block"),
        (
            turns(&[
                ("user", json!("a")),
                ("assistant", json!("")),
                ("user", json!("b")),
            ]),
            empty,
        ),
        (json!({"system": ""}), empty),
        (json!({"system": [{"type": "text", "text": " "}]}), blank),
        (json!({"system": [{"type": "image"}]}), "system.0.type"),
        (
            json!({"messages": []}),
            "messages: at least one message is required",
        ),
    ])
    .await;
}

#[tokio::test]
async fn turns_have_a_known_role_and_known_blocks() {
    assert_refused(&[
        (turns(&[("user", json!("a")), ("bot", json!("b"))]), "messages.1.role: Input should be 'user' or 'assistant'"),
        (json!({"messages": [{"role": "user"}]}), "messages.0.content: Field required"),
        (json!({"messages": [{"role": "user", "content": "a", "name": "b"}]}), "messages.0.name"),
        (turns(&[("user", json!([{"type": "hologram"}]))]), "messages.0.content.0.type"),
        (turns(&[("user", json!([{"type": "text"}]))]), "messages.0.content.0.text: Field required"),
        (turns(&[("user", json!([{"type": "text", "text": "a", "size": 3}]))]), "messages.0.content.0.size"),
        (turns(&[("user", json!([{"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": ""}}]))]), "media_type"),
        (turns(&[("user", json!([{"type": "tool_result"}]))]), "tool_use_id"),
    ])
    .await;
    assert_accepted(&[
        // Adjacent turns of one role are one turn.
        turns(&[("user", json!("a")), ("user", json!("b"))]),
        turns(&[("user", json!("a")), ("assistant", json!("b")), ("user", json!([{"type": "text", "text": "c"}]))]),
        turns(&[("user", json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}, {"type": "text", "text": "what?"}]))]),
    ])
    .await;
}

#[tokio::test]
async fn a_conversation_that_ends_with_the_assistant_is_for_old_models_only() {
    let prefill = turns(&[("user", json!("a")), ("assistant", json!("And so"))]);
    assert_refused(&[
        (
            prefill.clone(),
            "This model does not support assistant message prefill",
        ),
        (
            with(prefill.clone(), json!({"model": "claude-sonnet-4-6"})),
            "prefill",
        ),
        (
            with(
                turns(&[("user", json!("a")), ("assistant", json!("And so "))]),
                json!({"model": "claude-haiku-4-5"}),
            ),
            "trailing whitespace",
        ),
    ])
    .await;
    assert_accepted(&[with(prefill, json!({"model": "claude-haiku-4-5"}))]).await;
}

#[tokio::test]
async fn system_turns_have_their_place() {
    let good = turns(&[
        ("user", json!("a")),
        ("system", json!("night falls")),
        ("assistant", json!("b")),
        ("user", json!("c")),
    ]);
    let last = turns(&[("user", json!("a")), ("system", json!("night falls"))]);
    assert_accepted(&[
        good.clone(),
        last,
        with(good.clone(), json!({"model": "claude-opus-4-8"})),
    ])
    .await;
    let sonnet = json!({"model": "claude-sonnet-5", "thinking": null});
    assert_refused(&[
        (
            with(good, sonnet),
            "role 'system' is not supported on this model",
        ),
        (
            turns(&[("system", json!("x")), ("user", json!("a"))]),
            "must follow a user message",
        ),
        (
            turns(&[
                ("user", json!("a")),
                ("system", json!("x")),
                ("user", json!("b")),
            ]),
            "followed by an assistant message",
        ),
        (
            turns(&[("user", json!("a")), ("system", json!([{"type": "image"}]))]),
            "Input should be 'text'",
        ),
    ])
    .await;
}

#[tokio::test]
async fn thinking_settings_follow_the_rules_of_each_model() {
    let refused = [
        (
            "claude-haiku-5-5",
            json!({"type": "enabled", "budget_tokens": 1024}),
        ),
        ("claude-haiku-5-5", json!({"type": "between_tools"})),
        ("claude-sonnet-5-5", json!({"type": "disabled"})),
        ("claude-opus-5-5", json!({"type": "disabled"})),
        ("claude-opus-5-5", json!({"type": "between_tools"})),
        ("claude-fable-5-2", json!({"type": "disabled"})),
        (
            "claude-opus-4-8",
            json!({"type": "enabled", "budget_tokens": 1024}),
        ),
        ("claude-haiku-4-5", json!({"type": "adaptive"})),
        ("claude-sonnet-4-5", json!({"type": "adaptive"})),
    ];
    let sim = Sim::start().await;
    let ask = |model: &str, thinking: &Value, more: &Value| {
        let changes = with(
            json!({"model": model, "max_tokens": 4096, "thinking": thinking}),
            more.clone(),
        );
        with(body("hi"), changes)
    };
    for (model, thinking) in &refused {
        let reply = sim.ask(&ask(model, thinking, &json!({}))).await;
        reply.assert_invalid("thinking is not supported on this model");
    }
    let accepted = [
        (
            "claude-haiku-5-5",
            json!({"type": "adaptive", "display": "summarized"}),
        ),
        ("claude-sonnet-5-5", json!({"type": "between_tools"})),
        ("claude-sonnet-5", json!({"type": "disabled"})),
        ("claude-opus-5", json!({"type": "disabled"})),
        ("claude-opus-4-7", json!({"type": "adaptive"})),
        (
            "claude-opus-4-6",
            json!({"type": "enabled", "budget_tokens": 1024}),
        ),
        (
            "claude-haiku-4-5",
            json!({"type": "enabled", "budget_tokens": 1024, "display": "omitted"}),
        ),
    ];
    for (model, thinking) in &accepted {
        let reply = sim.ask(&ask(model, thinking, &json!({}))).await;
        assert_eq!(reply.status, 200, "{model} {thinking}: {}", reply.text);
    }
    for (model, kind) in [
        ("claude-haiku-5-5", "disabled"),
        ("claude-opus-5", "disabled"),
        ("claude-sonnet-5-5", "between_tools"),
    ] {
        for (effort, status) in [("high", 200), ("xhigh", 400), ("max", 400)] {
            let effort = json!({"output_config": {"effort": effort}});
            let reply = sim.ask(&ask(model, &json!({"type": kind}), &effort)).await;
            assert_eq!(reply.status, status, "{model} {kind} {effort}");
        }
    }
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    sim.ask(&ask("claude-haiku-4-5", &budget(1023), &json!({})))
        .await
        .assert_invalid("budget_tokens");
    sim.ask(&ask("claude-haiku-4-5", &budget(4096), &json!({})))
        .await
        .assert_invalid("must be greater than");
    sim.ask(&ask(HAIKU, &json!({"type": "warp"}), &json!({})))
        .await
        .assert_invalid("thinking.type");
    let effort = json!({"output_config": {"effort": "heroic"}});
    sim.ask(&with(body("hi"), effort))
        .await
        .assert_invalid("output_config.effort");
}

#[tokio::test]
async fn sampling_parameters_are_refused_by_the_second_version_even_with_their_defaults() {
    for changes in [
        json!({"temperature": 1.0}),
        json!({"top_p": 1}),
        json!({"top_k": 5}),
    ] {
        assert_refused(&[
            (changes.clone(), "Extra inputs are not permitted"),
            (
                with(changes, json!({"model": "claude-haiku-4-5"})),
                "Extra inputs are not permitted",
            ),
        ])
        .await;
    }
}

#[tokio::test]
async fn sampling_parameters_under_the_first_version_depend_on_the_model() {
    let sim = Sim::start().await;
    let ask = async |changes: Value| {
        let request = sim.post("/v1/messages", &with(body("hi"), changes));
        let mut request = request.build().unwrap();
        let version = reqwest::header::HeaderValue::from_static(FIRST);
        request.headers_mut().insert("anthropic-version", version);
        sim.client.execute(request).await.unwrap().status().as_u16()
    };
    let old = json!({"model": "claude-haiku-4-5"});
    assert_eq!(ask(json!({"temperature": 1})).await, 200);
    assert_eq!(ask(json!({"temperature": 0.5})).await, 400);
    assert_eq!(ask(json!({"top_k": 5})).await, 400);
    assert_eq!(
        ask(with(old.clone(), json!({"temperature": 0.5}))).await,
        200
    );
    assert_eq!(
        ask(with(old.clone(), json!({"temperature": 1.5}))).await,
        400
    );
    assert_eq!(
        ask(with(old.clone(), json!({"temperature": 0.5, "top_p": 0.5}))).await,
        400
    );
    assert_eq!(ask(with(old, json!({"top_k": 5, "top_p": 0.5}))).await, 200);
}

#[tokio::test]
async fn the_second_version_refuses_assistant_documents_and_user_citations() {
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    let in_answer = turns(&[
        ("user", json!("a")),
        ("assistant", json!([document])),
        ("user", json!("b")),
    ]);
    let cited = turns(&[(
        "user",
        json!([{"type": "text", "text": "a", "citations": [{"type": "x"}]}]),
    )]);
    assert_refused(&[
        (in_answer.clone(), "messages.1.content.0.type"),
        (cited.clone(), "citations"),
    ])
    .await;
    let document = with(document, json!({"citations": {"enabled": true}}));
    assert_accepted(&[
        turns(&[("user", json!([document, {"type": "text", "text": "a"}]))]),
        turns(&[(
            "user",
            json!([{"type": "text", "text": "a", "citations": []}]),
        )]),
        turns(&[
            ("user", json!("a")),
            (
                "assistant",
                json!([{"type": "text", "text": "b", "citations": [{"type": "x"}]}]),
            ),
            ("user", json!("c")),
        ]),
    ])
    .await;
    let sim = Sim::start().await;
    for changes in [in_answer, cited] {
        let request = sim.client.post(sim.url("/v1/messages"));
        let request = request
            .header("x-api-key", "k")
            .header("anthropic-version", FIRST);
        assert_eq!(
            send(request.json(&with(body("hi"), changes))).await.status,
            200
        );
    }
}

#[tokio::test]
async fn forced_tools_are_refused_by_the_newest_models() {
    let tool = json!({"name": "bell", "input_schema": {"type": "object"}});
    let forced = json!({"tools": [tool], "tool_choice": {"type": "any"}, "thinking": null});
    let on = |model: &str| with(forced.clone(), json!({ "model": model }));
    assert_refused(&[
        (on("claude-opus-5-5"), "forced tool use"),
        (on("claude-sonnet-5-5"), "forced tool use"),
        (on("claude-fable-5-1"), "forced tool use"),
        (
            json!({"tools": [{"name": "a bell", "input_schema": {}}]}),
            "tools.0.name",
        ),
        (
            json!({"tools": [{"name": "bell"}]}),
            "tools.0.input_schema: Field required",
        ),
        (
            json!({"tools": [tool], "tool_choice": {"type": "tool"}}),
            "tool_choice.name",
        ),
    ])
    .await;
    assert_accepted(&[
        on("claude-sonnet-5"),
        on("claude-fable-5"),
        on(HAIKU),
        json!({"tools": [tool]}),
    ])
    .await;
}

#[tokio::test]
async fn breakpoints_are_few_well_formed_and_in_order() {
    let marked = |control: Value| json!({"type": "text", "text": "a", "cache_control": control});
    let five = || marked(json!({"type": "ephemeral"}));
    let hour = || marked(json!({"type": "ephemeral", "ttl": "1h"}));
    let automatic = json!({"type": "ephemeral"});
    assert_refused(&[
        (
            json!({"system": [marked(json!({"type": "eternal"}))]}),
            "cache_control.type",
        ),
        (
            json!({"system": [marked(json!({"type": "ephemeral", "ttl": "1d"}))]}),
            "cache_control.ttl",
        ),
        (
            json!({"system": [five(), five(), five(), five(), five()]}),
            "A maximum of 4 blocks with cache_control may be provided",
        ),
        (
            json!({"system": [five(), five(), five(), five()], "cache_control": automatic}),
            "A maximum of 4",
        ),
        (json!({"system": [five(), hour()]}), "must not come after"),
        (
            with(
                turns(&[("user", json!([hour()]))]),
                json!({"cache_control": automatic}),
            ),
            "another ttl",
        ),
        (
            turns(&[
                ("user", json!("a")),
                (
                    "assistant",
                    json!([{"type": "redacted_thinking", "data": "x", "cache_control": automatic}]),
                ),
                ("user", json!("b")),
            ]),
            "thinking blocks",
        ),
    ])
    .await;
    assert_accepted(&[
        json!({"system": [hour(), hour(), five()], "cache_control": automatic}),
        with(
            turns(&[("user", json!([five()]))]),
            json!({"cache_control": automatic}),
        ),
        json!({"system": [five(), five(), five(), five()]}),
    ])
    .await;
}

#[tokio::test]
async fn zero_max_tokens_only_warms_the_cache() {
    let sim = Sim::start().await;
    let message = sim
        .ask(&with(
            body("hi"),
            json!({"max_tokens": 0, "thinking": null}),
        ))
        .await
        .message();
    assert!(message.content.is_empty());
    assert_eq!(message.stop_reason.unwrap().as_str(), "max_tokens");
    assert_eq!(message.usage.output_tokens, Some(0));
    let enabled = json!({"type": "enabled", "budget_tokens": 1024});
    assert_refused(&[
        (json!({"max_tokens": 0, "stream": true}), "max_tokens: 0"),
        (json!({"max_tokens": 0, "model": "claude-haiku-4-5", "thinking": enabled}), "max_tokens: 0"),
        (json!({"max_tokens": 0, "tools": [{"name": "b", "input_schema": {}}], "tool_choice": {"type": "any"}}), "max_tokens: 0"),
    ])
    .await;
}

#[tokio::test]
async fn unknown_retired_and_restricted_models_differ() {
    let sim = Sim::start().await;
    for (model, status, kind) in [
        ("claude-9", 404, "not_found_error"),
        ("claude-opus-4-1", 404, "not_found_error"),
        ("claude-mythos-5-2", 403, "permission_error"),
    ] {
        let reply = sim.ask(&with(body("hi"), json!({ "model": model }))).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.error().error.kind.as_str(), kind);
    }
}

#[tokio::test]
async fn thinking_that_is_sent_back_is_bound_to_the_conversation_before_it() {
    let sim = Sim::start().await;
    let open = json!({"model": "claude-sonnet-5-5", "thinking": null});
    let first = sim.ask(&with(body("first"), open.clone())).await.json();
    let history = |opening: &str| {
        let turns = turns(&[
            ("user", json!(opening)),
            ("assistant", first["content"].clone()),
            ("user", json!("go on")),
        ]);
        with(with(body(""), open.clone()), turns)
    };
    assert_eq!(first["content"][0]["type"], "thinking");
    assert_eq!(sim.ask(&history("first")).await.status, 200);
    sim.ask(&history("edited"))
        .await
        .assert_invalid("Invalid `signature` in `thinking` block");
}

#[tokio::test]
async fn a_prompt_larger_than_the_window_is_refused_and_a_reply_that_fills_it_is_cut() {
    let sim = Sim::start().await;
    let old = json!({"model": "claude-haiku-4-5", "max_tokens": 64_000});
    let too_long = with(body(&"가".repeat(260_000)), old.clone());
    sim.ask(&too_long)
        .await
        .assert_invalid("prompt is too long");
    let nearly = with(body(&"가".repeat(259_720)), old);
    let message = sim.ask(&nearly).await.message();
    assert_eq!(
        message.stop_reason.unwrap().as_str(),
        "model_context_window_exceeded"
    );
}

#[tokio::test]
async fn count_tokens_refuses_what_only_messages_take() {
    let sim = Sim::start().await;
    let bare = with(body("hi"), json!({"max_tokens": null}));
    for changes in [
        json!({"max_tokens": 5}),
        json!({"stream": true}),
        json!({"metadata": {}}),
        json!({"stop_sequences": ["a"]}),
        json!({"temperature": 1}),
    ] {
        let request = sim.post("/v1/messages/count_tokens", &with(bare.clone(), changes));
        send(request)
            .await
            .assert_invalid("Extra inputs are not permitted");
    }
    assert!(sim.count(&bare).await > 0);
}
