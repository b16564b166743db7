//! What a run amounted to.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{book::Counts, database::State, plan::Moment};

/// Figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    cycles: u32,
    crashes: BTreeMap<&'static str, u32>,
    /// Crashes of a server that ended by itself, as it should.
    own_ends: u32,
    /// Turns that were under way when the server died.
    cut_short: usize,
    states: BTreeMap<String, usize>,
    starts: Vec<Duration>,
    /// The counts of the data directories before the present one.
    past: Counts,
    present: Counts,
}

impl Report {
    pub(crate) fn crash(&mut self, moment: Moment, found: &State) {
        let kind = match moment {
            Moment::After(_) => "at some time",
            Moment::Booting(_) => "while starting",
            Moment::Acknowledged(_) => "at an acceptance",
            Moment::Shown(_) => "at a piece of text",
            Moment::Stopping(_) => "before a stop",
            Moment::StopTaken(_) => "after a stop",
            Moment::Choosing(_) => "before a choice",
            Moment::Chosen(_) => "after a choice",
            Moment::Begun(_) => "at a begun turn",
            Moment::Saved(_) => "at a saved part",
            Moment::Ended(_) => "at an ended turn",
            Moment::FailedSync(_) => "at a failed sync",
        };
        *self.crashes.entry(kind).or_default() += 1;
        self.cut_short += found.turns.values().filter(|turn| !turn.is_over()).count();
    }

    pub(crate) fn ended_by_itself(&mut self) {
        self.own_ends += 1;
    }

    pub(crate) fn started_in(&mut self, time: Duration) {
        self.starts.push(time);
    }

    /// Counts how the turns of a cycle have ended.
    pub(crate) fn ended(&mut self, state: &State, before: Option<&State>) {
        let is_new = |id: &String| before.is_none_or(|before| !before.turns.contains_key(id));
        let turns = state.turns.values().filter(|turn| is_new(&turn.id));
        for turn in turns {
            *self.states.entry(turn.state.clone()).or_default() += 1;
        }
    }

    /// Counts a cycle; `counts` are those of its data directory.
    pub(crate) fn cycle(&mut self, counts: Counts) {
        self.cycles += 1;
        if counts.asked < self.present.asked {
            self.past = self.past.plus(self.present);
        }
        self.present = counts;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crashes: u32 = self.crashes.values().sum();
        let kinds: Vec<String> = self
            .crashes
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        writeln!(
            f,
            "{} cycles, {crashes} crashes: {}",
            self.cycles,
            kinds.join(", ")
        )?;
        if self.own_ends > 0 {
            writeln!(
                f,
                "{} times the server ended by itself with its code for it",
                self.own_ends
            )?;
        }
        let counts = self.past.plus(self.present);
        writeln!(
            f,
            "asked: {} times, {} of them for an answer beside another; {} asked again, {} acceptances, \
             {} refusals, {} branches chosen",
            counts.asked,
            counts.beside,
            counts.repeated,
            counts.accepted,
            counts.refused,
            counts.chosen
        )?;
        writeln!(
            f,
            "replies: {} pieces shown, {} streams resumed, {} begun anew, {} stops",
            counts.shown, counts.resumed, counts.resets, counts.stops
        )?;
        let states: Vec<String> = self
            .states
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        writeln!(
            f,
            "turns: {} cut short by a crash; {}",
            self.cut_short,
            states.join(", ")
        )?;
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let millis = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
        write!(
            f,
            "starts after a crash: median {} ms, longest {} ms",
            millis(starts.get(starts.len() / 2)),
            millis(starts.last())
        )
    }
}
