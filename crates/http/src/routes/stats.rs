//! Statistics of the whole service, and its switch.

use actix_web::{HttpResponse, get, put};

use super::Answer;
use crate::{
    csv_file::csv_file,
    request::{Call, day},
    views::{
        service_state::{ServiceStateBody, ServiceStateView},
        stats::{DAY_COLUMNS, OverviewView, day_rows},
    },
};

/// Read the statistics of the service
///
/// For administrators. By day in the zone of the statistics; without a range the last 30 days. With
/// `Accept: text/csv` the days alone, as a table.
#[utoipa::path(
    tag = "admin",
    params(
        ("from" = Option<String>, Query, description = "The first day, `YYYY-MM-DD`; 29 days before the last one when it is left out", format = Date, nullable = false),
        ("to" = Option<String>, Query, description = "The last day, `YYYY-MM-DD`; today when it is left out. At most 366 days in all", format = Date, nullable = false),
    ),
    responses((status = 200, description = "The statistics", content(
        (OverviewView = "application/json"),
        (String = "text/csv"),
    ))),
    security(("bearer" = [])),
)]
#[get("/admin/stats/overview")]
pub(super) async fn get_stats_overview(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let wants_csv = call.wants_csv()?;
    let (from, to) = call.query(|fields| {
        let from = fields.optional("from", day);
        let to = fields.optional("to", day);
        Some((from?, to?))
    })?;
    let overview = call.state().stats.overview(actor, from, to).await?;
    if wants_csv {
        let range = overview.range;
        let name = format!("overview-{}-{}", range.from, range.to);
        return csv_file(&name, &DAY_COLUMNS, day_rows(&overview));
    }
    Ok(HttpResponse::Ok().json(OverviewView::from(overview)))
}

/// Read how the service stands
///
/// For administrators. Whether new messages are taken, and what was used today of what may be.
#[utoipa::path(
    tag = "admin",
    responses((status = 200, description = "How the service stands", body = ServiceStateView)),
    security(("bearer" = [])),
)]
#[get("/admin/service")]
pub(super) async fn get_service_state(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let control = &call.state().control;
    let status = control.status(actor).await?;
    Ok(HttpResponse::Ok().json(ServiceStateView::new(status, control.limit())))
}

/// Stop or take new messages
///
/// For administrators. Counts from the next message on; replies under way go on. The act is recorded.
#[utoipa::path(
    tag = "admin",
    request_body = ServiceStateBody,
    responses((status = 200, description = "How the service stands now", body = ServiceStateView)),
    security(("bearer" = [])),
)]
#[put("/admin/service")]
pub(super) async fn update_service_state(mut call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let body: ServiceStateBody = call.body().await?;
    let origin = call.origin();
    let control = &call.state().control;
    let status = control.switch(actor, body.accepts_messages, origin).await?;
    Ok(HttpResponse::Ok().json(ServiceStateView::new(status, control.limit())))
}
