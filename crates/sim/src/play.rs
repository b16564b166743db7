//! One world, from its seed.

use std::{
    ops::Range,
    panic::resume_unwind,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use lionrocket_app::turns::{Ask, BeginError, TurnRequest};
use lionrocket_domain::{
    access::Actor,
    ids::{ChatId, MessageId, TurnId},
    text::MessageText,
    turn::OnInterrupt,
};
use lionrocket_test_support::{CountingIds, World};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    books::balance,
    process::{BUDGET, MAX_RUNNING, Process, Surroundings, WorldClock},
    promises::{Onlooker, Promises},
    reader::{Reader, Serving},
    store::{Chance, Flaw, draw},
    upstream::Upstream,
    world::character,
};

/// What a world was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Turns that were begun.
    pub turns: u64,
    /// Deaths of the process.
    pub deaths: u32,
    /// How much time passed in the world.
    pub time: Duration,
    /// Promises that were broken; empty in a world as it should be.
    pub broken: Vec<String>,
}

/// Plays the world of a seed on a runtime of its own.
///
/// # Errors
/// The world could not be made.
pub fn play(seed: u64, flaw: Flaw) -> Result<Tally> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?
        .block_on(async { Play::prepare(seed, flaw).await?.run().await })
}

/// Plays the worlds of many seeds on all processors.
///
/// # Errors
/// A world could not be made.
pub fn play_many(seeds: Range<u64>) -> Result<Vec<(u64, Tally)>> {
    let next = AtomicU64::new(seeds.start);
    let play_some = || {
        let mut played = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(played);
            }
            played.push((seed, play(seed, Flaw::None)?));
        }
    };
    thread::scope(|scope| {
        let players = thread::available_parallelism().map_or(1, usize::from);
        let players: Vec<_> = (0..players).map(|_| scope.spawn(play_some)).collect();
        let mut all = Vec::new();
        for player in players {
            let played: Result<Vec<_>> = player.join().unwrap_or_else(|panic| resume_unwind(panic));
            all.extend(played?);
        }
        Ok(all)
    })
}

/// A turn that somebody knows of.
#[derive(Clone, Copy, Debug)]
struct Known {
    actor: Actor,
    chat_id: ChatId,
    turn_id: TurnId,
    user_message_id: MessageId,
    reply_id: MessageId,
}

struct Play {
    world: World,
    database: PathBuf,
    upstream: Arc<Upstream>,
    chance: Chance,
    flaw: Flaw,
    away_until: Arc<Mutex<Instant>>,
    clock: WorldClock,
    ids: Arc<CountingIds>,
    on_interrupt: OnInterrupt,
    chats: Vec<(Actor, ChatId)>,
    /// Turns that were begun and told of.
    known: Arc<Mutex<Vec<Known>>>,
    promises: Arc<Promises>,
    serving: Arc<Serving>,
    clients: JoinSet<()>,
    onlooker: Onlooker,
    deaths: u32,
}

impl Play {
    async fn prepare(seed: u64, flaw: Flaw) -> Result<Self> {
        let world = World::new();
        let mut chats = Vec::new();
        let mut character_id = None;
        for name in ["haru", "mina", "jun"] {
            let actor = world.person(name).await.actor;
            let id = match character_id {
                Some(id) => id,
                None => world.characters.create(actor, character()?).await?.id,
            };
            character_id = Some(id);
            for _ in 0..3 {
                chats.push((actor, world.chats.create(actor, id, None).await?.id));
            }
        }
        let mut rng = StdRng::seed_from_u64(seed);
        let on_interrupt = if rng.random_bool(0.8) {
            OnInterrupt::Continue
        } else {
            OnInterrupt::Keep
        };
        let chance: Chance = Arc::new(Mutex::new(rng));
        let start: Timestamp = "2026-11-22T12:00:00Z".parse()?;
        let database = world.database();
        Ok(Self {
            upstream: Arc::new(Upstream::new(chance.clone())),
            onlooker: Onlooker::open(&database)?,
            database,
            world,
            chance,
            flaw,
            away_until: Arc::new(Mutex::new(Instant::now())),
            clock: WorldClock {
                start,
                origin: Instant::now(),
            },
            ids: Arc::default(),
            on_interrupt,
            chats,
            known: Arc::default(),
            promises: Arc::default(),
            serving: Arc::default(),
            clients: JoinSet::new(),
            deaths: 0,
        })
    }

    async fn run(mut self) -> Result<Tally> {
        self.start()?;
        let steps = self.draw(|rng| rng.random_range(15..50));
        for _ in 0..steps {
            self.step().await?;
            let pause = self.draw(|rng| match rng.random_range(0..10) {
                0 => rng.random_range(0..60_000),
                1..=3 => 0,
                _ => rng.random_range(0..4_000),
            });
            sleep(Duration::from_millis(pause)).await;
            self.look().await?;
        }
        self.end().await
    }

    fn draw<T>(&self, from: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&self.chance, from)
    }

    fn start(&mut self) -> Result<()> {
        let around = Surroundings {
            database: &self.database,
            store: self.world.store.clone(),
            upstream: self.upstream.clone(),
            chance: self.chance.clone(),
            flaw: self.flaw,
            away_until: self.away_until.clone(),
            clock: self.clock,
            ids: self.ids.clone(),
            on_interrupt: self.on_interrupt,
        };
        let process = Process::start(&around, self.deaths + 1)?;
        self.serving.replace(Some(Arc::new(process)));
        Ok(())
    }

    /// Something happens.
    async fn step(&mut self) -> Result<()> {
        match self.draw(|rng| rng.random_range(0..100)) {
            0..=54 => self.begin()?,
            55..=66 => self.stop(),
            67..=79 => self.follow(),
            80..=85 => self.die_and_start().await?,
            86..=91 => {
                let number = self.draw(|rng| rng.random_range(1..12));
                if let Some(process) = self.serving.now() {
                    process.die_at_call(number);
                }
            }
            92..=96 => {
                let millis = self.draw(|rng| match rng.random_range(0..3) {
                    0 => rng.random_range(0..100_000),
                    _ => rng.random_range(0..8_000),
                });
                let until = Instant::now() + Duration::from_millis(millis);
                *self
                    .away_until
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = until;
            }
            _ => {
                let seconds = self.draw(|rng| rng.random_range(0..700));
                sleep(Duration::from_secs(seconds)).await;
            }
        }
        Ok(())
    }

    async fn die_and_start(&mut self) -> Result<()> {
        let process = self.serving.replace(None);
        if let Some(process) = process
            && process.die().await
        {
            self.promises
                .broken("work in the background panicked".to_owned());
        }
        self.deaths += 1;
        let down = self.draw(|rng| match rng.random_range(0..5) {
            0 => rng.random_range(0..700_000),
            _ => rng.random_range(0..5_000),
        });
        sleep(Duration::from_millis(down)).await;
        self.start()
    }

    /// Somebody wants a reply.
    fn begin(&mut self) -> Result<()> {
        let chance = self.chance.clone();
        let (actor, chat_id) = draw(&chance, |rng| {
            self.chats[rng.random_range(0..self.chats.len())]
        });
        let last = self.last_of(chat_id);
        let (roll, number): (u32, u32) = self.draw(|rng| (rng.random_range(0..10), rng.random()));
        let text = MessageText::parse(&format!("바다 {number}"), 4_000)?;
        let ask = match (last, roll) {
            (Some(last), 0) => Ask::Regenerate {
                message_id: last.reply_id,
            },
            (Some(last), 1 | 2) => Ask::Continue {
                message_id: last.reply_id,
            },
            (Some(last), 3) => Ask::Edit {
                message_id: last.user_message_id,
                text,
            },
            _ => Ask::Say { text, after: None },
        };
        let client = Client {
            serving: self.serving.clone(),
            promises: self.promises.clone(),
            known: self.known.clone(),
            actor,
            request: TurnRequest {
                chat_id,
                ask,
                idempotency_key: Some(format!("key-{number}")),
            },
        };
        self.clients.spawn(client.begin());
        Ok(())
    }

    fn last_of(&self, chat_id: ChatId) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rfind(|turn| turn.chat_id == chat_id).copied()
    }

    fn some_known(&self) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest are those that most likely run.
        let newest = known.len().saturating_sub(4);
        let place = self.draw(|rng| rng.random_range(newest..known.len().max(newest + 1)));
        known.get(place).copied()
    }

    fn stop(&mut self) {
        let Some(turn) = self.some_known() else {
            return;
        };
        let served = self.serving.now();
        let promises = self.promises.clone();
        self.clients.spawn(async move {
            let Some(process) = served else { return };
            let stop = process.service.stop(turn.actor, turn.chat_id, turn.turn_id);
            tokio::select! {
                biased;
                () = process.dead.cancelled() => {}
                stopped = stop => {
                    if let Ok(record) = stopped && record.turn.state.is_terminal() {
                        promises.ended(&record);
                    }
                }
            }
        });
    }

    fn follow(&mut self) {
        let Some(turn) = self.some_known() else {
            return;
        };
        let promises = self.promises.clone();
        self.clients
            .spawn(reader(self.serving.clone(), promises, turn, 0).read());
    }

    /// Looks for what must never be, and buries a process that died by itself.
    async fn look(&mut self) -> Result<()> {
        for broken in self.onlooker.look()? {
            self.promises.broken(broken);
        }
        let is_dead = self
            .serving
            .now()
            .is_none_or(|process| process.dead.is_cancelled());
        if is_dead {
            self.die_and_start().await?;
        }
        while let Some(ended) = self.clients.try_join_next() {
            ended.context("a client panicked")?;
        }
        Ok(())
    }

    /// Lets everything come to its end and adds it up.
    async fn end(mut self) -> Result<Tally> {
        if let Some(process) = self.serving.now() {
            process.die_at_call(0);
        }
        *self
            .away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let mut quiet = 0;
        for _ in 0..60 {
            self.look().await?;
            sleep(Duration::from_secs(30)).await;
            let is_quiet = self.clients.is_empty() && self.onlooker.under_way()? == 0;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            // After the last turn there may be a summary to make, and that is begun a moment later.
            if quiet == 2 {
                break;
            }
        }
        let unread = self.clients.len();
        if unread > 0 {
            let never = format!("{unread} people wait for ever");
            self.promises.broken(never);
            self.clients.shutdown().await;
        }
        self.ask_for_all_ends_again().await?;
        if let Some(process) = self.serving.replace(None)
            && process.die().await
        {
            self.promises
                .broken("work in the background panicked".to_owned());
        }
        let books = self.upstream.books();
        let balance = balance(&self.database, &books.bill)?;
        let mut broken = self.promises.all_broken();
        broken.extend(balance.faults);
        if books.most_writing > MAX_RUNNING {
            broken.push(format!(
                "{} replies were written at once",
                books.most_writing
            ));
        }
        let used = self.onlooker.most_used()?;
        if used > BUDGET + books.repeated {
            broken.push(format!("{used} tokens were used of {BUDGET}"));
        }
        Ok(Tally {
            turns: balance.turns,
            deaths: self.deaths,
            time: self.clock.origin.elapsed(),
            broken,
        })
    }

    async fn ask_for_all_ends_again(&self) -> Result<()> {
        let Some(process) = self.serving.now() else {
            return Ok(());
        };
        for told in self.promises.ends() {
            let turn = &told.turn;
            let actor = self
                .chats
                .iter()
                .find(|(_, chat_id)| *chat_id == turn.chat_id)
                .map(|(actor, _)| *actor)
                .context("a chat")?;
            let now = process.service.get(actor, turn.chat_id, turn.id).await?;
            self.promises.ended(&now);
        }
        Ok(())
    }
}

fn reader(serving: Arc<Serving>, promises: Arc<Promises>, turn: Known, from: usize) -> Reader {
    Reader {
        serving,
        actor: turn.actor,
        chat_id: turn.chat_id,
        turn_id: turn.turn_id,
        promises,
        from,
        words: String::new(),
    }
}

/// Somebody who wants one reply.
struct Client {
    serving: Arc<Serving>,
    promises: Arc<Promises>,
    known: Arc<Mutex<Vec<Known>>>,
    actor: Actor,
    request: TurnRequest,
}

impl Client {
    fn note(&self, turn: Known) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push(turn);
    }

    /// Asks until there is an answer, with one key, and reads the reply.
    async fn begin(self) {
        loop {
            let process = self.serving.living().await;
            let asking = process.service.begin(self.actor, self.request.clone());
            let begun = tokio::select! {
                biased;
                () = process.dead.cancelled() => continue,
                begun = asking => begun,
            };
            match begun {
                Ok(begun) => {
                    let turn = &begun.record.turn;
                    let turn = Known {
                        actor: self.actor,
                        chat_id: turn.chat_id,
                        turn_id: turn.id,
                        user_message_id: turn.user_message_id,
                        reply_id: turn.assistant_message_id,
                    };
                    self.note(turn);
                    return reader(self.serving, self.promises, turn, 0).read().await;
                }
                Err(BeginError::Store(_)) => sleep(Duration::from_millis(700)).await,
                Err(
                    BeginError::ChatBusy(_)
                    | BeginError::UserBusy
                    | BeginError::Overloaded
                    | BeginError::BudgetExhausted { .. }
                    | BeginError::NoMessage
                    | BeginError::Unsuitable,
                ) => return,
                Err(error) => {
                    return self
                        .promises
                        .broken(format!("a turn was not begun: {error}"));
                }
            }
        }
    }
}
