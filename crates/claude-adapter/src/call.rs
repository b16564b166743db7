//! One reply: attempts, the waits between them, and the stream of the one that is accepted.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use lionrocket_claude_wire::TokenCount;
use lionrocket_ports::model::{ModelError, ModelEvent};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap},
};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    breaker::{Breaker, Pass, Sign},
    failure::{Failure, Fault, Retry, request_id},
    reader::Reader,
    settings::{Retries, Timeouts},
    waits,
};

/// As much of an error's body as is looked at. Real ones are far shorter.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A person waits for the count before their message is taken.
const COUNT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all calls of one model share.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) http: Client,
    pub(crate) url: Url,
    pub(crate) count_url: Url,
    pub(crate) timeouts: Timeouts,
    pub(crate) retries: Retries,
    pub(crate) breaker: Arc<Breaker>,
}

/// A reply in the making.
pub(crate) struct Call {
    upstream: Arc<Upstream>,
    body: Bytes,
    deadline: Instant,
    retries_made: u32,
    /// Upstream's name for the last attempt.
    request_id: Option<String>,
    /// Leave for the attempt that runs, until it has shown whether the service works.
    pass: Option<Pass>,
    state: State,
}

enum State {
    /// The next attempt comes after this time.
    Waiting(Duration),
    Reading(Box<Reader>),
    Over,
}

impl Call {
    /// Begins a call; nothing is sent yet.
    pub(crate) fn new(upstream: Arc<Upstream>, body: Vec<u8>) -> Self {
        Self {
            deadline: Instant::now() + upstream.timeouts.total,
            upstream,
            body: body.into(),
            retries_made: 0,
            request_id: None,
            pass: None,
            state: State::Waiting(Duration::ZERO),
        }
    }

    /// What happens next; `None` when the call is over.
    pub(crate) async fn next(&mut self) -> Option<Result<ModelEvent, ModelError>> {
        if let State::Waiting(wait) = self.state {
            sleep(wait).await;
            match self.upstream.breaker.admit() {
                Ok(pass) => self.pass = Some(pass),
                Err(error) => {
                    self.state = State::Over;
                    return Some(Err(error));
                }
            }
            match self.attempt().await {
                Ok(reader) => self.state = State::Reading(Box::new(reader)),
                Err(failure) => return Some(self.retry_or_end(failure)),
            }
        }
        let State::Reading(reader) = &mut self.state else {
            return None;
        };
        match reader.next().await {
            Ok(mut event) => {
                match &mut event {
                    ModelEvent::Started { request_id, .. } => {
                        request_id.clone_from(&self.request_id);
                    }
                    ModelEvent::Text(_) => self.tell(Sign::Up),
                    ModelEvent::Finished { .. } => {
                        self.state = State::Over;
                        self.tell(Sign::Up);
                    }
                    ModelEvent::Retrying(_) => {}
                }
                Some(Ok(event))
            }
            Err(failure) => Some(self.retry_or_end(failure)),
        }
    }

    /// Sends the request and checks the answer's head.
    async fn attempt(&mut self) -> Result<Reader, Failure> {
        self.request_id = None;
        let Upstream { timeouts, .. } = *self.upstream;
        let due = (Instant::now() + timeouts.first_event).min(self.deadline);
        let sending = self.upstream.http.post(self.upstream.url.clone());
        let response = timeout_at(due, sending.body(self.body.clone()).send())
            .await
            .map_err(|_| Failure::no_answer())?
            .map_err(Failure::from_connection)?;
        self.request_id = request_id(response.headers()).map(str::to_owned);
        let status = response.status();
        if status != StatusCode::OK {
            let headers = response.headers().clone();
            let body = error_body(response, due).await;
            return Err(Failure::from_answer(status, &headers, &body));
        }
        tracing::info!(
            request_id = self.request_id.as_deref(),
            "upstream took a request"
        );
        if !is_event_stream(response.headers()) {
            return Err(Failure::unreadable(Fault::Protocol(
                "upstream sent something else than a plain event stream",
            )));
        }
        Ok(Reader::new(
            response,
            due,
            timeouts.between_events,
            self.deadline,
        ))
    }

    /// Goes on with another attempt, if that may help and there are attempts and time left.
    fn retry_or_end(&mut self, failure: Failure) -> Result<ModelEvent, ModelError> {
        self.tell(failure.sign(self.upstream.retries.max_retry_after));
        let wait = self.wait_for(failure.retry);
        self.log(&failure, wait);
        let Some(wait) = wait else {
            self.state = State::Over;
            return Err(failure.error);
        };
        self.retries_made += 1;
        self.state = State::Waiting(wait);
        Ok(ModelEvent::Retrying(wait))
    }

    /// Tells the breaker what the attempt has shown first.
    fn tell(&mut self, sign: Sign) {
        if let Some(pass) = self.pass.take() {
            pass.tell(sign);
        }
    }

    fn log(&self, failure: &Failure, wait: Option<Duration>) {
        tracing::warn!(
            request_id = self.request_id.as_deref(),
            failure = failure.error.failure().code(),
            cause = failure.error.source().map(tracing::field::display),
            retries_made = self.retries_made,
            retry_in = wait.map(tracing::field::debug),
            "a request to upstream failed"
        );
    }

    fn wait_for(&self, retry: Retry) -> Option<Duration> {
        let retries = &self.upstream.retries;
        let wait = match retry {
            Retry::Never => return None,
            Retry::Backoff => waits::backoff(retries, self.retries_made, rand::random()),
            Retry::After(wait) if wait > retries.max_retry_after => return None,
            Retry::After(wait) => wait,
        };
        let in_time = Instant::now() + wait < self.deadline;
        (self.retries_made < retries.max && in_time).then_some(wait)
    }
}

/// Asks how many tokens a request has, once.
pub(crate) async fn count(upstream: &Upstream, body: Vec<u8>) -> Result<u64, ModelError> {
    let due = Instant::now() + COUNT_TIMEOUT.min(upstream.timeouts.first_event);
    let sending = upstream.http.post(upstream.count_url.clone()).body(body);
    let response = timeout_at(due, sending.send())
        .await
        .map_err(|_| Failure::no_answer().error)?
        .map_err(|error| Failure::from_connection(error).error)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = error_body(response, due).await;
    if status != StatusCode::OK {
        return Err(Failure::from_answer(status, &headers, &body).error);
    }
    let count: TokenCount = serde_json::from_slice(&body)
        .map_err(|error| Failure::unreadable(Fault::json(&error)).error)?;
    Ok(count.input_tokens)
}

/// Whether the body can be read. A compressed one would only look like an end without a reply.
fn is_event_stream(headers: &HeaderMap) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    let is_plain = headers
        .get(CONTENT_ENCODING)
        .is_none_or(|coding| coding == "identity");
    is_plain
        && headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.as_bytes().get(..EVENT_STREAM.len()))
            .is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM))
}

/// The beginning of an error's body, as far as it comes in time. Without it the status has to do.
async fn error_body(mut response: Response, due: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BYTES
        && let Ok(Ok(Some(bytes))) = timeout_at(due, response.chunk()).await
    {
        body.extend_from_slice(&bytes);
    }
    body
}
