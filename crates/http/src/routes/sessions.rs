//! Logins: new tokens, signing out, and where one is signed in.

use actix_web::{HttpResponse, delete, get, post};
use secrecy::ExposeSecret;

use super::Answer;
use crate::{
    problem::{Code, Problem},
    request::Call,
    views::{
        accounts::AuthView,
        sessions::{RefreshBody, SessionList, SessionView},
    },
};

/// Get a new token
///
/// For browsers: the session is told by its cookie alone, and the request must come from a page of
/// this service (`Origin`). The cookie is used up and a new one set. When the answer is lost, the same
/// cookie gets the same answer for ten seconds; a cookie that comes again later ends its session.
#[utoipa::path(
    tag = "auth",
    request_body = RefreshBody,
    responses((status = 200, description = "Signed in as before", body = AuthView, headers(
        ("Set-Cookie", description = "The new cookie"),
    ))),
    security(("refresh_cookie" = [])),
)]
#[post("/auth/refresh")]
pub(super) async fn refresh(mut call: Call) -> Answer {
    let body: RefreshBody = call.body().await?;
    let Some(cookie) = call.refresh_cookie() else {
        return Err(Problem::new(Code::SessionEnded));
    };
    call.check_own_origin()?;
    let client = call.client(body.access_ttl);
    let sessions = &call.state().sessions;
    match sessions.refresh(cookie.expose_secret(), client).await {
        Ok(signed_in) => Ok(call.signed_in(HttpResponse::Ok(), signed_in)),
        Err(error) => {
            let problem = Problem::from(error);
            Err(if problem.code == Code::SessionEnded {
                call.forgetting_sign_in(problem)
            } else {
                problem
            })
        }
    }
}

/// Sign out
///
/// Ends the session of the token or of the cookie, and every event stream that was opened in it. The
/// cookie counts only in a request from a page of this service (`Origin`). Does nothing when neither
/// is good any more.
#[utoipa::path(
    tag = "auth",
    responses((status = 204, description = "Signed out", headers(
        ("Clear-Site-Data", description = "Asks the browser to forget what it kept"),
        ("Set-Cookie", description = "Takes the cookie away"),
    ))),
    security((), ("bearer" = []), ("refresh_cookie" = [])),
)]
#[post("/auth/logout")]
pub(super) async fn logout(call: Call) -> Answer {
    let sessions = &call.state().sessions;
    let token = call.bearer_token();
    if let Some(token) = &token {
        sessions.logout(token.expose_secret()).await?;
    }
    if let Some(cookie) = call.refresh_cookie() {
        match call.check_own_origin() {
            Ok(()) => sessions.logout_by_refresh(cookie.expose_secret()).await?,
            // A program with a token may send any cookies it has.
            Err(_) if token.is_some() => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(call
        .forget_sign_in(HttpResponse::NoContent())
        .insert_header(("Clear-Site-Data", r#""cache", "storage""#))
        .finish())
}

/// List where one is signed in
///
/// All of one's sessions that have not ended, newest first; there is one page.
#[utoipa::path(
    tag = "auth",
    responses((status = 200, description = "The sessions", body = SessionList)),
    security(("bearer" = [])),
)]
#[get("/auth/sessions")]
pub(super) async fn list_sessions(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let sessions = call.state().sessions.list(actor).await?;
    let items = sessions.into_iter();
    Ok(HttpResponse::Ok().json(SessionList {
        items: items
            .map(|session| SessionView::new(session, actor.session_id))
            .collect(),
        next_cursor: None,
    }))
}

/// Sign out everywhere else
///
/// Ends all of one's sessions but the one that asks.
#[utoipa::path(
    tag = "auth",
    responses((status = 204, description = "All other sessions have ended")),
    security(("bearer" = [])),
)]
#[delete("/auth/sessions")]
pub(super) async fn end_other_sessions(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    call.state().sessions.end_others(actor).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sign out somewhere
///
/// Ends one of one's sessions, which may be the one that asks.
#[utoipa::path(
    tag = "auth",
    responses((status = 204, description = "The session has ended")),
    security(("bearer" = [])),
)]
#[delete("/auth/sessions/{session_id}")]
pub(super) async fn end_session(call: Call) -> Answer {
    let actor = call.sign_in().await?.who.actor;
    let session_id = call.session_id()?;
    call.state().sessions.end(actor, session_id).await?;
    Ok(HttpResponse::NoContent().finish())
}
