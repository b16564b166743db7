//! The catalogue.

use actix_web::{HttpRequest, HttpResponse, web};
use lionrocket_claude_wire::models::Lifecycle;
use lionrocket_claude_wire::{ErrorType, ModelPage};
use serde::Deserialize;

use super::access::{self, Access, Load};
use super::{Shared, request_id};
use crate::catalogue::{self, MODELS, Model};
use crate::failure::Failure;

/// Query of the list; texts, so that mistakes get the service's kind of answer.
#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    limit: Option<String>,
    after_id: Option<String>,
    before_id: Option<String>,
    lifecycle: Option<String>,
}

/// `GET /v1/models`
pub(super) async fn list(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    answer(&request, &shared, || {
        let query = web::Query::<ListQuery>::from_query(request.query_string())
            .map_err(|_| Failure::invalid("the query is malformed"))?;
        page(&query).map(|page| HttpResponse::Ok().json(page))
    })
}

/// `GET /v1/models/{id}`
pub(super) async fn retrieve(
    request: HttpRequest,
    id: web::Path<String>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    answer(&request, &shared, || match catalogue::find(&id) {
        Some(model) => Ok(HttpResponse::Ok().json(model.info())),
        None => Err(Failure::new(
            404,
            ErrorType::NotFound,
            format!("model: {id}"),
        )),
    })
}

/// Checks access and scenario, then answers.
fn answer(
    request: &HttpRequest,
    shared: &Shared,
    body: impl FnOnce() -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let id = request_id(request);
    let note = access::record(shared, request, &id, &[]);
    let access = Access::check(request, &shared.settings);
    let account = access.as_ref().ok().map(|access| access.account);
    let response = access
        .and_then(|access| access.scenario(shared, ""))
        .and_then(|_| body())
        .unwrap_or_else(|failure| failure.into_response(&id));
    if let Some(note) = note {
        note.set(response.status().as_u16());
    }
    access::finish(response, shared, account, Load::default())
}

fn page(query: &ListQuery) -> Result<ModelPage, Failure> {
    let limit = limit(query)?;
    let shown = lifecycles(query)?;
    let models: Vec<&Model> = MODELS
        .iter()
        .filter(|model| shown.contains(&model.lifecycle()))
        .collect();
    let position = |id: &str, name: &str| {
        let found = models
            .iter()
            .position(|model| model.id == id || model.alias == Some(id));
        found.ok_or_else(|| Failure::field(name, &format!("no model '{id}' in this list")))
    };
    let (range, has_more) = match (&query.after_id, &query.before_id) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid(
                "after_id and before_id exclude each other",
            ));
        }
        (Some(after), None) => {
            let start = position(after, "after_id")? + 1;
            let end = models.len().min(start + limit);
            (start..end, end < models.len())
        }
        (None, Some(before)) => {
            let end = position(before, "before_id")?;
            let start = end.saturating_sub(limit);
            (start..end, start > 0)
        }
        (None, None) => {
            let end = models.len().min(limit);
            (0..end, end < models.len())
        }
    };
    let slice = models.get(range).unwrap_or_default();
    let id = |model: &&Model| model.id.to_owned();
    Ok(ModelPage {
        data: slice.iter().map(|model| model.info()).collect(),
        has_more,
        first_id: slice.first().map(id),
        last_id: slice.last().map(id),
    })
}

fn limit(query: &ListQuery) -> Result<usize, Failure> {
    const DEFAULT: usize = 20;
    let Some(text) = &query.limit else {
        return Ok(DEFAULT);
    };
    match text.parse() {
        Ok(limit @ 1..=1_000) => Ok(limit),
        _ => Err(Failure::field(
            "limit",
            "Input should be an integer from 1 to 1000",
        )),
    }
}

/// Retired models are only shown on request.
fn lifecycles(query: &ListQuery) -> Result<Vec<Lifecycle>, Failure> {
    let Some(text) = &query.lifecycle else {
        return Ok(vec![Lifecycle::Active, Lifecycle::Deprecated]);
    };
    let parse = |part: &str| match Lifecycle::from(part.trim()) {
        Lifecycle::Unknown(_) => Err(Failure::field(
            "lifecycle",
            "Input should be 'active', 'deprecated' or 'retired'",
        )),
        known => Ok(known),
    };
    text.split(',').map(parse).collect()
}
