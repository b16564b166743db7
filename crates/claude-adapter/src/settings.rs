//! What an operator can set, and the checks of it.

use std::{net::IpAddr, time::Duration};

use lionrocket_claude_wire::header;
use lionrocket_domain::catalog::ModelFacts;
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

/// How to reach the service and what to ask it for.
#[derive(Clone, Debug)]
pub struct ClaudeSettings {
    /// The operator's key.
    pub api_key: SecretString,
    /// Where the service is, without `/v1`, such as `https://api.anthropic.com`. A path is kept, for
    /// gateways. Must be https unless the host is this machine.
    pub base_url: String,
    /// The value of `anthropic-version`.
    pub api_version: String,
    /// The id of the model.
    pub model: String,
    /// The header that carries the key.
    pub auth_header: AuthHeader,
    /// What is known of the model. Without it, nothing is said about thinking and the largest output
    /// is what the caller asks for.
    pub facts: Option<ModelFacts>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often to try again.
    pub retries: Retries,
    /// When to send nothing for a while.
    pub breaker: BreakerRules,
}

/// The header that carries the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthHeader {
    /// `x-api-key: KEY`, as the documentation of plain HTTP has it.
    #[default]
    ApiKey,
    /// `authorization: Bearer KEY`, as the current official libraries and many gateways have it.
    Bearer,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// From the beginning of an attempt to the first event.
    pub first_event: Duration,
    /// From one event to the next; a ping is one.
    pub between_events: Duration,
    /// For all attempts, the waits between them and the reply together.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 5 seconds, twice 60 seconds, 10 minutes.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_event: Duration::from_mins(1),
            between_events: Duration::from_mins(1),
            total: Duration::from_mins(10),
        }
    }
}

/// How often to try again, and after which waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// The most attempts after the first one.
    pub max: u32,
    /// The first wait; it doubles every time. Up to a quarter is taken off at random.
    pub base: Duration,
    /// The longest wait of our own.
    pub cap: Duration,
    /// The longest wait that upstream may ask for; at a longer one the caller is told at once.
    pub max_retry_after: Duration,
}

impl Default for Retries {
    /// Twice; 0.5 seconds, doubled up to 8; 30 seconds.
    fn default() -> Self {
        Self {
            max: 2,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(30),
        }
    }
}

/// When to send nothing for a while, because the service is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// How many failures in a row are enough. Silence counts as four: it costs everybody a minute.
    pub limit: u32,
    /// Failures that are older do not count.
    pub window: Duration,
    /// For how long nothing is sent before one request probes.
    pub rest: Duration,
    /// The longest pause that is kept because upstream asks for it.
    pub longest_pause: Duration,
}

impl Default for BreakerRules {
    /// 20 failures or 5 silences within 5 minutes; 10 seconds; a minute.
    fn default() -> Self {
        Self {
            limit: 20,
            window: Duration::from_mins(5),
            rest: Duration::from_secs(10),
            longest_pause: Duration::from_mins(1),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base URL is not one.
    #[error("the base URL of the Claude API is not a URL")]
    NotAUrl,
    /// The base URL would send the key and the conversations in the clear.
    #[error(
        "the base URL of the Claude API must begin with https:// unless its host is this machine"
    )]
    Insecure,
    /// The base URL has parts that it must not have.
    #[error("the base URL of the Claude API must not have {0}")]
    UnexpectedPart(&'static str),
    /// The key is empty or cannot be sent in a header.
    #[error("the key of the Claude API is empty or has characters that no key has")]
    ApiKey,
    /// The version is empty or cannot be sent in a header.
    #[error("the version of the Claude API is empty or has characters that no version has")]
    ApiVersion,
    /// The model's id is empty.
    #[error("the id of the Claude model is empty")]
    Model,
    /// The HTTP client cannot be set up, for instance because the machine has no root certificates.
    #[error("the HTTP client of the Claude API cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// The address of the Messages API under a base URL.
pub(crate) fn messages_url(base_url: &str) -> Result<Url, ConfigError> {
    let mut url = Url::parse(base_url.trim()).map_err(|_| ConfigError::NotAUrl)?;
    let secure = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => return Err(ConfigError::NotAUrl),
    };
    if !secure {
        return Err(ConfigError::Insecure);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::UnexpectedPart("a user name or password"));
    }
    if url.query().is_some() {
        return Err(ConfigError::UnexpectedPart("a query"));
    }
    if url.fragment().is_some() {
        return Err(ConfigError::UnexpectedPart("a fragment"));
    }
    let path = format!("{}/v1/messages", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The header that carries the key, marked so that nothing prints its value.
pub(crate) fn auth_header(
    form: AuthHeader,
    key: &SecretString,
) -> Result<(HeaderName, HeaderValue), ConfigError> {
    let key = key.expose_secret();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::ApiKey);
    }
    let (name, value) = match form {
        AuthHeader::ApiKey => (HeaderName::from_static(header::API_KEY), key.to_owned()),
        AuthHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| ConfigError::ApiKey)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The value of `anthropic-version`.
pub(crate) fn version_header(version: &str) -> Result<HeaderValue, ConfigError> {
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::ApiVersion);
    }
    HeaderValue::from_str(version).map_err(|_| ConfigError::ApiVersion)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str) -> String {
        messages_url(base).unwrap().into()
    }

    #[test]
    fn a_path_before_the_api_is_kept() {
        assert_eq!(
            url("https://api.anthropic.com"),
            "https://api.anthropic.com/v1/messages"
        );
        assert_eq!(
            url("https://gateway.example/claude/eu/"),
            "https://gateway.example/claude/eu/v1/messages"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for base in [
            "http://localhost:8080",
            "http://127.0.0.1:9",
            "http://127.8.8.8",
            "http://[::1]:80/x",
        ] {
            assert!(messages_url(base).is_ok(), "{base}");
        }
        for base in [
            "http://api.anthropic.com",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "http://[::2]",
        ] {
            assert!(
                matches!(messages_url(base), Err(ConfigError::Insecure)),
                "{base}"
            );
        }
    }

    #[test]
    fn what_is_not_a_plain_base_url_is_refused() {
        for base in [
            "",
            "api.anthropic.com",
            "ftp://localhost",
            "file:///etc",
            "https://",
        ] {
            assert!(
                matches!(messages_url(base), Err(ConfigError::NotAUrl)),
                "{base}"
            );
        }
        for base in [
            "https://name:word@gateway.example",
            "https://name@gateway.example",
            "https://gateway.example/?a=1",
            "https://gateway.example/#a",
        ] {
            assert!(
                matches!(messages_url(base), Err(ConfigError::UnexpectedPart(_))),
                "{base}"
            );
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_being_shown() {
        for key in ["", " ", "key\n", "a b", "열쇠"] {
            let error = auth_header(AuthHeader::ApiKey, &SecretString::from(key)).unwrap_err();
            assert!(matches!(error, ConfigError::ApiKey), "{key:?}");
        }
    }
}
