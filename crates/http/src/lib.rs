//! The HTTP API: routes, views, errors, event streams, OpenAPI and the web application's files.
//!
//! [`app`] puts everything together from an [`ApiState`]; [`serve`] runs it on a listener with the
//! limits that an open network asks for; [`openapi`] is the description of the API, collected from
//! the very handlers that answer.

mod answers;
mod app;
mod csv_file;
mod description;
mod export_file;
mod limits;
mod problem;
mod request;
mod routes;
mod security;
mod state;
mod turn_stream;
mod views;
mod web;

pub use answers::RememberedAnswers;
pub use app::{ServerLimits, app, serve, serve_starting};
pub use description::{openapi, openapi_json};
pub use problem::{Code, table_as_markdown};
pub use state::{
    ApiState, LanguageModelKind, NetworkRules, NotReady, Readiness, Registration, ServiceInfo,
};
