//! The background task that writes one reply.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::{
    FutureExt, Stream, StreamExt,
    stream::{self, Peekable},
};
use lionrocket_domain::{turn::TurnRecord, usage::ChargeAccount, window::Outlook};
use lionrocket_ports::{
    StoreError,
    error::Chain,
    model::{ModelError, ModelEvent, ModelRequest},
    turns::{CheckpointOutcome, FinishOutcome, FinishTurn, ReplyCheckpoint},
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{
    Engine,
    assembler::{Ending, ReplyAssembler, ReplyEnd},
    lease_from,
    running::{Cut, wait_for_cut},
    seam::Seam,
};

/// How often the text is saved.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How much new text is saved at once, sooner than that.
const CHECKPOINT_BYTES: usize = 2048;
/// How often the lease is renewed while nothing comes.
const RENEW_LEASE_EVERY: Duration = Duration::from_secs(10);
/// The longest wait before the end is written again when the store is away.
const FINISH_LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A reply that is to be written.
pub(super) struct ReplyTask {
    /// Whose turn it is and to which day it counts.
    pub(super) account: ChargeAccount,
    /// What the model is asked.
    pub(super) request: ModelRequest,
    /// When a summary is due of what the next request leaves out.
    pub(super) outlook: Outlook,
    /// What there is of the reply already.
    pub(super) beginning: String,
    /// Tells when the reply is to end early.
    pub(super) cut: watch::Receiver<Option<Cut>>,
    /// The place that it takes among the replies of this process; `None` for one that was taken in
    /// by another process and is taken up here.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Writes a reply to its end, whatever happens on the way.
pub(super) async fn run(engine: Arc<Engine>, task: ReplyTask) {
    let (turn_id, outlook) = (task.account.turn_id, task.outlook);
    let work = AssertUnwindSafe(write_reply(&engine, task)).catch_unwind();
    let ended = work.await;
    engine.running.leave(turn_id);
    match ended {
        Ok(End::Told(record)) => {
            engine.ports.log.close(turn_id, Arc::clone(&record)).await;
            engine.sum_up_after(&record, outlook);
        }
        Ok(End::Gone) => engine.ports.log.abandon(turn_id).await,
        Ok(End::Unwritten) => engine.ports.log.break_off(turn_id).await,
        Err(_) => {
            // The lease runs out, and the turn is taken up with what was shown of it.
            tracing::error!(%turn_id, "writing a reply panicked");
            engine.ports.log.break_off(turn_id).await;
        }
    }
}

/// What became of the end of a turn.
enum End {
    /// It is written.
    Told(Arc<TurnRecord>),
    /// The chat was deleted.
    Gone,
    /// It could not be written. The lease runs out, and the turn is taken up.
    Unwritten,
}

/// Reads the model's stream and ends the turn.
async fn write_reply(engine: &Engine, task: ReplyTask) -> End {
    let ReplyTask {
        account,
        request,
        beginning,
        cut,
        place,
        ..
    } = task;
    let mut writer = Writer {
        engine,
        account,
        seam: Seam::after(&beginning),
        saved_bytes: beginning.len(),
        saved_at: Instant::now(),
        assembler: ReplyAssembler::new(beginning, request.max_output_tokens),
    };
    let ending = writer.read(engine.ask_model(request), cut).await;
    if let Ending::Stream(Some(error)) = &ending {
        tracing::warn!(turn_id = %account.turn_id, error = %Chain(error), "a reply did not come to its end");
    }
    let end = writer.assembler.finish(&ending, &engine.settings.catalog);
    let record = finish(engine, account, end).await;
    drop(place);
    record
}

impl Engine {
    /// Asks the model as soon as it may write one more reply. Dropping the stream ends the request.
    fn ask_model(
        &self,
        request: ModelRequest,
    ) -> impl Stream<Item = Result<ModelEvent, ModelError>> + Send + 'static {
        let (writers, model) = (self.running.writers(), self.ports.model.clone());
        let asked = async move {
            // Never closed.
            let permit = writers.acquire_owned().await.ok();
            let reply = model.stream(request).await;
            reply.inspect(move |_| {
                // Held until the stream is dropped.
                let _ = &permit;
            })
        };
        stream::once(asked).flatten()
    }
}

/// The next event of a model; words that have come at once are one. Nothing is lost when it is dropped.
async fn next_event<S>(mut events: Pin<&mut Peekable<S>>) -> Option<S::Item>
where
    S: Stream<Item = Result<ModelEvent, ModelError>>,
{
    let mut event = events.next().await;
    if let Some(Ok(ModelEvent::Text(words))) = &mut event {
        let is_text = |event: &S::Item| matches!(event, Ok(ModelEvent::Text(_)));
        while words.len() < CHECKPOINT_BYTES
            && let Some(Some(Ok(ModelEvent::Text(more)))) =
                events.as_mut().next_if(is_text).now_or_never()
        {
            words.push_str(&more);
        }
    }
    event
}

/// Writes one reply into the log and the store.
struct Writer<'a> {
    engine: &'a Engine,
    account: ChargeAccount,
    assembler: ReplyAssembler,
    /// Where the new text is joined to the text that was there.
    seam: Seam,
    /// How much of the text is saved, and when that was done.
    saved_bytes: usize,
    saved_at: Instant,
}

impl Writer<'_> {
    /// Reads the stream into the assembler and the reply log and saves it now and then. Answers what
    /// came instead of the end.
    async fn read(
        &mut self,
        events: impl Stream<Item = Result<ModelEvent, ModelError>>,
        mut cut: watch::Receiver<Option<Cut>>,
    ) -> Ending {
        let mut events = std::pin::pin!(events.peekable());
        let mut tick = interval_at(Instant::now() + CHECKPOINT_EVERY, CHECKPOINT_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wants_saving = tokio::select! {
                biased;
                cut = wait_for_cut(&mut cut) => return self.end_early(cut).await,
                _ = tick.tick() => self.is_due(),
                event = next_event(events.as_mut()) => match event {
                    Some(Ok(event)) => {
                        let is_last = matches!(event, ModelEvent::Finished { .. });
                        self.take(event).await;
                        if is_last {
                            return Ending::Stream(None);
                        }
                        self.has_enough()
                    }
                    Some(Err(error)) => {
                        self.close_seam().await;
                        return Ending::Stream(Some(error));
                    }
                    None => {
                        self.close_seam().await;
                        return Ending::Stream(None);
                    }
                },
            };
            if wants_saving {
                match self.save().await {
                    CheckpointOutcome::Saved => {}
                    CheckpointOutcome::StopRequested => {
                        return self.end_early(Cut::Stopped).await;
                    }
                    CheckpointOutcome::Over => return Ending::Stream(None),
                }
            }
        }
    }

    async fn end_early(&mut self, cut: Cut) -> Ending {
        self.close_seam().await;
        Ending::Cut(cut)
    }

    /// Takes an event of the model in and shows it to the readers.
    async fn take(&mut self, event: ModelEvent) {
        let turn_id = self.account.turn_id;
        let log = &self.engine.ports.log;
        match event {
            ModelEvent::Text(words) => {
                let shown = self.seam.take(words);
                self.say(shown).await;
                return;
            }
            ModelEvent::Finished { .. } => self.close_seam().await,
            ModelEvent::Retrying(wait) => log.busy(turn_id, wait).await,
            ModelEvent::Started { .. } => {}
        }
        self.apply(&event);
        if let (ModelEvent::Started { .. }, Some(attempt)) = (&event, self.assembler.running()) {
            log.started(turn_id, attempt.clone()).await;
        }
    }

    /// Gives what the seam holds back.
    async fn close_seam(&mut self) {
        let rest = self.seam.close();
        self.say(rest).await;
    }

    async fn say(&mut self, words: String) {
        if words.is_empty() {
            return;
        }
        let turn_id = self.account.turn_id;
        let event = ModelEvent::Text(words);
        self.apply(&event);
        if let ModelEvent::Text(words) = event {
            self.engine.ports.log.append(turn_id, words).await;
        }
    }

    fn apply(&mut self, event: &ModelEvent) {
        let now = self.engine.ports.clock.now();
        let catalog = &self.engine.settings.catalog;
        self.assembler.apply(event, now, catalog);
    }

    /// Whether there is so much new text that it is saved at once.
    fn has_enough(&self) -> bool {
        self.assembler.text().len() - self.saved_bytes >= CHECKPOINT_BYTES
    }

    /// Whether there is new text, or the lease wants renewing.
    fn is_due(&self) -> bool {
        self.assembler.text().len() > self.saved_bytes
            || self.saved_at.elapsed() >= RENEW_LEASE_EVERY
    }

    /// Saves the text and renews the lease. A store that is away is no reason to stop: the text is
    /// saved next time, or with the end.
    async fn save(&mut self) -> CheckpointOutcome {
        let running = self.assembler.running();
        let checkpoint = ReplyCheckpoint {
            turn_id: self.account.turn_id,
            user_id: self.account.user_id,
            text: self.assembler.text().to_owned(),
            model: running.map(|attempt| attempt.model.clone()),
            tokens: running.map(|attempt| attempt.tokens).unwrap_or_default(),
            upstream_request_id: running.and_then(|attempt| attempt.request_id.clone()),
            first_text_at: self.assembler.first_text_at(),
            lease_until: lease_from(self.engine.ports.clock.now()),
        };
        self.saved_at = Instant::now();
        match self.engine.ports.turns.checkpoint(checkpoint).await {
            Ok(outcome) => {
                self.saved_bytes = self.assembler.text().len();
                outcome
            }
            Err(error) => {
                tracing::warn!(turn_id = %self.account.turn_id, error = %Chain(&error), "a reply could not be saved yet");
                CheckpointOutcome::Saved
            }
        }
    }
}

/// Writes the end of a turn, again and again while the store is away.
async fn finish(engine: &Engine, account: ChargeAccount, end: ReplyEnd) -> End {
    let request = FinishTurn {
        account,
        end: end.end,
        failure: end.failure,
        text: end.text,
        is_left_over: false,
        stop_reason: end.stop_reason,
        attempts: end.attempts,
        first_text_at: end.first_text_at,
        ended_at: engine.ports.clock.now(),
    };
    let mut wait = Duration::from_millis(50);
    // As long as it takes: what readers were shown, and what it cost, is nowhere else.
    loop {
        match engine.ports.turns.finish(request.clone()).await {
            Ok(FinishOutcome::Finished(record) | FinishOutcome::AlreadyFinished(record)) => {
                return End::Told(Arc::new(*record));
            }
            Ok(FinishOutcome::ChatGone) => return End::Gone,
            Err(error @ (StoreError::Unavailable(_) | StoreError::Full)) => {
                tracing::warn!(turn_id = %account.turn_id, error = %Chain(&error), "the end of a turn is written again");
                sleep(wait).await;
                wait = (wait * 2).min(FINISH_LONGEST_WAIT);
            }
            Err(error) => {
                tracing::error!(turn_id = %account.turn_id, error = %Chain(&error), "the end of a turn could not be written");
                return End::Unwritten;
            }
        }
    }
}
