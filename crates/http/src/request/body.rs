//! Reading JSON bodies within bounds of size and time.

use std::time::Duration;

use actix_web::{HttpMessage, dev::Payload, web::BytesMut};
use futures_util::StreamExt;

use super::{
    Call, Fields,
    json::{Document, Members},
};
use crate::{
    ServiceInfo,
    problem::{Code, Problem, Wrong},
};

/// How long a body may take. The web server itself never ends a slow one.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A body of JSON. What the type holds is checked.
pub(crate) trait RequestBody: Sized {
    /// The largest body.
    const MAX_BYTES: usize = 16 * 1024;

    /// Takes the fields it knows. `None` when one is not right; the fields note why.
    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self>;
}

impl Call {
    /// Reads the body.
    pub(crate) async fn body<T: RequestBody>(&mut self) -> Result<T, Problem> {
        self.check_content_type()?;
        let bytes = tokio::time::timeout(BODY_DEADLINE, read(&mut self.payload, T::MAX_BYTES))
            .await
            .map_err(|_| Problem::new(Code::RequestTimeout))??;
        match serde_json::from_slice(&bytes) {
            Ok(Document::Object(members)) => parse(members, &self.state().info),
            Ok(Document::Other) => Err(Problem::invalid_at(
                "",
                Wrong::new("wrong_type", "must be an object"),
            )),
            Err(_) => Err(Problem::new(Code::MalformedJson)),
        }
    }

    fn check_content_type(&self) -> Result<(), Problem> {
        let is_json = self
            .request
            .content_type()
            .eq_ignore_ascii_case("application/json");
        let is_utf8 = self
            .request
            .encoding()
            .is_ok_and(|encoding| encoding.name() == "UTF-8");
        if is_json && is_utf8 {
            Ok(())
        } else {
            Err(Problem::new(Code::UnsupportedMediaType))
        }
    }
}

fn parse<T: RequestBody>(members: Members, info: &ServiceInfo) -> Result<T, Problem> {
    Fields::of_body(members).read(|fields| T::read(fields, info))
}

/// Reads at most `max_bytes`, counted as they come, whatever the client announced.
async fn read(payload: &mut Payload, max_bytes: usize) -> Result<BytesMut, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::BadRequest))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(Problem::new(Code::PayloadTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
