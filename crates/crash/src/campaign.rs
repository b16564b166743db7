//! Cycle after cycle of talking, dying and coming back.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures_util::future::join_all;
use lionrocket_claude_sim::Simulator;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    book::Book,
    chatter::{Chatter, Life},
    database::{Database, State},
    disk::{Ballast, Disk},
    person::{LIMIT, Person},
    plan::{Moment, OnInterrupt, Plan, Upstream},
    process::{Doom, Ending, Process, Setup, tampered, was_killed},
    report::Report,
    verdict::{self, Promises},
};

/// So many people talk, each in two chats, which is as many replies as one may have under way.
const PEOPLE: usize = 4;
const CHATS_OF_EACH: usize = 2;
/// A data directory lives for so many cycles.
const CYCLES_OF_A_PLACE: u32 = 25;
/// How long a life lasts when the moment of its end does not come.
const LONGEST_LIFE: Duration = Duration::from_millis(1500);
/// How long a server is waited for that should end by itself.
const LONGEST_WAIT_FOR_SYNC: Duration = Duration::from_secs(3);
/// The exit code of a server whose disk fails.
const IO_ERROR: i32 = 74;
/// How long the clients talk before the disk is full.
const BEFORE_FULL: Duration = Duration::from_millis(300);
/// What is done while it is full, and after.
const READS_WHILE_FULL: u32 = 10;
const MESSAGES_AFTER_FULL: u64 = 10;
/// How long after a start a turn may lack somebody who works on it.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(5);
/// How often a state is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Kill,
    PowerCut,
    /// A sync of its fails; what is not synced is lost then, where the disk can lose it.
    FailedSync,
    /// Its disk is full for a while.
    FullDisk,
}

/// A run of cycles.
pub(crate) struct Campaign {
    kind: Kind,
    binary: PathBuf,
    simulator: Simulator,
    /// Whether the server's syncs do nothing.
    without_syncs: bool,
    report: Report,
}

/// What went wrong in a cycle, and where it can be looked at.
pub(crate) struct Failure {
    pub(crate) cycle: u32,
    pub(crate) wrong: Vec<String>,
    pub(crate) place: PathBuf,
}

/// A data directory and the people who have accounts in it.
struct Place {
    people: Vec<(Person, Vec<i64>)>,
    /// Somebody who only signs in, again and again: that ends older sessions.
    visitor: Person,
    /// What there was at the end of the last cycle.
    last: Option<State>,
    setup: Setup,
    book: Arc<Book>,
    /// Before the directory it is in, so that it is unmounted first.
    disk: Option<Arc<Disk>>,
    directory: TempDir,
}

impl Campaign {
    pub(crate) async fn new(kind: Kind, binaries: &Path, without_syncs: bool) -> Result<Self> {
        let binary = binaries.join("lionrocket");
        let binary = binary
            .canonicalize()
            .with_context(|| format!("{} is missing: build lionrocket-server", binary.display()))?;
        Ok(Self {
            kind,
            simulator: Simulator::builder().seed(1).start().await?,
            binary,
            without_syncs,
            report: Report::default(),
        })
    }

    /// Runs cycles until all are done or one has failed.
    pub(crate) async fn run(
        &mut self,
        seed: u64,
        cycles: std::ops::Range<u32>,
    ) -> Result<Option<Failure>> {
        let mut place: Option<Place> = None;
        for cycle in cycles {
            let mut here = match place.take() {
                Some(place) if cycle % CYCLES_OF_A_PLACE != 0 => place,
                _ => self.new_place().await?,
            };
            let plan = Plan::new(seed, cycle);
            let plan = match self.kind {
                Kind::Kill | Kind::PowerCut => plan,
                Kind::FailedSync => plan.with_failed_sync(),
                Kind::FullDisk => plan.without_crash(),
            };
            here.book.remark(&format!("{plan:?}"));
            let mut wrong = Vec::new();
            if let Err(error) = self.cycle(&mut here, &plan, &mut wrong).await {
                wrong.push(format!("{error:#}"));
            }
            wrong.extend(here.book.take_troubles());
            if !wrong.is_empty() {
                let place = here.keep()?;
                return Ok(Some(Failure {
                    cycle,
                    wrong,
                    place,
                }));
            }
            place = Some(here);
        }
        Ok(None)
    }

    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    /// Makes a data directory, and accounts and chats in it.
    async fn new_place(&self) -> Result<Place> {
        let directory = tempfile::Builder::new()
            .prefix("lionrocket-crash-")
            .tempdir()?;
        let disk = match self.kind {
            Kind::Kill => None,
            Kind::FailedSync if Disk::missing().is_some() => None,
            Kind::PowerCut | Kind::FailedSync => Some(Arc::new(Disk::new(directory.path())?)),
            Kind::FullDisk => Some(Arc::new(Disk::small(directory.path())?)),
        };
        let data = match &disk {
            None => directory.path().join("home"),
            Some(disk) => disk.path().join("home"),
        };
        fs::create_dir_all(&data)?;
        let setup = Setup::new(&self.binary, &data, &directory.path().join("server.log"))
            // A disk of the harness has little room from the beginning.
            .with("DISK_LOW_WATER_MB", "1");
        let mut process = setup.start(Ending::Kill)?;
        let base = process
            .listens()
            .await?
            .context("the server does not listen")?;
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let person = Person::register(&base, &format!("crash{number}")).await?;
            let mut chats = Vec::new();
            for _ in 0..CHATS_OF_EACH {
                chats.push(person.open_chat(&base).await?);
            }
            people.push((person, chats));
        }
        let visitor = Person::register(&base, "visitor").await?;
        process.stop().await?;
        Ok(Place {
            people,
            visitor,
            last: None,
            book: Arc::new(Book::new(&directory.path().join("book.log"))?),
            setup,
            disk,
            directory,
        })
    }

    /// The server as the plan wants it.
    fn setup(&self, place: &Place, plan: &Plan) -> Setup {
        let setup = place.setup.clone().with(
            "ON_INTERRUPT",
            match plan.on_interrupt {
                OnInterrupt::Continue => "continue",
                OnInterrupt::Keep => "keep",
            },
        );
        let wrapper = if self.without_syncs {
            tampered("fsync,fdatasync", "retval=0")
        } else {
            Vec::new()
        };
        let setup = Setup { wrapper, ..setup };
        match plan.upstream {
            Upstream::Demo => setup,
            Upstream::Simulator => setup
                .with("CLAUDE_API_KEY", "sk-ant-crash")
                .with("CLAUDE_BASE_URL", &self.simulator.base_url()),
        }
    }

    fn promises(&self, plan: &Plan) -> Promises {
        Promises {
            on_interrupt: plan.on_interrupt,
            may_take_back: matches!(self.kind, Kind::PowerCut | Kind::FailedSync),
        }
    }

    /// Runs one cycle and tells everything that was not as promised.
    async fn cycle(
        &mut self,
        place: &mut Place,
        plan: &Plan,
        wrong: &mut Vec<String>,
    ) -> Result<()> {
        let setup = self.setup(place, plan);
        let mut chatters = place.chatters(plan);
        let mut working = BTreeSet::new();
        if self.kind == Kind::FullDisk {
            self.full_life(place, &mut chatters, &setup).await?;
            wrong.extend(at_death(&chatters, &setup)?.0);
        }
        for moment in &plan.crashes {
            place.book.remark(&format!("a life that ends {moment}"));
            self.doomed_life(place, &mut chatters, &setup, plan, *moment)
                .await?;
            chatters.iter_mut().for_each(Chatter::survive);
            let (lost, found) = at_death(&chatters, &setup)?;
            wrong.extend(lost);
            working = found.working_nodes();
            self.report.crash(*moment, &found);
        }
        place.book.remark("the last life");
        let process = setup.start(Ending::Kill)?;
        wrong.extend(
            self.last_life(place, &mut chatters, process, plan, &working)
                .await?,
        );
        self.report.cycle(place.book.counts());
        Ok(())
    }

    /// Lets the clients talk until the server dies.
    async fn doomed_life(
        &mut self,
        place: &Place,
        chatters: &mut [Chatter],
        setup: &Setup,
        plan: &Plan,
        moment: Moment,
    ) -> Result<()> {
        let mut setup = setup.clone();
        let ending = match (self.kind, &place.disk) {
            (Kind::PowerCut, Some(disk)) => Ending::PowerCut {
                disk: disk.clone(),
                flushes_log: plan.flushes_log,
            },
            (Kind::FailedSync, _) => Ending::Itself,
            _ => Ending::Kill,
        };
        if let Moment::FailedSync(count) = moment {
            setup.wrapper = tampered("fsync,fdatasync", &format!("error=EIO:when={count}"));
        }
        let mut process = setup.start(ending)?;
        // Dropping it ends the watchers with the life that they watch.
        let mut watchers = JoinSet::new();
        if let Moment::Booting(time) = moment {
            watchers.spawn(strike_after(time, process.doom.clone()));
        }
        if let Some(base) = process.listens().await? {
            Self::watch(&mut watchers, place, moment, &process.doom);
            let life = Self::life(place, base, &process.doom, true);
            join_all(chatters.iter_mut().map(|chatter| chatter.live(&life))).await;
        }
        let status = process.ended().await?;
        // Watchers have the database open; a server that starts must be the first to open it.
        watchers.shutdown().await;
        if status.code() == Some(IO_ERROR) {
            self.report.ended_by_itself();
        }
        match (self.kind, &place.disk) {
            (Kind::Kill, _) if !was_killed(status) => {
                bail!("the server ended before it was killed: {status}");
            }
            (Kind::FailedSync, _) if !was_killed(status) && status.code() != Some(IO_ERROR) => {
                bail!("the server ended with {status} after a failed sync");
            }
            (Kind::PowerCut, Some(disk)) => disk.lose_power(),
            (Kind::FailedSync, Some(disk)) => {
                disk.cut(plan.flushes_log);
                disk.lose_power()
            }
            _ => Ok(()),
        }
    }

    /// Lets the disk be full for a while as the clients talk.
    async fn full_life(
        &self,
        place: &Place,
        chatters: &mut [Chatter],
        setup: &Setup,
    ) -> Result<()> {
        let disk = place.disk.as_ref().context("no disk")?;
        let mut process = setup.start(Ending::Kill)?;
        let base = process
            .listens()
            .await?
            .context("the server does not listen")?;
        let life = Self::life(place, base.clone(), &process.doom, true);
        let (person, chats) = place.people.first().context("nobody")?;
        let filling = async {
            sleep(BEFORE_FULL).await;
            let mut ballast = Ballast::fill(disk)?;
            place.book.remark("the disk is full");
            let refused = place.book.counts().refused;
            // It may be the write that meets the end of the room.
            let meeting = place.visitor.login(&base).await;
            meeting.context("a login as the disk becomes full")?;
            until("a message is refused", || {
                place.book.counts().refused > refused
            })
            .await?;
            for _ in 0..READS_WHILE_FULL {
                place
                    .visitor
                    .login(&base)
                    .await
                    .context("a login on a full disk")?;
                person
                    .messages(&base, chats[0])
                    .await
                    .context("reading on a full disk")?;
            }
            // Whatever the server had kept back for this is taken as well.
            ballast.fill_up();
            for _ in 0..READS_WHILE_FULL {
                person
                    .messages(&base, chats[0])
                    .await
                    .context("reading with no room at all")?;
            }
            drop(ballast);
            place.book.remark("the disk has room again");
            let accepted = place.book.counts().accepted;
            let enough = accepted + MESSAGES_AFTER_FULL;
            until("messages are taken again", || {
                place.book.counts().accepted > enough
            })
            .await
        };
        let (_, filled) = tokio::join!(
            join_all(chatters.iter_mut().map(|chatter| chatter.live(&life))),
            async {
                let filled = filling.await;
                life.load.store(false, Ordering::SeqCst);
                filled
            }
        );
        filled?;
        let exchanges = chatters.iter().flat_map(|chatter| &chatter.exchanges);
        let mut refusals = exchanges.flat_map(|exchange| &exchange.refusals);
        if let Some(other) = refusals.find(|code| *code != "507 storage_full") {
            bail!("a message is refused with {other}");
        }
        process.stop().await
    }

    /// Sets whatever makes the server die at its moment.
    fn watch(watchers: &mut JoinSet<()>, place: &Place, moment: Moment, doom: &Arc<Doom>) {
        let longest = match moment {
            Moment::FailedSync(_) => LONGEST_WAIT_FOR_SYNC,
            _ => LONGEST_LIFE,
        };
        watchers.spawn(strike_after(longest, doom.clone()));
        match moment {
            Moment::After(time) => {
                watchers.spawn(strike_after(time, doom.clone()));
            }
            Moment::Begun(_) | Moment::Saved(_) | Moment::Ended(_) => {
                let (database, doom) = (place.setup.database(), doom.clone());
                watchers.spawn_blocking(move || {
                    if let Err(error) = strike_at(&database, moment, &doom) {
                        eprintln!("warning: the database cannot be watched: {error:#}");
                    }
                });
            }
            _ => place.book.set_trap(moment, doom.clone()),
        }
    }

    fn life(place: &Place, base: String, doom: &Arc<Doom>, has_load: bool) -> Life {
        Life {
            base,
            doom: doom.clone(),
            book: place.book.clone(),
            load: Arc::new(AtomicBool::new(has_load)),
        }
    }

    /// Lets everything come to its end and judges it.
    async fn last_life(
        &mut self,
        place: &mut Place,
        chatters: &mut [Chatter],
        mut process: Process,
        plan: &Plan,
        left_behind: &BTreeSet<String>,
    ) -> Result<Vec<String>> {
        let began = Instant::now();
        let base = process
            .listens()
            .await?
            .context("the server does not listen")?;
        self.report.started_in(began.elapsed());
        let life = Self::life(place, base, &process.doom, false);
        let database = place.setup.database();
        let (taken_over, _) = tokio::join!(
            taken_over(&database, left_behind),
            join_all(chatters.iter_mut().map(|chatter| chatter.live(&life))),
        );
        let mut wrong: Vec<String> = taken_over?.err().into_iter().collect();
        all_over(&database).await?;
        for chatter in chatters.iter_mut() {
            chatter.look_back(&life).await?;
        }
        let state = Database::open(&database)?.state()?;
        let talks = || chatters.iter().map(Chatter::talk);
        wrong.extend(verdict::at_end(talks(), &state, self.promises(plan)));
        let before = place.last.as_ref();
        wrong.extend(verdict::of_origin(talks(), before, &state));
        for chatter in chatters.iter() {
            wrong.extend(verdict::of_api(chatter.chat, &chatter.seen, &state));
        }
        if let Some(before) = &place.last {
            wrong.extend(verdict::of_time(before, &state));
        }
        self.report.ended(&state, place.last.as_ref());
        place.last = Some(state);
        process.doom.strike();
        process.ended().await?;
        Ok(wrong)
    }
}

impl Place {
    fn chatters(&self, plan: &Plan) -> Vec<Chatter> {
        let chats = self
            .people
            .iter()
            .flat_map(|(person, chats)| chats.iter().map(move |chat| (person, chat)));
        let chatter = |(number, (person, chat)): (u64, (&Person, &i64))| {
            let shown = self.last.as_ref().and_then(|last| last.heads.get(chat));
            let dice = plan.dice(number);
            Chatter::new(person.clone(), *chat, shown.copied(), plan.cycle, dice)
        };
        (0..).zip(chats).map(chatter).collect()
    }

    /// Leaves the directory where it is and says where that is.
    fn keep(self) -> Result<PathBuf> {
        if let Some(disk) = &self.disk {
            let copy = Command::new("cp")
                .arg("-r")
                .arg(disk.path())
                .arg(self.directory.path().join("copy"))
                .status()?;
            if !copy.success() {
                eprintln!("warning: the data could not be copied");
            }
        }
        drop(self.disk);
        Ok(self.directory.keep())
    }
}

/// Judges what a server will find that is started now.
fn at_death(chatters: &[Chatter], setup: &Setup) -> Result<(Vec<String>, State)> {
    let found = State::found(&setup.database())?.context("lost: the database is gone")?;
    let talks = chatters.iter().map(Chatter::talk);
    Ok((verdict::at_death(talks, &found), found))
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > LIMIT {
            bail!("did not happen in time: {what}");
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn strike_after(time: Duration, doom: Arc<Doom>) {
    sleep(time).await;
    doom.strike();
}

/// Kills the server as soon as its database has come so far.
fn strike_at(database: &Path, moment: Moment, doom: &Doom) -> Result<()> {
    let mut database = Database::open(database)?;
    let start = database.progress()?;
    while !doom.is_struck() {
        let now = database.progress()?;
        let (count, reached) = match moment {
            Moment::Begun(count) => (count, now.begun - start.begun),
            Moment::Saved(count) => (count, now.saved - start.saved),
            Moment::Ended(count) => (count, now.ended - start.ended),
            _ => return Ok(()),
        };
        if reached >= i64::from(count) {
            doom.strike();
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Waits until none of the nodes that are gone holds a turn, and says if that took too long.
async fn taken_over(database: &Path, gone: &BTreeSet<String>) -> Result<Result<(), String>> {
    let mut database = Database::open(database)?;
    let began = Instant::now();
    loop {
        let working = database.working_nodes()?;
        if working.is_disjoint(gone) {
            return Ok(Ok(()));
        }
        if began.elapsed() > TAKEN_OVER_WITHIN {
            return Ok(Err(format!("stuck: nobody works on a turn of {working:?}")));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Waits until no turn runs. One that never ends is found when all is judged.
async fn all_over(database: &Path) -> Result<()> {
    let mut database = Database::open(database)?;
    let began = Instant::now();
    while !database.working_nodes()?.is_empty() && began.elapsed() < LIMIT {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
