//! What anybody may know of the service.

use actix_web::{HttpResponse, get};

use lionrocket_domain::account::User;

use super::Answer;
use crate::{
    problem::{Code, Problem},
    request::Call,
    views::service::{ConfigView, HealthView},
};

/// Read what a client must know
///
/// For anybody, signed in or not.
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "Settings that clients feel", body = ConfigView)),
)]
#[get("/api/config")]
pub(super) async fn get_config(call: Call) -> Answer {
    let info = &call.state().info;
    Ok(HttpResponse::Ok().json(ConfigView {
        version: info.version.clone(),
        language_model: info.language_model,
        model: info.model.clone(),
        message_max_chars: info.message_max_chars,
        password_min_length: info.password_min_length,
        registration: info.registration,
        admin_reads_visible: info.admin_reads_visible,
        privacy_notice_version: User::PRIVACY_NOTICE_VERSION,
        stats_timezone: info.stats_timezone.clone(),
        today: call.state().usage.today().to_string(),
    }))
}

/// Tell whether the process lives
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "It does", body = HealthView)),
)]
#[get("/livez")]
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(HealthView { status: "ok" })
}

/// Tell whether the service can do its work
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "It can", body = HealthView)),
)]
#[get("/readyz")]
pub(super) async fn readyz(call: Call) -> Answer {
    call.state().readiness.check().await.map_err(|error| {
        tracing::warn!(cause = %error.0, "not ready");
        Problem::new(Code::NotReady)
    })?;
    Ok(HttpResponse::Ok().json(HealthView { status: "ok" }))
}
