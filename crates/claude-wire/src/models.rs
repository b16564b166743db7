//! The catalogue behind `GET /v1/models`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::open_enum::open_enum;
use crate::tolerant;

open_enum! {
    /// Where a model is in its life.
    pub enum Lifecycle {
        /// In service.
        Active = "active",
        /// In service, with an end in sight.
        Deprecated = "deprecated",
        /// Out of service.
        Retired = "retired",
    }
}

/// One page of `GET /v1/models`, newest models first. Go on with `after_id` = [`last_id`](Self::last_id).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelPage {
    /// The models.
    pub data: Vec<ModelInfo>,
    /// Whether more follow.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub has_more: bool,
    /// Id of the first model of the page.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub first_id: Option<String>,
    /// Id of the last model of the page.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub last_id: Option<String>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Always `model`.
    #[serde(rename = "type", default = "model_type")]
    pub kind: String,
    /// Id for requests.
    pub id: String,
    /// Name for people.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub display_name: String,
    /// RFC 3339 time of its release.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub created_at: String,
    /// Where it is in its life.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub lifecycle: Option<Lifecycle>,
    /// RFC 3339 time since when it is deprecated.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub deprecated_at: Option<String>,
    /// RFC 3339 time when it goes out of service.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub retires_at: Option<String>,
    /// Line: haiku, sonnet, opus, fable, mythos.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub line: Option<String>,
    /// Tokens of its window.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub max_input_tokens: Option<u64>,
    /// Most tokens it generates in one answer.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub max_tokens: Option<u64>,
    /// A tree whose leaves are `{"supported": bool}`.
    #[serde(default, deserialize_with = "tolerant::optional")]
    pub capabilities: Option<Value>,
}

impl ModelInfo {
    /// Returns whether a capability is supported; none if the catalogue does not say.
    ///
    /// ```
    /// use lionrocket_claude_wire::ModelInfo;
    ///
    /// let model: ModelInfo = serde_json::from_str(
    ///     r#"{"id":"m","capabilities":{"thinking":{"types":{"disabled":{"supported":true}}}}}"#,
    /// ).unwrap();
    /// assert_eq!(model.supports(&["thinking", "types", "disabled"]), Some(true));
    /// assert_eq!(model.supports(&["thinking", "types", "enabled"]), None);
    /// ```
    #[must_use]
    pub fn supports(&self, path: &[&str]) -> Option<bool> {
        let mut node = self.capabilities.as_ref()?;
        for key in path {
            node = node.get(key)?;
        }
        node.get("supported")?.as_bool()
    }
}

fn model_type() -> String {
    "model".to_owned()
}
