//! How long to wait before another attempt.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use lionrocket_claude_wire::header;
use reqwest::header::{DATE, HeaderMap};

use crate::settings::Retries;

/// Our own wait before another attempt. `luck` is from 0 up to 1 and takes up to a quarter off, so
/// that many callers do not come back at the same moment.
pub(crate) fn backoff(retries: &Retries, retries_made: u32, luck: f64) -> Duration {
    let doubled = retries
        .base
        .saturating_mul(2_u32.saturating_pow(retries_made));
    doubled.min(retries.cap).mul_f64(1.0 - 0.25 * luck)
}

/// The wait that upstream asks for; zero when it asks for none or for another attempt right now.
pub(crate) fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok();
    let millis = text(header::RETRY_AFTER_MS)
        .and_then(number)
        .and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok());
    if millis.is_some() {
        return millis;
    }
    let after = text(header::RETRY_AFTER)?;
    match number(after) {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => until(after, text(DATE.as_str())?),
    }
}

/// The time from one HTTP date to another. Measuring by upstream's own clock spares us ours, which
/// may differ.
fn until(then: &str, now: &str) -> Option<Duration> {
    let parser = DateTimeParser::new();
    let then = parser.parse_timestamp(then).ok()?;
    let now = parser.parse_timestamp(now).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|&(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        asked_for(&headers)
    }

    #[test]
    fn waits_double_up_to_a_cap_and_lose_at_most_a_quarter() {
        let retries = Retries::default();
        let seconds = |made, luck| backoff(&retries, made, luck).as_secs_f64();
        let longest: Vec<f64> = (0..6).map(|made| seconds(made, 0.0)).collect();
        assert_eq!(longest, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]);
        assert!((seconds(1, 1.0) - 0.75).abs() < 1e-9);
        assert!((seconds(u32::MAX, 0.5) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn milliseconds_go_before_seconds() {
        assert_eq!(
            wait(&[("retry-after", "9"), ("retry-after-ms", "1500")]),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            wait(&[("retry-after", "2.5")]),
            Some(Duration::from_millis(2500))
        );
        assert_eq!(wait(&[("retry-after", "0")]), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_is_measured_from_the_date_of_the_answer() {
        let now = ("date", "Sun, 22 Nov 2026 22:21:14 GMT");
        let at = |then| wait(&[now, ("retry-after", then)]);
        assert_eq!(
            at("Sun, 22 Nov 2026 22:22:00 GMT"),
            Some(Duration::from_secs(46))
        );
        assert_eq!(at("Sun, 22 Nov 2026 22:21:00 GMT"), Some(Duration::ZERO));
        assert_eq!(
            wait(&[("retry-after", "Sun, 22 Nov 2026 22:22:00 GMT")]),
            None
        );
    }

    #[test]
    fn nonsense_is_no_wish() {
        for value in ["", "soon", "-3", "NaN", "inf", "1e300"] {
            assert_eq!(wait(&[("retry-after", value)]), None, "{value:?}");
        }
        assert_eq!(wait(&[]), None);
        assert_eq!(
            wait(&[("retry-after-ms", "x"), ("retry-after", "3")]),
            Some(Duration::from_secs(3))
        );
    }
}
