//! Logins: new tokens, signing out, and where one is signed in.

use actix_web::{HttpResponse, delete, get, patch, post, put};
use lionrocket_app::{accounts::AccountError, sessions::SessionError};
use secrecy::ExposeSecret;

use super::Answer;
use crate::{
    problem::{Code, Problem, weak_password},
    request::Call,
    views::{
        accounts::{AuthView, UserView},
        admin::DeletionView,
        sessions::{
            PasswordBody, ProfileBody, ReauthenticateBody, RefreshBody, SessionList, SessionView,
        },
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
            if let SessionError::Reused(user_id) = error {
                call.tell_of_reuse(user_id);
            }
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

/// Give one's password again
///
/// Lets sensitive changes through in this session for five minutes.
#[utoipa::path(
    tag = "auth",
    request_body = ReauthenticateBody,
    responses((status = 204, description = "It is the right one")),
    security(("bearer" = [])),
)]
#[post("/auth/reauthenticate")]
pub(super) async fn reauthenticate(mut call: Call) -> Answer {
    let who = call.sign_in().await?.who;
    let body: ReauthenticateBody = call.body().await?;
    let password = body.password.expose_secret();
    call.state().accounts.reauthenticate(&who, password).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change one's password
///
/// Ends all other sessions and every token that was given out; the answer has a new one.
#[utoipa::path(
    tag = "auth",
    request_body = PasswordBody,
    responses((status = 200, description = "Signed in with the new password", body = AuthView, headers(
        ("Set-Cookie", description = "The new cookie"),
    ))),
    security(("bearer" = [])),
)]
#[put("/auth/me/password")]
pub(super) async fn change_password(mut call: Call) -> Answer {
    let who = call.sign_in().await?.who;
    let PasswordBody {
        current_password,
        new_password,
    } = call.body().await?;
    let client = call.client(None);
    let accounts = &call.state().accounts;
    let changed = accounts
        .change_password(&who, current_password.expose_secret(), new_password, client)
        .await;
    let signed_in = changed.map_err(|error| match error {
        AccountError::WeakPassword(weakness) => weak_password("/new_password", weakness),
        other => other.into(),
    })?;
    Ok(call.signed_in(HttpResponse::Ok(), signed_in))
}

/// Change one's own account
#[utoipa::path(
    tag = "auth",
    request_body = ProfileBody,
    responses((status = 200, description = "The account as it is now", body = UserView)),
    security(("bearer" = [])),
)]
#[patch("/auth/me")]
pub(super) async fn update_me(mut call: Call) -> Answer {
    let who = call.sign_in().await?.who;
    let expected = call.expected_version()?;
    let body: ProfileBody = call.body().await?;
    let accounts = &call.state().accounts;
    let user = accounts.change_profile(&who, body.into(), expected).await?;
    call.resource(user.version, &UserView::from(user.clone()))
}

/// Delete one's own account
///
/// The password must have been given again within the last five minutes. Every session ends at once,
/// the one that asks too. Until the time that is answered an administrator can take the deletion back;
/// then the account is erased with its chats and its private characters, while its public characters
/// stay without their maker's name.
#[utoipa::path(
    tag = "auth",
    responses((status = 202, description = "The deletion has begun", body = DeletionView, headers(
        ("Clear-Site-Data", description = "Asks the browser to forget what it kept"),
        ("Set-Cookie", description = "Takes the cookie away"),
    ))),
    security(("bearer" = [])),
)]
#[delete("/auth/me")]
pub(super) async fn delete_me(call: Call) -> Answer {
    let who = call.sign_in().await?.who;
    let accounts = &call.state().accounts;
    let erase_at = accounts.delete_own(&who, call.origin()).await?;
    Ok(call
        .forget_sign_in(HttpResponse::Accepted())
        .insert_header(("Clear-Site-Data", r#""cache", "storage""#))
        .json(DeletionView { erase_at }))
}
