//! The background task that writes one reply.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use lionrocket_domain::{turn::TurnRecord, usage::ChargeAccount};
use lionrocket_ports::{
    StoreError,
    error::Chain,
    model::{ModelError, ModelEvent, ModelRequest},
    turns::{FinishOutcome, FinishTurn, ReplyCheckpoint},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{
    Engine,
    assembler::{ReplyAssembler, ReplyEnd},
    lease_from,
};

/// How often the text is saved.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How much new text is saved at once, sooner than that.
const CHECKPOINT_BYTES: usize = 2048;
/// How often the lease is renewed while nothing comes.
const RENEW_LEASE_EVERY: Duration = Duration::from_secs(10);
/// How often the end is written again when the store is away, and the longest wait in between.
const FINISH_ATTEMPTS: u32 = 12;
const FINISH_LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Writes a reply to its end, whatever happens on the way.
pub(super) async fn run(engine: Arc<Engine>, account: ChargeAccount, request: ModelRequest) {
    let turn_id = account.turn_id;
    let work = AssertUnwindSafe(write_reply(&engine, account, request)).catch_unwind();
    match work.await {
        Ok(Some(record)) => engine.ports.log.close(turn_id, record).await,
        Ok(None) => engine.ports.log.abandon(turn_id).await,
        Err(_) => {
            // The lease runs out, and the turn is ended with what was saved of it.
            tracing::error!(%turn_id, "writing a reply panicked");
            engine.ports.log.abandon(turn_id).await;
        }
    }
}

/// Reads the model's stream and ends the turn. `None` when there is nothing left to tell of it.
async fn write_reply(
    engine: &Engine,
    account: ChargeAccount,
    request: ModelRequest,
) -> Option<Arc<TurnRecord>> {
    let mut assembler = ReplyAssembler::limited(request.max_output_tokens);
    let error = read_stream(engine, account, request, &mut assembler).await;
    if let Some(error) = &error {
        tracing::warn!(turn_id = %account.turn_id, error = %Chain(error), "a reply did not come to its end");
    }
    let end = assembler.finish(error.as_ref(), &engine.settings.catalog);
    finish(engine, account, end).await
}

/// Reads the stream into the assembler and the reply log and saves it now and then. Answers what
/// came instead of the end.
async fn read_stream(
    engine: &Engine,
    account: ChargeAccount,
    request: ModelRequest,
    assembler: &mut ReplyAssembler,
) -> Option<ModelError> {
    let mut stream = engine.ports.model.stream(request).await;
    let mut saver = Saver::new(account);
    let mut tick = interval_at(Instant::now() + CHECKPOINT_EVERY, CHECKPOINT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = stream.next() => {
                let event = match event {
                    Some(Ok(event)) => event,
                    Some(Err(error)) => return Some(error),
                    None => return None,
                };
                assembler.apply(&event, engine.ports.clock.now());
                match event {
                    ModelEvent::Text(text) => engine.ports.log.append(account.turn_id, text).await,
                    ModelEvent::Retrying(wait) => engine.ports.log.busy(account.turn_id, wait).await,
                    ModelEvent::Started { .. } => {}
                    ModelEvent::Finished { .. } => return None,
                }
                if saver.has_enough(assembler) && !saver.save(engine, assembler).await {
                    return None;
                }
            }
            _ = tick.tick() => {
                if saver.is_due(assembler) && !saver.save(engine, assembler).await {
                    return None;
                }
            }
        }
    }
}

/// Knows what of a reply is saved.
struct Saver {
    account: ChargeAccount,
    saved_bytes: usize,
    saved_at: Instant,
}

impl Saver {
    fn new(account: ChargeAccount) -> Self {
        Self {
            account,
            saved_bytes: 0,
            saved_at: Instant::now(),
        }
    }

    /// Whether there is so much new text that it is saved at once.
    fn has_enough(&self, assembler: &ReplyAssembler) -> bool {
        assembler.text().len() - self.saved_bytes >= CHECKPOINT_BYTES
    }

    /// Whether there is new text, or the lease wants renewing.
    fn is_due(&self, assembler: &ReplyAssembler) -> bool {
        assembler.text().len() > self.saved_bytes || self.saved_at.elapsed() >= RENEW_LEASE_EVERY
    }

    /// Saves the text and renews the lease. `false` when the turn is over or gone. A store that is
    /// away is no reason to stop: the text is saved next time, or with the end.
    async fn save(&mut self, engine: &Engine, assembler: &ReplyAssembler) -> bool {
        let checkpoint = ReplyCheckpoint {
            turn_id: self.account.turn_id,
            user_id: self.account.user_id,
            text: assembler.text().to_owned(),
            model: assembler.model().map(str::to_owned),
            tokens: assembler.tokens(),
            first_text_at: assembler.first_text_at(),
            lease_until: lease_from(engine.ports.clock.now()),
        };
        self.saved_at = Instant::now();
        match engine.ports.turns.checkpoint(checkpoint).await {
            Ok(is_running) => {
                self.saved_bytes = assembler.text().len();
                is_running
            }
            Err(error) => {
                tracing::warn!(turn_id = %self.account.turn_id, error = %Chain(&error), "a reply could not be saved yet");
                true
            }
        }
    }
}

/// Writes the end of a turn, again and again while the store is away.
async fn finish(engine: &Engine, account: ChargeAccount, end: ReplyEnd) -> Option<Arc<TurnRecord>> {
    let request = FinishTurn {
        account,
        end: end.end,
        failure: end.failure,
        text: end.text,
        stop_reason: end.stop_reason,
        charge: end.charge,
        first_text_at: end.first_text_at,
        ended_at: engine.ports.clock.now(),
    };
    let mut wait = Duration::from_millis(50);
    for _ in 0..FINISH_ATTEMPTS {
        match engine.ports.turns.finish(request.clone()).await {
            Ok(FinishOutcome::Finished(record) | FinishOutcome::AlreadyFinished(record)) => {
                return Some(Arc::new(*record));
            }
            Ok(FinishOutcome::ChatGone) => return None,
            Err(error @ StoreError::Unavailable(_)) => {
                tracing::warn!(turn_id = %account.turn_id, error = %Chain(&error), "the end of a turn is written again");
                sleep(wait).await;
                wait = (wait * 2).min(FINISH_LONGEST_WAIT);
            }
            Err(error) => {
                tracing::error!(turn_id = %account.turn_id, error = %Chain(&error), "the end of a turn could not be written");
                return None;
            }
        }
    }
    tracing::error!(turn_id = %account.turn_id, "the end of a turn could not be written: the store is away");
    None
}
