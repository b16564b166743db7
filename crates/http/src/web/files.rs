//! Answering with a file.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
};
use bytes::Bytes;

use crate::request::is_known;

/// A file in one of its encodings.
#[derive(Clone)]
pub(super) struct File {
    pub(super) bytes: Bytes,
    pub(super) content_type: String,
    /// `br` or `gzip`; `None` for the plain file.
    pub(super) encoding: Option<&'static str>,
    /// What tells this content from any other, encoding included.
    pub(super) hash: String,
    pub(super) cache_control: &'static str,
}

impl File {
    /// Answers with the file, or with 304 when the client has it already.
    pub(super) fn respond(self, request: &HttpRequest) -> HttpResponse {
        let tag = format!("\"{}\"", self.hash);
        if is_known(request.headers(), &tag) {
            return HttpResponse::NotModified()
                .insert_header((header::ETAG, tag))
                .insert_header((header::CACHE_CONTROL, self.cache_control))
                .insert_header((header::VARY, "Accept-Encoding"))
                .finish();
        }
        let mut response = HttpResponse::Ok();
        response
            .content_type(self.content_type)
            .insert_header((header::ETAG, tag))
            .insert_header((header::CACHE_CONTROL, self.cache_control))
            .insert_header((header::VARY, "Accept-Encoding"));
        if let Some(encoding) = self.encoding {
            response.insert_header((header::CONTENT_ENCODING, encoding));
        }
        response.body(self.bytes)
    }
}

/// Shares bytes that are part of the program instead of copying them.
pub(super) fn shared(bytes: Cow<'static, [u8]>) -> Bytes {
    match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

/// The media type of a file by its name.
pub(super) fn content_type(name: &str) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    if guess.type_() == mime_guess::mime::TEXT {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_string()
    }
}

/// Whether the client takes an encoding.
pub(super) fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let items = headers
        .get_all(header::ACCEPT_ENCODING)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for item in items {
        let mut parts = item.split(';').map(str::trim);
        if parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding))
        {
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            return weight
                .is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        }
    }
    false
}
