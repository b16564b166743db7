//! Reading a turn from any place to its end.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use lionrocket_domain::turn::TurnRecord;
use lionrocket_ports::reply_log::{ReplyEvent, ReplyEvents, TextOffset};
use tokio::time::sleep;

use super::{Engine, TurnEvent, TurnEvents};

/// How often the store is asked about a turn that runs but whose log is not here: it ends this very
/// moment, or its process is gone and it will be ended soon.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What a reader does next.
enum Step {
    /// Look at the turn as it was read from the store.
    Look(Box<TurnRecord>),
    /// Read on in the log of a running turn.
    Read(ReplyEvents, Box<TurnRecord>),
    /// Tell the end.
    End(Box<TurnRecord>),
    /// Nothing is left.
    Done,
}

impl Engine {
    /// Follows a turn from a place in its text.
    pub(super) fn follow(self: Arc<Self>, record: TurnRecord, after: TextOffset) -> TurnEvents {
        let reader = (self, Step::Look(Box::new(record)), after);
        Box::pin(stream::unfold(reader, |(engine, step, at)| async move {
            let (event, step, at) = engine.advance(step, at).await?;
            Some((event, (engine, step, at)))
        }))
    }

    /// Goes on to the next event. `None` at the end, or when the store failed.
    async fn advance(
        &self,
        mut step: Step,
        mut at: TextOffset,
    ) -> Option<(TurnEvent, Step, TextOffset)> {
        loop {
            step = match step {
                Step::Look(record) if record.turn.state.is_terminal() => {
                    let rest = rest_of(&record.assistant_message.content, at);
                    if !rest.is_empty() {
                        let end = record.assistant_message.content.len();
                        return Some((
                            TurnEvent::Text {
                                text: rest.to_owned(),
                                end,
                            },
                            Step::End(record),
                            end,
                        ));
                    }
                    Step::End(record)
                }
                Step::Look(record) => match self.ports.log.follow(record.turn.id, at).await {
                    Some(events) => Step::Read(events, record),
                    None => self.look_again(*record).await?,
                },
                Step::Read(mut events, record) => match events.next().await {
                    Some(ReplyEvent::Text { text, end }) => {
                        at = end;
                        return Some((
                            TurnEvent::Text { text, end },
                            Step::Read(events, record),
                            at,
                        ));
                    }
                    Some(ReplyEvent::Busy(wait)) => {
                        return Some((TurnEvent::Busy(wait), Step::Read(events, record), at));
                    }
                    Some(ReplyEvent::Ended(record)) => {
                        return Some((TurnEvent::Ended(record), Step::Done, at));
                    }
                    None => self.look_again(*record).await?,
                },
                Step::End(record) => {
                    return Some((TurnEvent::Ended(Arc::new(*record)), Step::Done, at));
                }
                Step::Done => return None,
            };
        }
    }

    /// Reads a turn again whose log is not open here.
    async fn look_again(&self, record: TurnRecord) -> Option<Step> {
        let turn = &record.turn;
        let found = self
            .ports
            .turns
            .get(turn.user_id, turn.chat_id, turn.id)
            .await;
        let record = found
            .inspect_err(
                |error| tracing::warn!(turn_id = %turn.id, %error, "a turn could not be read"),
            )
            .ok()??;
        if !record.turn.state.is_terminal() {
            sleep(ASK_AGAIN_AFTER).await;
        }
        Some(Step::Look(Box::new(record)))
    }
}

/// The text after a place; a place inside a character is taken as the one before it.
fn rest_of(text: &str, after: TextOffset) -> &str {
    let start = text.floor_char_boundary(after);
    text.get(start..).unwrap_or_default()
}
