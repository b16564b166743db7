//! The cookie from which a browser is given new tokens, and who may make a browser send it.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::{self, HeaderName},
};
use lionrocket_app::sessions::SignedIn;
use lionrocket_domain::ids::UserId;
use secrecy::{ExposeSecret, SecretString};

use super::Call;
use crate::{
    ServiceInfo,
    problem::{Code, Problem},
    security::{self, Event},
    views::accounts::AuthView,
};

/// The cookie's name. Browsers let nobody but this very host set a cookie of such a name.
const NAME: &str = "__Host-lr_refresh";

/// Its name where people come without TLS, which browsers refuse to set the other one on.
const PLAIN_NAME: &str = "lr_refresh";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A cookie that no script reads and no other site sends, with nothing in it.
fn empty(info: &ServiceInfo) -> Cookie<'static> {
    let name = if info.cookies_need_tls() {
        NAME
    } else {
        PLAIN_NAME
    };
    Cookie::build(name, "")
        .path("/")
        .http_only(true)
        .secure(info.cookies_need_tls())
        .same_site(SameSite::Strict)
        .max_age(Duration::ZERO)
        .finish()
}

impl Call {
    /// Answers somebody who has signed in, and makes the browser keep what it needs to be given new
    /// tokens.
    pub(crate) fn signed_in(
        &self,
        mut answer: HttpResponseBuilder,
        signed_in: SignedIn,
    ) -> HttpResponse {
        let mut cookie = empty(&self.state().info);
        cookie.set_value(signed_in.refresh.expose_secret().to_owned());
        cookie.set_max_age(Duration::seconds(signed_in.session_ends_in.as_secs()));
        answer.cookie(cookie).json(AuthView::from(signed_in))
    }

    /// Begins an answer that makes the browser forget it.
    pub(crate) fn forget_sign_in(&self, mut answer: HttpResponseBuilder) -> HttpResponseBuilder {
        answer.cookie(empty(&self.state().info));
        answer
    }

    /// Adds to a problem that the browser shall forget it.
    pub(crate) fn forgetting_sign_in(&self, problem: Problem) -> Problem {
        let cookie = empty(&self.state().info).to_string();
        match header::HeaderValue::try_from(cookie) {
            Ok(value) => problem.header(header::SET_COOKIE, value),
            Err(_) => problem,
        }
    }

    /// What the browser keeps. Only for signing out and for new tokens: a cookie gives no other right.
    pub(crate) fn refresh_cookie(&self) -> Option<SecretString> {
        let wanted = empty(&self.state().info);
        let cookie = self.request.cookie(wanted.name())?;
        Some(SecretString::from(cookie.value()))
    }

    /// Tells that somebody's cookie that was used up came again.
    pub(crate) fn tell_of_reuse(&self, user_id: UserId) {
        if let Some(facts) = self.facts() {
            let (operation, client) = (facts.operation(), facts.client());
            security::event(Event::SessionReused, operation, Some(user_id), client);
        }
    }

    /// Checks that a page of our own sent this, since the browser adds the cookie to whatever is sent.
    pub(crate) fn check_own_origin(&self) -> Result<(), Problem> {
        let text = |name: &HeaderName| {
            let value = self.only_header(name).ok()?;
            Some(value.map(|value| value.to_str().unwrap_or_default()))
        };
        let own = &self.state().info.public_origins;
        let is_own = matches!(
            (text(&header::ORIGIN), text(&SEC_FETCH_SITE)),
            (Some(Some(origin)), Some(None | Some("same-origin"))) if own.iter().any(|own| own == origin)
        );
        if is_own {
            Ok(())
        } else {
            Err(Problem::new(Code::CrossOrigin))
        }
    }
}
