//! Plays the steps of a streamed answer.

use std::time::Duration;

use actix_web::web;
use async_stream::try_stream;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use jiff::Timestamp;

use super::Shared;
use super::peer::{Cut, Peer, pause};
use crate::bill::ChargeStart;
use crate::cache::CachePlan;
use crate::script::Step;

/// Time for what was sent to leave the machine before its connection is cut.
const FLUSH_TIME: Duration = Duration::from_millis(20);

/// What happens when an answer begins.
pub(super) struct Beginning {
    pub(super) charge: ChargeStart,
    pub(super) plan: CachePlan,
    pub(super) now: Timestamp,
}

impl Beginning {
    /// Opens the charge, and makes the cache entries readable.
    pub(super) fn begin(self, shared: &Shared) -> crate::bill::OpenCharge {
        shared.cache.commit(&self.plan, self.now);
        shared.book.open(self.charge)
    }
}

/// Turns steps into a body. Everything between two waits goes out in one piece.
///
/// The charge is closed when the stream ends or is dropped, whichever comes first.
pub(super) fn play(
    shared: web::Data<Shared>,
    steps: Vec<Step>,
    beginning: Beginning,
    peer: Option<Peer>,
) -> impl Stream<Item = Result<Bytes, Cut>> {
    try_stream! {
        let mut beginning = Some(beginning);
        let mut charge = None;
        let mut buffer = BytesMut::new();
        for step in steps {
            match step {
                Step::Begin => charge = beginning.take().map(|beginning| beginning.begin(&shared)),
                Step::Send(text) => buffer.extend_from_slice(text.as_bytes()),
                Step::Generated(tokens) => if let Some(charge) = &charge { charge.set_output(tokens) },
                Step::Complete => if let Some(charge) = &charge { charge.complete() },
                Step::Wait(time) => {
                    if !buffer.is_empty() {
                        yield buffer.split().freeze();
                    }
                    pause(time, peer.as_ref()).await?;
                }
                Step::Abort => {
                    if !buffer.is_empty() {
                        yield buffer.split().freeze();
                    }
                    pause(FLUSH_TIME, None).await?;
                    Err(Cut)?;
                }
            }
        }
        if !buffer.is_empty() {
            yield buffer.freeze();
        }
    }
}
