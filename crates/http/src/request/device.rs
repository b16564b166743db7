//! The cookie by which a browser is known in which somebody has signed in before. It gives no right; it
//! only keeps strangers who try passwords from keeping that person out.

use actix_web::{
    HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
};
use lionrocket_app::accounts::DEVICE_LIFETIME;
use lionrocket_domain::account::User;
use secrecy::{ExposeSecret as _, SecretString};

use super::Call;
use crate::problem::Problem;

/// The cookie's name. Browsers let nobody but this very host set a cookie of such a name.
const NAME: &str = "__Host-lr_device";
/// Its name where people come without TLS, which browsers refuse to set the other one on.
const PLAIN_NAME: &str = "lr_device";

impl Call {
    fn device_cookie_name(&self) -> &'static str {
        if self.state().info.cookies_need_tls() {
            NAME
        } else {
            PLAIN_NAME
        }
    }

    /// What the browser keeps.
    pub(super) fn device_cookie(&self) -> Option<SecretString> {
        let cookie = self.request.cookie(self.device_cookie_name())?;
        Some(SecretString::from(cookie.value()))
    }

    /// Adds to an answer that the browser shall keep who has just signed in.
    pub(crate) fn know_device(
        &self,
        mut answer: HttpResponseBuilder,
        user: &User,
    ) -> Result<HttpResponseBuilder, Problem> {
        let token = self.state().accounts.device_token(user)?;
        let cookie = Cookie::build(self.device_cookie_name(), token.expose_secret().to_owned())
            .path("/")
            .http_only(true)
            .secure(self.state().info.cookies_need_tls())
            .same_site(SameSite::Strict)
            .max_age(Duration::seconds(DEVICE_LIFETIME.as_secs()))
            .finish();
        answer.cookie(cookie);
        Ok(answer)
    }
}
