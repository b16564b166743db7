//! The models: what each accepts, how it counts, what it costs.
//!
//! Prices and limits as published on 2026-11-22. Release dates before September 2026 only keep the order.

use lionrocket_claude_wire::ModelInfo;
use lionrocket_claude_wire::models::Lifecycle;
use lionrocket_claude_wire::request::Effort;
use serde_json::{Value, json};

/// Nano-dollars per token by kind of token; a dollar per million tokens is 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) write_5m: u64,
    pub(crate) write_1h: u64,
    pub(crate) read: u64,
}

/// When a way to switch thinking off is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Off {
    Never,
    /// Only with an effort of at most `high`.
    UpToHigh,
    Always,
}

/// Thinking settings a model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThinkingRules {
    pub(crate) adaptive: bool,
    pub(crate) enabled: bool,
    pub(crate) disabled: Off,
    pub(crate) between_tools: Off,
    /// Whether the model thinks when the request does not say.
    pub(crate) on_by_default: bool,
    pub(crate) default_effort: Effort,
}

/// A model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: &'static str,
    pub(crate) alias: Option<&'static str>,
    pub(crate) display_name: &'static str,
    pub(crate) created_at: &'static str,
    pub(crate) retires_at: Option<&'static str>,
    pub(crate) retired: bool,
    pub(crate) line: &'static str,
    /// Major and minor number.
    pub(crate) version: (u8, u8),
    /// Tokens of the window.
    pub(crate) window: u64,
    pub(crate) max_output: u64,
    /// Fewest tokens of a cached prefix.
    pub(crate) min_cached: u64,
    pub(crate) price: Price,
    /// Price of the whole request when its input exceeds a number of tokens.
    pub(crate) long_price: Option<(u64, Price)>,
    pub(crate) thinking: ThinkingRules,
    /// Only verified organizations may use it.
    pub(crate) restricted: bool,
}

const fn usd(input: u64, output: u64, read: u64) -> Price {
    Price {
        input,
        output,
        write_5m: input * 5 / 4,
        write_1h: input * 2,
        read,
    }
}

const ALWAYS_ON: ThinkingRules = ThinkingRules {
    adaptive: true,
    enabled: false,
    disabled: Off::Never,
    between_tools: Off::Never,
    on_by_default: true,
    default_effort: Effort::High,
};
const ON: ThinkingRules = ThinkingRules {
    disabled: Off::Always,
    ..ALWAYS_ON
};
const OFF: ThinkingRules = ThinkingRules {
    on_by_default: false,
    ..ON
};
const ENABLED_ONLY: ThinkingRules = ThinkingRules {
    adaptive: false,
    enabled: true,
    ..OFF
};

/// What most models share; each entry of the table says how it differs.
const BASE: Model = Model {
    id: "",
    alias: None,
    display_name: "",
    created_at: "",
    retires_at: None,
    retired: false,
    line: "",
    version: (0, 0),
    window: 1_000_000,
    max_output: 128_000,
    min_cached: 512,
    price: usd(0, 0, 0),
    long_price: None,
    thinking: ALWAYS_ON,
    restricted: false,
};

/// All models, newest first.
pub(crate) static MODELS: &[Model] = &[
    Model {
        id: "claude-fable-5-2",
        display_name: "Claude Fable 5.2",
        created_at: "2026-11-09T00:00:00Z",
        line: "fable",
        version: (5, 2),
        price: usd(8_000, 40_000, 200),
        ..BASE
    },
    Model {
        id: "claude-mythos-5-2",
        display_name: "Claude Mythos 5.2",
        created_at: "2026-11-08T00:00:00Z",
        line: "mythos",
        version: (5, 2),
        price: usd(8_000, 40_000, 200),
        restricted: true,
        ..BASE
    },
    Model {
        id: "claude-haiku-5-5",
        display_name: "Claude Haiku 5.5",
        created_at: "2026-10-07T00:00:00Z",
        line: "haiku",
        version: (5, 5),
        price: usd(100, 500, 10),
        long_price: Some((100_000, usd(500, 2_500, 50))),
        thinking: ThinkingRules {
            disabled: Off::UpToHigh,
            default_effort: Effort::Medium,
            ..ON
        },
        ..BASE
    },
    Model {
        id: "claude-sonnet-5-5",
        display_name: "Claude Sonnet 5.5",
        created_at: "2026-09-28T00:00:00Z",
        line: "sonnet",
        version: (5, 5),
        price: usd(2_000, 10_000, 100),
        thinking: ThinkingRules {
            between_tools: Off::UpToHigh,
            ..ALWAYS_ON
        },
        ..BASE
    },
    Model {
        id: "claude-opus-5-5",
        display_name: "Claude Opus 5.5",
        created_at: "2026-09-22T00:00:00Z",
        line: "opus",
        version: (5, 5),
        price: usd(4_000, 20_000, 200),
        thinking: ThinkingRules {
            default_effort: Effort::Medium,
            ..ALWAYS_ON
        },
        ..BASE
    },
    Model {
        id: "claude-fable-5-1",
        display_name: "Claude Fable 5.1",
        created_at: "2026-08-20T00:00:00Z",
        line: "fable",
        version: (5, 1),
        price: usd(10_000, 50_000, 250),
        ..BASE
    },
    Model {
        id: "claude-mythos-5-1",
        display_name: "Claude Mythos 5.1",
        created_at: "2026-08-19T00:00:00Z",
        line: "mythos",
        version: (5, 1),
        price: usd(10_000, 50_000, 250),
        restricted: true,
        ..BASE
    },
    Model {
        id: "claude-sonnet-5",
        display_name: "Claude Sonnet 5",
        created_at: "2026-07-10T00:00:00Z",
        line: "sonnet",
        version: (5, 0),
        min_cached: 1_024,
        price: usd(2_000, 10_000, 200),
        thinking: ON,
        ..BASE
    },
    Model {
        id: "claude-opus-5",
        display_name: "Claude Opus 5",
        created_at: "2026-07-01T00:00:00Z",
        line: "opus",
        version: (5, 0),
        price: usd(5_000, 25_000, 500),
        thinking: ThinkingRules {
            disabled: Off::UpToHigh,
            ..ON
        },
        ..BASE
    },
    Model {
        id: "claude-fable-5",
        display_name: "Claude Fable 5",
        created_at: "2026-06-10T00:00:00Z",
        line: "fable",
        version: (5, 0),
        price: usd(10_000, 50_000, 1_000),
        ..BASE
    },
    Model {
        id: "claude-mythos-5",
        display_name: "Claude Mythos 5",
        created_at: "2026-06-09T00:00:00Z",
        line: "mythos",
        version: (5, 0),
        price: usd(10_000, 50_000, 1_000),
        restricted: true,
        ..BASE
    },
    Model {
        id: "claude-opus-4-8",
        display_name: "Claude Opus 4.8",
        created_at: "2026-05-20T00:00:00Z",
        line: "opus",
        version: (4, 8),
        min_cached: 1_024,
        price: usd(5_000, 25_000, 500),
        thinking: OFF,
        ..BASE
    },
    Model {
        id: "claude-opus-4-7",
        display_name: "Claude Opus 4.7",
        created_at: "2026-04-10T00:00:00Z",
        line: "opus",
        version: (4, 7),
        min_cached: 2_048,
        price: usd(5_000, 25_000, 500),
        thinking: OFF,
        ..BASE
    },
    Model {
        id: "claude-sonnet-4-6",
        display_name: "Claude Sonnet 4.6",
        created_at: "2026-02-17T00:00:00Z",
        line: "sonnet",
        version: (4, 6),
        min_cached: 1_024,
        price: usd(3_000, 15_000, 300),
        thinking: ThinkingRules {
            enabled: true,
            ..OFF
        },
        ..BASE
    },
    Model {
        id: "claude-opus-4-6",
        display_name: "Claude Opus 4.6",
        created_at: "2026-02-05T00:00:00Z",
        line: "opus",
        version: (4, 6),
        min_cached: 4_096,
        price: usd(5_000, 25_000, 500),
        thinking: ThinkingRules {
            enabled: true,
            ..OFF
        },
        ..BASE
    },
    Model {
        id: "claude-opus-4-5-20251101",
        alias: Some("claude-opus-4-5"),
        display_name: "Claude Opus 4.5",
        created_at: "2025-11-01T00:00:00Z",
        line: "opus",
        version: (4, 5),
        window: 200_000,
        max_output: 64_000,
        min_cached: 4_096,
        price: usd(5_000, 25_000, 500),
        thinking: ENABLED_ONLY,
        ..BASE
    },
    Model {
        id: "claude-haiku-4-5-20251001",
        alias: Some("claude-haiku-4-5"),
        display_name: "Claude Haiku 4.5",
        created_at: "2025-10-01T00:00:00Z",
        line: "haiku",
        version: (4, 5),
        window: 200_000,
        max_output: 64_000,
        min_cached: 4_096,
        price: usd(1_000, 5_000, 100),
        thinking: ENABLED_ONLY,
        ..BASE
    },
    Model {
        id: "claude-sonnet-4-5-20250929",
        alias: Some("claude-sonnet-4-5"),
        display_name: "Claude Sonnet 4.5",
        created_at: "2025-09-29T00:00:00Z",
        retires_at: Some("2026-11-30T00:00:00Z"),
        line: "sonnet",
        version: (4, 5),
        window: 200_000,
        max_output: 64_000,
        min_cached: 1_024,
        price: usd(3_000, 15_000, 300),
        thinking: ENABLED_ONLY,
        ..BASE
    },
    Model {
        id: "claude-opus-4-1-20250805",
        alias: Some("claude-opus-4-1"),
        display_name: "Claude Opus 4.1",
        created_at: "2025-08-05T00:00:00Z",
        retires_at: Some("2026-08-05T00:00:00Z"),
        retired: true,
        line: "opus",
        version: (4, 1),
        window: 200_000,
        max_output: 32_000,
        min_cached: 1_024,
        price: usd(15_000, 75_000, 1_500),
        thinking: ENABLED_ONLY,
        ..BASE
    },
];

/// Finds a model by id or alias, retired ones included.
pub(crate) fn find(id: &str) -> Option<&'static Model> {
    MODELS
        .iter()
        .find(|model| model.id == id || model.alias == Some(id))
}

impl Model {
    /// Sampling parameters other than their defaults.
    pub(crate) fn takes_sampling(&self) -> bool {
        self.version <= (4, 6)
    }

    /// A conversation that ends in an assistant turn.
    pub(crate) fn takes_prefill(&self) -> bool {
        self.version <= (4, 5)
    }

    /// The role `system` inside the conversation.
    pub(crate) fn takes_system_turns(&self) -> bool {
        match self.line {
            "fable" | "mythos" => true,
            "opus" => self.version >= (4, 8),
            _ => self.version >= (5, 5),
        }
    }

    /// `tool_choice` that forces a tool.
    pub(crate) fn takes_forced_tools(&self) -> bool {
        match self.line {
            "fable" | "mythos" => self.version < (5, 1),
            "opus" | "sonnet" => self.version < (5, 5),
            _ => true,
        }
    }

    /// Whether thinking blocks of the history are bound to the exact conversation before them.
    pub(crate) fn binds_thinking(&self) -> bool {
        self.version >= (5, 1)
    }

    /// Whether it has the tokenizer that makes about 30 % more tokens.
    pub(crate) fn has_new_tokenizer(&self) -> bool {
        self.version >= (4, 7)
    }

    /// The price list for a request with so many input tokens, cached ones included.
    pub(crate) fn price_for(&self, input_tokens: u64) -> Price {
        match self.long_price {
            Some((above, price)) if input_tokens > above => price,
            _ => self.price,
        }
    }

    pub(crate) fn lifecycle(&self) -> Lifecycle {
        if self.retired {
            Lifecycle::Retired
        } else if self.retires_at.is_some() {
            Lifecycle::Deprecated
        } else {
            Lifecycle::Active
        }
    }

    /// The entry of `GET /v1/models`.
    pub(crate) fn info(&self) -> ModelInfo {
        let ended = self.retires_at.map(str::to_owned);
        ModelInfo {
            kind: "model".to_owned(),
            id: self.id.to_owned(),
            display_name: self.display_name.to_owned(),
            created_at: self.created_at.to_owned(),
            lifecycle: Some(self.lifecycle()),
            deprecated_at: ended.as_ref().map(|_| "2026-06-01T00:00:00Z".to_owned()),
            retires_at: ended,
            line: Some(self.line.to_owned()),
            max_input_tokens: Some(self.window),
            max_tokens: Some(self.max_output),
            capabilities: Some(self.capabilities()),
        }
    }

    fn capabilities(&self) -> Value {
        let yes = |supported: bool| json!({ "supported": supported });
        let effort = self.version >= (4, 6);
        json!({
            "batch": yes(true),
            "citations": yes(true),
            "code_execution": yes(false),
            "context_management": yes(false),
            "effort": {
                "supported": effort, "low": yes(effort), "medium": yes(effort), "high": yes(effort),
                "xhigh": yes(effort), "max": yes(effort),
            },
            "image_input": yes(true),
            "pdf_input": yes(true),
            "server_tools": yes(false),
            "structured_outputs": yes(false),
            "thinking": { "supported": true, "types": {
                "adaptive": yes(self.thinking.adaptive),
                "enabled": yes(self.thinking.enabled),
                "disabled": yes(self.thinking.disabled != Off::Never),
                "between_tools": yes(self.thinking.between_tools != Off::Never),
            } },
        })
    }
}
