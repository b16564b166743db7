//! A streamed answer as a list of steps: pure, so that every ending can be read in one place.

use std::time::Duration;

use lionrocket_claude_wire::stream::MessageEnd;
use lionrocket_claude_wire::{ApiError, ContentBlock, Delta, StreamEvent, Usage};
use serde::Serialize;

use crate::answer::Answer;
use crate::scenario::Scenario;

/// Real time between the parts of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timing {
    /// Before the answer begins.
    pub(crate) first_token: Duration,
    /// Before each text delta but the first.
    pub(crate) pace: Duration,
}

impl Timing {
    /// Returns the timing that the scenario asks for instead.
    pub(crate) fn under(self, scenario: &Scenario) -> Self {
        match scenario {
            Scenario::Slow { first_token, pace } => Self {
                first_token: first_token.unwrap_or(self.first_token),
                pace: pace.unwrap_or(self.pace),
            },
            _ => self,
        }
    }
}

/// One step of a streamed answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing is sent for a while; what was sent before goes out.
    Wait(Duration),
    /// The answer begins: it is charged from here on, and its cache entries can be read.
    Begin,
    /// Bytes of the stream.
    Send(String),
    /// So many output tokens are generated.
    Generated(u64),
    /// The answer is whole.
    Complete,
    /// The connection is cut.
    Abort,
}

/// Writes one event.
fn event(name: &str, data: &impl Serialize) -> Step {
    let data = serde_json::to_string(data).unwrap_or_default();
    Step::Send(format!("event: {name}\ndata: {data}\n\n"))
}

struct Script<'a> {
    answer: &'a Answer,
    scenario: &'a Scenario,
    steps: Vec<Step>,
    blocks: u64,
}

/// Writes the steps of a streamed answer.
pub(crate) fn write(answer: &Answer, scenario: &Scenario, timing: Timing) -> Vec<Step> {
    let mut script = Script {
        answer,
        scenario,
        steps: Vec::new(),
        blocks: 0,
    };
    script.wait(timing.first_token);
    script.steps.push(Step::Begin);
    script.send(&StreamEvent::MessageStart {
        message: answer.start(),
    });
    script.thinking();
    if script.text(timing.pace) {
        script.end();
    }
    script.steps
}

impl Script<'_> {
    fn send(&mut self, event_data: &StreamEvent) {
        self.steps.push(event(event_data.name(), event_data));
    }

    fn wait(&mut self, time: Duration) {
        if !time.is_zero() {
            self.steps.push(Step::Wait(time));
        }
    }

    fn start_block(&mut self, content_block: ContentBlock) -> u64 {
        let index = self.blocks;
        self.blocks += 1;
        self.send(&StreamEvent::ContentBlockStart {
            index,
            content_block,
        });
        if index == 0 {
            self.send(&StreamEvent::Ping);
        }
        index
    }

    fn delta(&mut self, index: u64, delta: Delta) {
        self.send(&StreamEvent::ContentBlockDelta { index, delta });
    }

    fn thinking(&mut self) {
        let Some(thinking) = &self.answer.thinking else {
            return;
        };
        let index = self.start_block(ContentBlock::Thinking {
            thinking: String::new(),
            signature: String::new(),
        });
        if let Some(summary) = thinking.summary {
            self.delta(
                index,
                Delta::Thinking {
                    thinking: summary.to_owned(),
                },
            );
        }
        self.delta(
            index,
            Delta::Signature {
                signature: thinking.signature.clone(),
            },
        );
        self.steps.push(Step::Generated(thinking.tokens));
        self.send(&StreamEvent::ContentBlockStop { index });
    }

    /// Writes the text block. Returns whether the stream goes on after it.
    fn text(&mut self, pace: Duration) -> bool {
        if self.answer.pieces.is_empty() {
            return self.fault();
        }
        let index = self.start_block(ContentBlock::Text {
            text: String::new(),
        });
        // A fault that should come after more deltas than there are comes after the last one.
        let fault_at = self
            .fault_at()
            .map(|after| after.min(self.answer.pieces.len()));
        for (at, piece) in self.answer.pieces.iter().enumerate() {
            if fault_at == Some(at) && !self.fault() {
                return false;
            }
            if at > 0 {
                self.wait(pace);
            }
            self.delta(
                index,
                Delta::Text {
                    text: piece.text.clone(),
                },
            );
            self.steps.push(Step::Generated(piece.output_tokens));
        }
        if fault_at == Some(self.answer.pieces.len()) && !self.fault() {
            return false;
        }
        self.send(&StreamEvent::ContentBlockStop { index });
        true
    }

    /// Says after how many text deltas the fault comes, if there is one.
    fn fault_at(&self) -> Option<usize> {
        match self.scenario {
            Scenario::MidstreamError { after, .. }
            | Scenario::Disconnect { after }
            | Scenario::Truncate { after }
            | Scenario::Malformed { after }
            | Scenario::Stall { after, .. } => Some(*after),
            Scenario::UnknownEvent => Some(1),
            _ => None,
        }
    }

    /// Writes the fault. Returns whether the stream goes on after it.
    fn fault(&mut self) -> bool {
        match self.scenario {
            Scenario::MidstreamError { kind, .. } => {
                let error = ApiError {
                    kind: kind.clone(),
                    message: error_message(kind.as_str()).to_owned(),
                    details: None,
                };
                self.send(&StreamEvent::Error {
                    error,
                    request_id: None,
                });
                false
            }
            Scenario::Disconnect { .. } => {
                self.steps.push(Step::Abort);
                false
            }
            Scenario::Truncate { .. } => false,
            Scenario::Malformed { .. } => {
                let broken = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"del\n\n";
                self.steps.push(Step::Send(broken.to_owned()));
                true
            }
            Scenario::Stall { pause, .. } => {
                self.wait(*pause);
                true
            }
            Scenario::UnknownEvent => {
                let news = serde_json::json!({"type": "sim_weather", "sky": "clear"});
                self.steps.push(event("sim_weather", &news));
                let index = self.blocks.saturating_sub(1);
                let smell = serde_json::json!({"type": "content_block_delta", "index": index,
                    "delta": {"type": "sim_smell_delta", "smell": "sea"}});
                self.steps.push(event("content_block_delta", &smell));
                true
            }
            _ => true,
        }
    }

    fn end(&mut self) {
        let answer = self.answer;
        if self.blocks == 0 {
            self.send(&StreamEvent::Ping);
        }
        self.send(&StreamEvent::MessageDelta {
            delta: MessageEnd {
                stop_reason: Some(answer.stop_reason.clone()),
                stop_sequence: answer.stop_sequence.clone(),
                stop_details: answer.stop_details.clone(),
            },
            usage: Some(Usage {
                output_tokens: Some(answer.output_tokens()),
                ..Usage::default()
            }),
        });
        self.send(&StreamEvent::MessageStop);
        self.steps.push(Step::Complete);
    }
}

/// Words for an error that comes in the middle.
pub(crate) fn error_message(kind: &str) -> &'static str {
    match kind {
        "overloaded_error" => "Overloaded",
        "rate_limit_error" => "This request would exceed your organization's rate limit.",
        _ => "Internal server error",
    }
}
