//! Invites, and links for new passwords.

use actix_web::{HttpResponse, delete, get, post};
use secrecy::ExposeSecret as _;

use super::Answer;
use crate::{
    request::{Call, cursor, page_size},
    views::invites::{
        CreateInviteBody, InviteList, InviteView, NewInviteView, PasswordResetBody, ResetLinkView,
        link_to,
    },
};

/// List invites
///
/// For administrators. Newest first, those that ended as well.
#[utoipa::path(
    tag = "admin",
    params(
        ("limit" = Option<u32>, Query, description = "How many at most; 50 when it is left out", minimum = 1, maximum = 100, nullable = false),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before", pattern = r"^[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{22}$", nullable = false),
    ),
    responses((status = 200, description = "A page of invites", body = InviteList)),
    security(("bearer" = [])),
)]
#[get("/admin/invites")]
pub(super) async fn list_invites(call: Call) -> Answer {
    let by = call.administrator().await?;
    let (after, size) = call.page_query(|fields| {
        let size = fields.optional("limit", page_size);
        let after = fields.optional("cursor", cursor::to_invite);
        Some((after?, size?.unwrap_or_default()))
    })?;
    let page = call.state().invites.list(by, after, size).await?;
    Ok(HttpResponse::Ok().json(InviteList {
        items: page.items.into_iter().map(InviteView::from).collect(),
        next_cursor: page
            .next
            .map(|next| call.seal_cursor(&cursor::from_invite(next))),
    }))
}

/// Make an invite
///
/// For administrators, and recorded. The link lets people make an account, also while `REGISTRATION`
/// is `invite`.
#[utoipa::path(
    tag = "admin",
    request_body = CreateInviteBody,
    responses((status = 201, description = "The invite was made", body = NewInviteView)),
    security(("bearer" = [])),
)]
#[post("/admin/invites")]
pub(super) async fn create_invite(mut call: Call) -> Answer {
    let by = call.administrator().await?;
    let body: CreateInviteBody = call.body().await?;
    let (invite, secret) = call.state().invites.create(by, body.into()).await?;
    Ok(HttpResponse::Created().json(NewInviteView {
        invite: invite.into(),
        url: link_to(&call.state().info, "register", &secret),
    }))
}

/// Withdraw an invite
///
/// For administrators, and recorded. Accounts that were made with it stay.
#[utoipa::path(
    tag = "admin",
    responses((status = 204, description = "No account can be made with it any more")),
    security(("bearer" = [])),
)]
#[delete("/admin/invites/{invite_id}")]
pub(super) async fn revoke_invite(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.invite_id()?;
    call.state().invites.revoke(by, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make a link for a new password
///
/// For administrators, and recorded. The person sets a password by it, once and within an hour; nobody
/// else sees or sets it. Older links of the person end.
#[utoipa::path(
    tag = "admin",
    responses((status = 201, description = "The link was made", body = ResetLinkView)),
    security(("bearer" = [])),
)]
#[post("/admin/users/{user_id}/password-reset")]
pub(super) async fn create_password_reset(call: Call) -> Answer {
    let by = call.administrator().await?;
    let id = call.user_id()?;
    let link = call.state().resets.create(by, id).await?;
    let view = ResetLinkView::new(&call.state().info, &link);
    Ok(HttpResponse::Created().json(view))
}

/// Set a new password by a link
///
/// Ends every session of the account. The link is used up.
#[utoipa::path(
    tag = "auth",
    request_body = PasswordResetBody,
    responses((status = 204, description = "The password was set")),
)]
#[post("/auth/password-reset")]
pub(super) async fn reset_password(mut call: Call) -> Answer {
    let body: PasswordResetBody = call.body().await?;
    let resets = &call.state().resets;
    resets
        .redeem(body.token.expose_secret(), body.password)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
