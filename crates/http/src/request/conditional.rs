//! Strong entity tags: `"<version>-<hash of the answer>"`.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName},
        uri::PathAndQuery,
    },
};
use lionrocket_domain::access::Actor;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Call;
use crate::{
    answers::{Question, Tagged},
    problem::{Code, Problem},
};

/// The tag of an answer: the version for changes, the hash for everything else in it.
pub(crate) fn tag_of(version: i64, body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let short = hex_of(&hash, 8);
    format!("\"{version}-{short}\"")
}

/// The tag of a page of a list.
fn list_tag(body: &[u8]) -> String {
    format!("\"{}\"", hex_of(&Sha256::digest(body), 8))
}

/// Writes an answer as JSON, and its tag.
fn tagged<T: Serialize>(view: &T, tag: impl FnOnce(&[u8]) -> String) -> Result<Tagged, Problem> {
    let body = serde_json::to_vec(view).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Problem::new(Code::Internal)
    })?;
    Ok(Tagged {
        tag: tag(&body),
        body: body.into(),
    })
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
        Ok(self.tell(tagged(view, |body| tag_of(version, body))?))
    }

    /// Answers with a page of a list and its tag, or with 304 when the client has this page already.
    pub(crate) fn list<T: Serialize>(&self, view: &T) -> Result<HttpResponse, Problem> {
        Ok(self.tell(tagged(view, list_tag)?))
    }

    /// The same for a page about nothing but the chats of the person who asks. While nothing is
    /// written that concerns them, it is not read again.
    pub(crate) async fn list_of_own_chats<T: Serialize>(
        &self,
        actor: Actor,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<HttpResponse, Problem> {
        let answers = &self.state().answers;
        let target = self.request.uri().path_and_query();
        let question = Question::new(
            actor.user_id,
            target.map_or_else(|| self.request.path(), PathAndQuery::as_str),
        );
        let moment = answers.moment(actor.user_id);
        if let Some(answer) = answers.recall(&question, moment) {
            return Ok(self.tell(answer));
        }
        let answer = tagged(&read.await?, list_tag)?;
        answers.remember(question, moment, answer.clone());
        Ok(self.tell(answer))
    }

    /// Answers, or says that the client has this very answer already.
    fn tell(&self, Tagged { tag, body }: Tagged) -> HttpResponse {
        let is_read = self.request.method().is_safe();
        if is_read && is_known(self.request.headers(), &tag) {
            return HttpResponse::build(StatusCode::NOT_MODIFIED)
                .insert_header((header::ETAG, tag))
                .finish();
        }
        HttpResponse::Ok()
            .insert_header((header::ETAG, tag))
            .content_type("application/json")
            .body(body)
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
