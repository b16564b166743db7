//! The OpenAPI document: collected from the handlers, then completed with what holds for all of
//! them: problems, addresses, tags and the form of numbers.

mod numbers;
mod operations;
mod texts;

use actix_web::App;
use utoipa::{
    OpenApi,
    openapi::{
        self,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_actix_web::AppExt;

use crate::{
    problem::{FieldError, ProblemView},
    routes,
    views::turns::{BusyEventData, DeltaEventData, EndEventData, TurnEventData},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "LionRocket",
        description = "Talk to AI characters. Times are RFC 3339 in UTC. Everything that goes wrong is an RFC 9457 problem with a stable `code`. Lists have pages: pass `next_cursor` on as `cursor` until it is `null`.",
    ),
    tags(
        (name = "auth", description = "Signing up, in and out; one's own account"),
        (name = "characters", description = "Whom to talk to"),
        (name = "chats", description = "Conversations with a character"),
        (name = "messages", description = "What is said, and the turns in which replies are written"),
        (name = "prompts", description = "Common prompts, which apply to every character"),
        (name = "admin", description = "Administering the service"),
        (name = "service", description = "What anybody may know of the service"),
    ),
    components(schemas(
        ProblemView<'static>, FieldError, TurnEventData, DeltaEventData, BusyEventData, EndEventData,
    )),
)]
struct Description;

/// Describes the API.
#[must_use]
pub fn openapi() -> openapi::OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Description::openapi())
        .configure(routes::configure)
        .split_for_parts();
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `access_token` of a login"))
        .build();
    let cookie = ApiKeyValue::with_description(
        "__Host-lr_refresh",
        "Set by a login; `lr_refresh` where the service is used without TLS",
    );
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
    components.add_security_scheme("refresh_cookie", cookie);
    operations::complete(&mut document);
    numbers::unformat(&mut document);
    texts::describe(&mut document);
    document
}

/// The document as docs/openapi.json has it.
#[must_use]
pub fn openapi_json() -> String {
    // The document consists of texts and numbers, which JSON can always hold.
    let mut text = openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
