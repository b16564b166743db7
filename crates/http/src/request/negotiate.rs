//! Which form of an answer the client wants.

use actix_web::http::header::{self, HeaderMap, HeaderName};

use super::Call;
use crate::problem::{Code, Problem};

/// The form of the answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyForm {
    /// Wait, then everything as JSON.
    Json,
    /// Events as they come.
    EventStream,
    /// The turn at once, without waiting.
    Accepted,
}

impl Call {
    /// Chooses by `Prefer` and `Accept`.
    pub(crate) fn reply_form(&self) -> Result<ReplyForm, Problem> {
        reply_form(self.request.headers()).ok_or_else(|| Problem::new(Code::NotAcceptable))
    }

    /// Whether the client wants a table as CSV rather than JSON.
    pub(crate) fn wants_csv(&self) -> Result<bool, Problem> {
        wants_csv(self.request.headers()).ok_or_else(|| Problem::new(Code::NotAcceptable))
    }

    /// Checks that the client takes events.
    pub(crate) fn accepts_events(&self) -> Result<(), Problem> {
        let headers = self.request.headers();
        if !headers.contains_key(header::ACCEPT)
            || quality(headers, "text", "event-stream").is_some()
        {
            Ok(())
        } else {
            Err(Problem::new(Code::NotAcceptable))
        }
    }
}

fn reply_form(headers: &HeaderMap) -> Option<ReplyForm> {
    let json = quality(headers, "application", "json");
    let events = quality(headers, "text", "event-stream");
    if !headers.contains_key(header::ACCEPT) || json.is_some() {
        if prefers_async(headers) {
            return Some(ReplyForm::Accepted);
        }
        if events <= json || events.is_none() {
            return Some(ReplyForm::Json);
        }
    }
    events.map(|_| ReplyForm::EventStream)
}

fn wants_csv(headers: &HeaderMap) -> Option<bool> {
    let json = quality(headers, "application", "json");
    let csv = quality(headers, "text", "csv");
    if !headers.contains_key(header::ACCEPT) {
        return Some(false);
    }
    (json.is_some() || csv.is_some()).then_some(csv > json)
}

fn prefers_async(headers: &HeaderMap) -> bool {
    const PREFER: HeaderName = HeaderName::from_static("prefer");
    headers
        .get_all(PREFER)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

/// How much the client wants a media type: specificity of the range that decides, then its quality
/// in thousandths. `None` when it does not take it.
fn quality(headers: &HeaderMap, kind: &str, subtype: &str) -> Option<(u32, u8)> {
    let ranges = headers
        .get_all(header::ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut best: Option<(u8, u32)> = None;
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let Some((range_kind, range_subtype)) = parts.next().and_then(|name| name.split_once('/'))
        else {
            continue;
        };
        let specificity = match (range_kind, range_subtype) {
            ("*", "*") => 0,
            (range_kind, "*") if range_kind.eq_ignore_ascii_case(kind) => 1,
            (range_kind, range_subtype)
                if range_kind.eq_ignore_ascii_case(kind)
                    && range_subtype.eq_ignore_ascii_case(subtype) =>
            {
                2
            }
            _ => continue,
        };
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1000, thousandths);
        if best.is_none_or(|(known, _)| specificity > known) {
            best = Some((specificity, weight));
        }
    }
    best.filter(|(_, weight)| *weight > 0)
        .map(|(specificity, weight)| (weight, specificity))
}

/// A weight such as `0.8` in thousandths; 0 when it is none.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{fraction:0<3}");
    match (
        whole,
        digits.get(..3).and_then(|digits| digits.parse().ok()),
    ) {
        ("1", Some(_)) => 1000,
        ("0", Some(fraction)) => fraction,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderValue};

    use super::*;

    fn form(accept: &str, prefer: Option<&'static str>) -> Option<ReplyForm> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        if let Some(prefer) = prefer {
            headers.insert(
                HeaderName::from_static("prefer"),
                HeaderValue::from_static(prefer),
            );
        }
        reply_form(&headers)
    }

    #[test]
    fn accept_chooses_between_json_and_events() {
        for (accept, expected) in [
            ("*/*", Some(ReplyForm::Json)),
            ("application/json", Some(ReplyForm::Json)),
            ("application/*", Some(ReplyForm::Json)),
            ("text/event-stream", Some(ReplyForm::EventStream)),
            ("text/event-stream, */*;q=0.1", Some(ReplyForm::EventStream)),
            (
                "text/event-stream;q=0.5, application/json",
                Some(ReplyForm::Json),
            ),
            ("application/json, text/plain, */*", Some(ReplyForm::Json)),
            ("text/event-stream, */*", Some(ReplyForm::EventStream)),
            (
                "application/json;q=0, text/event-stream",
                Some(ReplyForm::EventStream),
            ),
            ("text/html", None),
            ("application/json;q=0", None),
            ("nonsense", None),
        ] {
            assert_eq!(form(accept, None), expected, "{accept}");
        }
        assert_eq!(reply_form(&HeaderMap::new()), Some(ReplyForm::Json));
    }

    #[test]
    fn a_table_comes_as_csv_only_to_those_who_would_rather_have_it() {
        for (accept, expected) in [
            ("*/*", Some(false)),
            ("text/csv", Some(true)),
            ("text/*", Some(true)),
            ("text/csv, */*;q=0.1", Some(true)),
            ("text/csv;q=0.5, application/json", Some(false)),
            ("text/csv, application/json", Some(false)),
            ("text/html", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            assert_eq!(wants_csv(&headers), expected, "{accept}");
        }
        assert_eq!(wants_csv(&HeaderMap::new()), Some(false));
    }

    #[test]
    fn a_preference_for_an_answer_at_once_beats_waiting() {
        assert_eq!(
            form("*/*", Some("respond-async, wait=5")),
            Some(ReplyForm::Accepted)
        );
        assert_eq!(
            form("text/event-stream", Some("respond-async")),
            Some(ReplyForm::EventStream)
        );
        assert_eq!(form("*/*", Some("return=minimal")), Some(ReplyForm::Json));
    }
}
