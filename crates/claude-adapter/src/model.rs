//! The model.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::stream;
use lionrocket_claude_wire::header;
use lionrocket_domain::catalog::ModelFacts;
use lionrocket_ports::model::{LanguageModel, ModelError, ModelRequest, ReplyStream};
use reqwest::{
    Client, Url,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};

use crate::{
    breaker::Breaker,
    call::{self, Call, Upstream},
    request,
    settings::{self, ClaudeSettings, ConfigError},
};

/// Names the product and its version to upstream.
const USER_AGENT: &str = concat!("lionrocket/", env!("CARGO_PKG_VERSION"));

/// A silent connection is asked for a sign of life this often, and given up after this many.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
const KEEP_ALIVE_PROBES: u32 = 5;

/// A Claude model behind the Messages API.
#[derive(Debug)]
pub struct ClaudeModel {
    upstream: Arc<Upstream>,
    model: String,
    facts: Option<ModelFacts>,
}

impl ClaudeModel {
    /// Sets the client up; nothing is sent.
    ///
    /// # Errors
    /// A setting cannot be used; the error says which one and why.
    pub fn new(settings: ClaudeSettings) -> Result<Self, ConfigError> {
        if settings.model.is_empty() {
            return Err(ConfigError::Model);
        }
        let url = settings::messages_url(&settings.base_url)?;
        let mut count_url = url.clone();
        count_url.set_path(&format!("{}/count_tokens", url.path()));
        Ok(Self {
            upstream: Arc::new(Upstream {
                http: client(&settings, &url)?,
                url,
                count_url,
                breaker: Arc::new(Breaker::new(settings.breaker)),
                timeouts: settings.timeouts,
                retries: settings.retries,
            }),
            model: settings.model,
            facts: settings.facts,
        })
    }
}

#[async_trait]
impl LanguageModel for ClaudeModel {
    async fn stream(&self, request: ModelRequest) -> ReplyStream {
        let body = match request::body(&self.model, self.facts.as_ref(), request) {
            Ok(body) => body,
            Err(error) => return Box::pin(stream::iter([Err(error)])),
        };
        // Moved at each item.
        let call = Box::new(Call::new(Arc::clone(&self.upstream), body));
        Box::pin(stream::unfold(call, |mut call| async {
            call.next().await.map(|item| (item, call))
        }))
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<u64, ModelError> {
        let body = request::count_body(&self.model, self.facts.as_ref(), request)?;
        call::count(&self.upstream, body).await
    }

    fn model_id(&self) -> String {
        self.model.clone()
    }
}

fn client(settings: &ClaudeSettings, url: &Url) -> Result<Client, ConfigError> {
    Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers(settings)?)
        // A redirect would carry the key and the conversation to another place.
        .redirect(Policy::none())
        .no_proxy()
        .https_only(url.scheme() == "https")
        .connect_timeout(settings.timeouts.connect)
        .tcp_keepalive(KEEP_ALIVE)
        .tcp_keepalive_interval(KEEP_ALIVE)
        .tcp_keepalive_retries(KEEP_ALIVE_PROBES)
        .build()
        .map_err(ConfigError::Client)
}

fn headers(settings: &ClaudeSettings) -> Result<HeaderMap, ConfigError> {
    let json = HeaderValue::from_static("application/json");
    Ok([
        settings::auth_header(settings.auth_header, &settings.api_key)?,
        (
            HeaderName::from_static(header::VERSION),
            settings::version_header(&settings.api_version)?,
        ),
        (CONTENT_TYPE, json.clone()),
        // What the official libraries send, for streams as well.
        (ACCEPT, json),
        // A compressed stream would have to be unpacked, and comes in larger pieces.
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ]
    .into_iter()
    .collect())
}
