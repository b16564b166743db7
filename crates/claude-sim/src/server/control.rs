//! The paths under `/sim` by which tests look inside. They need no key.

use actix_web::{HttpResponse, Responder, web};
use serde_json::json;

use super::Shared;

/// `GET /sim/bill`
pub(super) async fn bill(shared: web::Data<Shared>) -> impl Responder {
    web::Json(shared.book.bill())
}

/// `GET /sim/requests`
pub(super) async fn requests(shared: web::Data<Shared>) -> impl Responder {
    web::Json(json!({ "requests": shared.recorder.requests() }))
}

/// `POST /sim/reset`
pub(super) async fn reset(shared: web::Data<Shared>) -> HttpResponse {
    shared.reset();
    HttpResponse::NoContent().finish()
}
