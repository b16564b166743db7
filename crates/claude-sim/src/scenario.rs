//! Faults and special behaviour on request.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use lionrocket_claude_wire::ErrorType;

use crate::failure::{Failure, FailureBody, RetryHeaders};

/// Request header that names a scenario; goes before a trigger in the text.
pub(crate) const HEADER: &str = "x-sim-scenario";
/// Request header that names a run: `times=N` counts separately for each.
pub(crate) const RUN_HEADER: &str = "x-sim-run";

const TEXT_START: &str = "[[sim:";
const TEXT_END: &str = "]]";
/// Counters of `times=N` kept before all are forgotten.
const MAX_COUNTERS: usize = 100_000;

/// What shall happen to a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Scenario {
    /// Nothing out of the ordinary.
    #[default]
    None,
    /// An error instead of an answer.
    Error(Box<ErrorScenario>),
    /// An `error` event.
    MidstreamError { kind: ErrorType, after: usize },
    /// The connection is cut.
    Disconnect { after: usize },
    /// The stream ends without `message_stop`.
    Truncate { after: usize },
    /// An event with broken JSON.
    Malformed { after: usize },
    /// Silence, then the rest.
    Stall { pause: Duration, after: usize },
    /// Other delays than configured.
    Slow {
        first_token: Option<Duration>,
        pace: Option<Duration>,
    },
    /// An event and a delta that no client knows.
    UnknownEvent,
    /// A thinking block before the text.
    Thinking,
    /// A refusal, before any output if `after` is zero.
    Refusal { category: String, after: usize },
    /// The limit is reached early.
    MaxTokens { after: usize },
}

/// An error instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErrorScenario {
    pub(crate) failure: Failure,
    /// How often to fail before succeeding; none is always.
    pub(crate) times: Option<u64>,
    /// Names the counter together with the run.
    pub(crate) spec: String,
    /// Stands in for the run header where a client cannot set one.
    pub(crate) run: Option<String>,
}

/// The keys of a scenario, taken out one by one; what is left over is a mistake.
struct Keys<'a> {
    scenario: &'a str,
    values: HashMap<&'a str, &'a str>,
}

impl<'a> Keys<'a> {
    fn text(&mut self, key: &str) -> Option<&'a str> {
        self.values.remove(key)
    }

    fn parse<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let Some(value) = self.values.remove(key) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| {
            let scenario = self.scenario;
            Failure::invalid(format!(
                "scenario '{scenario}': '{value}' is no value for '{key}'"
            ))
        })
    }

    fn after(&mut self, default: usize) -> Result<usize, Failure> {
        Ok(self.parse("after")?.unwrap_or(default))
    }

    fn millis(&mut self, key: &str) -> Result<Option<Duration>, Failure> {
        Ok(self.parse(key)?.map(Duration::from_millis))
    }

    fn finish(self) -> Result<(), Failure> {
        match self.values.keys().next() {
            Some(key) => Err(Failure::invalid(format!(
                "scenario '{}' has no key '{key}'",
                self.scenario
            ))),
            None => Ok(()),
        }
    }
}

/// Deltas before a mid-stream fault when the scenario does not say.
const DEFAULT_AFTER: usize = 2;

impl Scenario {
    /// Finds the trigger in a text.
    pub(crate) fn in_text(text: &str) -> Result<Option<Self>, Failure> {
        let Some((_, rest)) = text.split_once(TEXT_START) else {
            return Ok(None);
        };
        match rest.split_once(TEXT_END) {
            Some((spec, _)) => Self::parse(spec).map(Some),
            None => Err(Failure::invalid(
                "a scenario that begins with [[sim: must end with ]]",
            )),
        }
    }

    /// Reads `NAME;key=value…`.
    pub(crate) fn parse(spec: &str) -> Result<Self, Failure> {
        let mut parts = spec
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let name = parts.next().unwrap_or_default();
        let mut values = HashMap::new();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                Failure::invalid(format!("scenario '{name}': '{part}' is not key=value"))
            })?;
            values.insert(key.trim(), value.trim());
        }
        let mut keys = Keys {
            scenario: name,
            values,
        };
        let scenario = Self::read(name, spec, &mut keys)?;
        keys.finish()?;
        Ok(scenario)
    }

    fn read(name: &str, spec: &str, keys: &mut Keys<'_>) -> Result<Self, Failure> {
        Ok(match name {
            "error" => Self::Error(Box::new(ErrorScenario::read(spec, keys)?)),
            "midstream-error" => Self::MidstreamError {
                kind: keys.text("type").unwrap_or("overloaded_error").into(),
                after: keys.after(DEFAULT_AFTER)?,
            },
            "disconnect" => Self::Disconnect {
                after: keys.after(DEFAULT_AFTER)?,
            },
            "truncate" => Self::Truncate {
                after: keys.after(DEFAULT_AFTER)?,
            },
            "malformed" => Self::Malformed {
                after: keys.after(DEFAULT_AFTER)?,
            },
            "stall" => Self::Stall {
                pause: keys.millis("ms")?.unwrap_or(Duration::from_mins(1)),
                after: keys.after(DEFAULT_AFTER)?,
            },
            "slow" => Self::Slow {
                first_token: keys.millis("ttft-ms")?,
                pace: keys.millis("itl-ms")?,
            },
            "unknown-event" => Self::UnknownEvent,
            "thinking" => Self::Thinking,
            "refusal" => Self::Refusal {
                category: keys.text("category").unwrap_or("general_harms").to_owned(),
                after: keys.after(0)?,
            },
            "max-tokens" => Self::MaxTokens {
                after: keys.after(DEFAULT_AFTER)?,
            },
            _ => {
                return Err(Failure::invalid(format!(
                    "unknown scenario '{name}'; known are error, midstream-error, disconnect, truncate, malformed, \
                     stall, slow, unknown-event, thinking, refusal, max-tokens"
                )));
            }
        })
    }
}

impl ErrorScenario {
    fn read(spec: &str, keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let status: u16 = keys.parse("status")?.unwrap_or(500);
        if !(400..=599).contains(&status) {
            return Err(Failure::invalid(format!(
                "scenario 'error': '{status}' is no error status"
            )));
        }
        let kind = match keys.text("type") {
            Some(kind) => kind.into(),
            None => ErrorType::from_status(status),
        };
        let message = keys.text("message").unwrap_or(match status {
            529 => "Overloaded",
            429 => "This request would exceed your organization's rate limit.",
            500 => "Internal server error",
            _ => "Simulated error",
        });
        let body = match keys.text("body") {
            None | Some("json") => FailureBody::Json,
            Some("html") => FailureBody::Html,
            Some("empty") => FailureBody::Empty,
            Some(other) => {
                return Err(Failure::invalid(format!(
                    "scenario 'error': '{other}' is no body; known are json, html, empty"
                )));
            }
        };
        let mut failure = Failure::new(status, kind, message)
            .with_code(keys.text("code").map(str::to_owned))
            .with_body(body);
        failure.retry = Some(Box::new(RetryHeaders {
            after: keys.text("retry-after").map(str::to_owned),
            after_ms: keys.text("retry-after-ms").map(str::to_owned),
            should: keys.parse("should-retry")?,
        }));
        Ok(Self {
            failure,
            times: keys.parse("times")?,
            spec: spec.to_owned(),
            run: keys.text("run").map(str::to_owned),
        })
    }
}

/// How often each scenario with `times=N` has failed.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    failed: Mutex<HashMap<(String, String), u64>>,
}

impl Counters {
    /// Decides whether a request fails, and counts it if it is one of the first `times` of its run.
    pub(crate) fn fails(&self, scenario: &ErrorScenario, run: Option<&str>) -> bool {
        let Some(times) = scenario.times else {
            return true;
        };
        let run = run.or(scenario.run.as_deref()).unwrap_or_default();
        let mut failed = crate::lock(&self.failed);
        if failed.len() >= MAX_COUNTERS {
            failed.clear();
        }
        let count = failed
            .entry((run.to_owned(), scenario.spec.clone()))
            .or_default();
        *count += 1;
        *count <= times
    }

    /// Starts counting anew.
    pub(crate) fn reset(&self) {
        crate::lock(&self.failed).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_found_inside_a_text() {
        assert_eq!(
            Scenario::in_text("등대 [[sim:stall; ms=5 ;after=0]] 이야기").unwrap(),
            Some(Scenario::Stall {
                pause: Duration::from_millis(5),
                after: 0
            })
        );
        assert_eq!(Scenario::in_text("[sim:stall]").unwrap(), None);
        assert!(Scenario::in_text("[[sim:stall").is_err());
    }

    #[test]
    fn unknown_names_keys_and_values_are_explained() {
        for (spec, word) in [
            ("storm", "storm"),
            ("stall;minutes=1", "minutes"),
            ("stall;ms=soon", "soon"),
            ("stall;ms", "key=value"),
            ("error;status=200", "200"),
            ("error;body=xml", "xml"),
        ] {
            let failure = Scenario::parse(spec).unwrap_err();
            assert!(failure.error.message.contains(word), "{spec}: {failure:?}");
        }
    }

    #[test]
    fn failures_are_counted_for_each_run() {
        let counters = Counters::default();
        let Scenario::Error(error) = Scenario::parse("error;status=529;times=2").unwrap() else {
            panic!("not an error")
        };
        let outcomes = |run| [0; 3].map(|_| counters.fails(&error, run));
        assert_eq!(outcomes(Some("a")), [true, true, false]);
        assert_eq!(outcomes(Some("b")), [true, true, false]);
        counters.reset();
        assert_eq!(outcomes(Some("a")), [true, true, false]);
    }
}
