//! Strong entity tags: `"<version>-<hash of the answer>"`.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName},
    },
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Call;
use crate::problem::{Code, Problem};

/// The tag of an answer: the version for changes, the hash for everything else in it.
pub(crate) fn tag_of(version: i64, body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let short = hex_of(&hash, 8);
    format!("\"{version}-{short}\"")
}

/// The first bytes of a hash as hexadecimal digits.
pub(crate) fn hex_of(hash: &[u8], bytes: usize) -> String {
    hex::encode(hash.get(..bytes).unwrap_or(hash))
}

/// The items of all headers of a name.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Whether the client has this very answer already.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    list(headers, &header::IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

impl Call {
    /// Answers with one resource and its tag, or with 304 when the client has it already.
    pub(crate) fn resource<T: Serialize>(
        &self,
        version: i64,
        view: &T,
    ) -> Result<HttpResponse, Problem> {
        self.tagged(view, |body| tag_of(version, body))
    }

    fn tagged<T: Serialize>(
        &self,
        view: &T,
        tag: impl FnOnce(&[u8]) -> String,
    ) -> Result<HttpResponse, Problem> {
        let body = serde_json::to_vec(view).map_err(|error| {
            tracing::error!(%error, "an answer could not be written as JSON");
            Problem::new(Code::Internal)
        })?;
        let tag = tag(&body);
        let is_read = self.request.method().is_safe();
        if is_read && is_known(self.request.headers(), &tag) {
            return Ok(HttpResponse::build(StatusCode::NOT_MODIFIED)
                .insert_header((header::ETAG, tag))
                .finish());
        }
        Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, tag))
            .content_type("application/json")
            .body(body))
    }

    /// Answers with a page of a list and its tag, or with 304 when the client has this page already.
    pub(crate) fn list<T: Serialize>(&self, view: &T) -> Result<HttpResponse, Problem> {
        self.tagged(view, |body| {
            format!("\"{}\"", hex_of(&Sha256::digest(body), 8))
        })
    }

    /// The version that the client wants to change; `None` for any. The hash of a tag is not
    /// looked at: what it stands for beside the version (a running turn, say) does not hinder a
    /// change. The version alone, `"3"`, will do as well.
    pub(crate) fn expected_version(&self) -> Result<Option<i64>, Problem> {
        let headers = self.request.headers();
        let mut versions = list(headers, &header::IF_MATCH);
        let stale = || Problem::new(Code::PreconditionFailed);
        match (versions.next(), versions.next()) {
            (None, _) if headers.contains_key(header::IF_MATCH) => Err(stale()),
            (None, _) | (Some("*"), None) => Ok(None),
            (Some(tag), None) => version_of(tag).map(Some).ok_or_else(stale),
            // One of several versions cannot be told to the store. No client has a reason to ask.
            (Some(_), Some(_)) => Err(stale()),
        }
    }
}

/// The version in a strong tag of ours.
fn version_of(tag: &str) -> Option<i64> {
    let inside = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (version, hash) = inside.split_once('-').unwrap_or((inside, ""));
    let is_ours = hash.len() <= 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| super::whole_id(version)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gives_its_version_back() {
        assert_eq!(version_of(&tag_of(7, b"{}")), Some(7));
        assert_eq!(version_of("\"7\""), Some(7));
        for bad in [
            "7",
            "W/\"7\"",
            "\"\"",
            "\"-7\"",
            "\"7-xyz\"",
            "\"seven\"",
            "\"07\"",
        ] {
            assert_eq!(version_of(bad), None, "{bad}");
        }
    }
}
