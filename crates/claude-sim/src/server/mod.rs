//! The HTTP side.

mod access;
mod control;
mod messages;
mod models;
mod peer;
mod play;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use lionrocket_claude_wire::{ErrorType, header};

use crate::bill::Book;
use crate::cache::PromptCache;
use crate::clock::Clock;
use crate::digest;
use crate::failure::Failure;
use crate::record::Recorder;
use crate::scenario::Counters;
use crate::script::Timing;

pub(crate) use peer::Peer;

/// How the simulator behaves.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) timing: Timing,
    pub(crate) triggers: bool,
    pub(crate) record: bool,
    pub(crate) clock: Arc<dyn Clock>,
    /// Keys that are accepted; empty accepts any.
    pub(crate) keys: Vec<String>,
    pub(crate) max_body_bytes: usize,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) book: Book,
    pub(crate) cache: PromptCache,
    pub(crate) recorder: Recorder,
    pub(crate) counters: Counters,
    ids: AtomicU64,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            book: Book::default(),
            cache: PromptCache::default(),
            recorder: Recorder::default(),
            counters: Counters::default(),
            ids: AtomicU64::new(0),
        }
    }

    /// Makes an id that no other request of this simulator gets.
    fn next_id(&self, prefix: &str) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        digest::id(prefix, self.settings.seed, number)
    }

    /// Forgets bill, recorded requests, cache and counters.
    pub(crate) fn reset(&self) {
        self.book.reset();
        self.cache.reset();
        self.recorder.reset();
        self.counters.reset();
    }
}

/// The id of the request being answered.
#[derive(Debug, Clone)]
struct RequestId(String);

fn request_id(request: &HttpRequest) -> String {
    let extensions = request.extensions();
    extensions
        .get::<RequestId>()
        .map_or_else(String::new, |id| id.0.clone())
}

/// Gives every request an id, and every response the header with it.
pub(crate) async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request
        .app_data::<web::Data<Shared>>()
        .map_or_else(String::new, |shared| shared.next_id("req"));
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::try_from(id) {
        let name = HeaderName::from_static(header::REQUEST_ID);
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// Connects paths and handlers.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let wrong_method = || web::to(method_not_allowed);
    config
        .service(
            web::resource("/v1/messages")
                .route(web::post().to(messages::create))
                .default_service(wrong_method()),
        )
        .service(
            web::resource("/v1/messages/count_tokens")
                .route(web::post().to(messages::count_tokens))
                .default_service(wrong_method()),
        )
        .service(
            web::resource("/v1/models")
                .route(web::get().to(models::list))
                .default_service(wrong_method()),
        )
        .service(
            web::resource("/v1/models/{id}")
                .route(web::get().to(models::retrieve))
                .default_service(wrong_method()),
        )
        .route("/sim/bill", web::get().to(control::bill))
        .route("/sim/requests", web::get().to(control::requests))
        .route("/sim/reset", web::post().to(control::reset))
        .default_service(web::to(not_found));
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    Failure::new(404, ErrorType::NotFound, "Not Found").into_response(&request_id(&request))
}

async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    Failure::new(405, ErrorType::InvalidRequest, "Method Not Allowed")
        .into_response(&request_id(&request))
}
