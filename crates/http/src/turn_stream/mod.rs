//! A turn as a stream of server-sent events.

mod frame;
mod position;

use std::{convert::Infallible, time::Duration};

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use async_stream::stream;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lionrocket_app::{
    sessions::SessionError,
    turns::{TurnEvent, TurnEvents},
};
use lionrocket_domain::{
    audit::Origin,
    ids::{MessageId, TurnId},
    turn::{Turn, TurnFailure, TurnRecord, TurnState},
};
use lionrocket_ports::{
    events::{ServiceEvent, ServiceEvents},
    reply_log::TextOffset,
};
use secrecy::ExposeSecret;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::{
    ApiState,
    problem::turn_failure,
    request::{Call, Caller},
    views::{
        messages::{ExchangeSiblings, MessageView},
        turns::{BusyEventData, DeltaEventData, EndEventData, TurnEventData},
        usage::UsageView,
    },
};

use frame::{PING, frame, frame_without_id};
pub(crate) use position::Position;

/// How often a sign of life is sent and the session looked at again.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where a stream begins.
pub(crate) enum Start {
    /// At the very beginning, with the event `turn`.
    Beginning(Box<TurnEventData>),
    /// After an event that the client has.
    After(Position),
}

impl Start {
    /// At the beginning of a turn.
    pub(crate) fn of_turn(record: &TurnRecord, siblings: &ExchangeSiblings) -> Self {
        let mut reply = record.assistant_message.clone();
        // All of the text comes in `delta` events; twice would be once too often.
        reply.content.clear();
        Self::Beginning(Box::new(TurnEventData {
            turn_id: record.turn.id,
            state: record.turn.state.into(),
            user_message: MessageView::new(
                record.user_message.clone(),
                siblings.of_user_message.clone(),
            ),
            assistant_message: MessageView::new(reply, siblings.of_reply.clone()),
        }))
    }

    /// The place in the text from which it is told.
    pub(crate) const fn offset(&self) -> TextOffset {
        match self {
            Self::Beginning(_) => 0,
            Self::After(position) => position.offset(),
        }
    }
}

/// One reader of a turn. Dropping it ends nothing but the reading.
pub(crate) struct TurnStream {
    state: ApiState,
    caller: Caller,
    turn_id: TurnId,
    /// The attempt at the turn that is read.
    attempt: u32,
    /// The ids of the messages beside the reply, its own among them.
    reply_siblings: Vec<MessageId>,
    origin: Origin,
    request_id: String,
    start: Start,
}

/// What a reader waits for.
enum Signal {
    Turn(Option<TurnEvent>),
    SessionEnded,
    AccountChanged,
    Heartbeat,
}

impl TurnStream {
    pub(crate) fn new(
        call: &Call,
        caller: Caller,
        turn: &Turn,
        siblings: ExchangeSiblings,
        start: Start,
    ) -> Self {
        Self {
            state: call.state().clone(),
            origin: call.origin(),
            request_id: call.request_id(),
            caller,
            turn_id: turn.id,
            attempt: turn.attempts,
            reply_siblings: siblings.of_reply,
            start,
        }
    }

    /// Answers with the events as they come.
    pub(crate) fn respond(
        self,
        mut response: HttpResponseBuilder,
        events: TurnEvents,
    ) -> HttpResponse {
        response
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            // Proxies and compressors must pass every event on at once.
            .insert_header((header::CONTENT_ENCODING, "identity"))
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(self.frames(events))
    }

    fn frames(self, mut events: TurnEvents) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let mut session_events = self.state.events.subscribe();
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        stream! {
            let mut at = self.start.offset();
            if let Start::Beginning(data) = &self.start {
                yield Ok(frame(self.position(0), "turn", data));
            }
            loop {
                match self.next(&mut events, &mut session_events, &mut heartbeat).await {
                    Signal::Turn(Some(TurnEvent::Text { text, end })) => {
                        at = end;
                        yield Ok(frame(self.position(at), "delta", &DeltaEventData { text }));
                    }
                    Signal::Turn(Some(TurnEvent::Busy(wait))) => {
                        let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                        yield Ok(frame(self.position(at), "busy", &BusyEventData { retry_in_ms }));
                    }
                    Signal::Turn(Some(TurnEvent::Ended(record))) => {
                        if let Some(usage) = self.usage(&record, at) {
                            yield Ok(usage);
                        }
                        yield Ok(self.end(&record, at));
                        break;
                    }
                    // The store failed: the client comes again with its last event's id.
                    Signal::Turn(None) => break,
                    Signal::Heartbeat if self.is_signed_in().await => yield Ok(PING),
                    // Something else about the account changed, such as its name.
                    Signal::AccountChanged if self.is_signed_in().await => {}
                    Signal::Heartbeat | Signal::AccountChanged | Signal::SessionEnded => {
                        yield Ok(frame_without_id("revoked", "{}"));
                        break;
                    }
                }
            }
        }
    }

    /// Waits for whatever comes first.
    async fn next(
        &self,
        events: &mut TurnEvents,
        session_events: &mut ServiceEvents,
        heartbeat: &mut Interval,
    ) -> Signal {
        let actor = self.caller.who.actor;
        let own_session = ServiceEvent::SessionEnded(actor.session_id);
        let own_account = ServiceEvent::AccountChanged(actor.user_id);
        loop {
            tokio::select! {
                biased;
                Some(event) = session_events.next() => {
                    if event == own_session {
                        return Signal::SessionEnded;
                    }
                    if event == own_account {
                        return Signal::AccountChanged;
                    }
                }
                event = events.next() => return Signal::Turn(event),
                _ = heartbeat.tick() => return Signal::Heartbeat,
            }
        }
    }

    /// Whether the session is still good, and the person has the rights that they had when the stream
    /// was opened. A store that is away is no reason to end a stream.
    async fn is_signed_in(&self) -> bool {
        let token = self.caller.token.expose_secret();
        let who = self.state.sessions.authenticate(token, &self.origin).await;
        match who {
            Ok(who) => who.actor == self.caller.who.actor,
            Err(error) => !matches!(error, SessionError::Unauthenticated),
        }
    }

    /// A place in the text.
    const fn position(&self, at: TextOffset) -> Position {
        Position::text(self.turn_id, self.attempt, at)
    }

    /// What the exchange cost, unless the client knows it already.
    fn usage(&self, record: &TurnRecord, at: TextOffset) -> Option<Bytes> {
        if matches!(&self.start, Start::After(position) if position.is_after_usage()) {
            return None;
        }
        let usage = UsageView::from(record.charge.as_ref());
        Some(frame(self.position(at).after_usage(), "usage", &usage))
    }

    /// The last event.
    fn end(&self, record: &TurnRecord, at: TextOffset) -> Bytes {
        let name = match record.turn.state {
            TurnState::Completed => "done",
            TurnState::Stopped => "stopped",
            _ => return self.failure(record, at),
        };
        let data = EndEventData {
            assistant_message: MessageView::new(
                record.assistant_message.clone(),
                self.reply_siblings.clone(),
            ),
            usage: record.charge.as_ref().into(),
        };
        frame(self.position(at).at_end(), name, &data)
    }

    fn failure(&self, record: &TurnRecord, at: TextOffset) -> Bytes {
        let failure = record.turn.failure.unwrap_or(TurnFailure::Internal);
        let problem = turn_failure(Some(failure), self.turn_id).request_id(&self.request_id);
        frame(self.position(at).at_end(), "error", &problem.view())
    }
}
