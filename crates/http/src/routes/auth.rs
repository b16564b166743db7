//! Signing up and in; one's own account.

use actix_web::{HttpResponse, get, post};
use secrecy::ExposeSecret;

use super::Answer;
use crate::{
    Registration,
    problem::{Code, Problem},
    request::{Call, day},
    views::{
        accounts::{AuthView, LoginBody, RegisterBody, UserView},
        usage::{OwnUsageView, UsageDayList, UsageDayView},
    },
};

/// Make an account
///
/// Makes an account and signs the person in. It is never an administrator's.
#[utoipa::path(
    tag = "auth",
    request_body = RegisterBody,
    responses((status = 201, description = "The account was made", body = AuthView, headers(
        ("Set-Cookie", description = "From what a browser is given new tokens; only for `/auth/refresh` and `/auth/logout`"),
    ))),
)]
#[post("/auth/register")]
pub(super) async fn register(mut call: Call) -> Answer {
    let registration = call.state().info.registration;
    if registration == Registration::Closed {
        return Err(Problem::new(Code::RegistrationClosed));
    }
    let mut body: RegisterBody = call.body().await?;
    let invite = body.take_invite();
    if registration == Registration::Invite && invite.is_none() {
        return Err(Problem::new(Code::InviteRequired));
    }
    let client = call.client(body.access_ttl);
    let signed_in = {
        let invite = invite.as_ref().map(ExposeSecret::expose_secret);
        let accounts = &call.state().accounts;
        accounts.register(body.into(), invite, client).await?
    };
    let answer = call.know_device(HttpResponse::Created(), &signed_in.user)?;
    Ok(call.signed_in(answer, signed_in))
}

/// Sign in
///
/// By user name or e-mail address. Each login is a session of its own.
#[utoipa::path(
    tag = "auth",
    request_body = LoginBody,
    responses((status = 200, description = "Signed in", body = AuthView, headers(
        ("Set-Cookie", description = "From what a browser is given new tokens; only for `/auth/refresh` and `/auth/logout`"),
    ))),
)]
#[post("/auth/login")]
pub(super) async fn login(mut call: Call) -> Answer {
    let body: LoginBody = call.body().await?;
    let client = call.client(body.access_ttl);
    let signed_in = call
        .state()
        .accounts
        .login(&body.username, body.password.expose_secret(), client)
        .await?;
    let answer = call.know_device(HttpResponse::Ok(), &signed_in.user)?;
    Ok(call.signed_in(answer, signed_in))
}

/// Read one's own account
#[utoipa::path(
    tag = "auth",
    responses((status = 200, description = "The account of the token", body = UserView)),
    security(("bearer" = [])),
)]
#[get("/auth/me")]
pub(super) async fn get_me(call: Call) -> Answer {
    let caller = call.sign_in().await?;
    let user = caller.who.user;
    call.resource(user.version, &UserView::from(user.clone()))
}

/// Read one's own usage by day
///
/// Oldest first; days on which nothing was used are left out. Without a range: the last 30 days.
#[utoipa::path(
    tag = "auth",
    params(
        ("from" = Option<String>, Query, description = "The first day, `YYYY-MM-DD`; 29 days before the last one when it is left out", format = Date, nullable = false),
        ("to" = Option<String>, Query, description = "The last day, `YYYY-MM-DD`; today when it is left out. At most 366 days in all", format = Date, nullable = false),
    ),
    responses((status = 200, description = "The days and the budget", body = OwnUsageView)),
    security(("bearer" = [])),
)]
#[get("/auth/me/usage")]
pub(super) async fn get_my_usage(call: Call) -> Answer {
    let caller = call.sign_in().await?;
    let (from, to) = call.query(|fields| {
        let from = fields.optional("from", day);
        let to = fields.optional("to", day);
        Some((from?, to?))
    })?;
    let days = call
        .state()
        .usage
        .own_days(caller.who.actor, from, to)
        .await?;
    let budget = call.state().usage.own_budget(&caller.who.user).await?;
    Ok(HttpResponse::Ok().json(OwnUsageView {
        days: UsageDayList {
            items: days.into_iter().map(UsageDayView::from).collect(),
            next_cursor: None,
        },
        budget: budget.into(),
    }))
}
