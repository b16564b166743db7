//! Days as the operator counts them.

use std::{fmt, ops::Range};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A calendar day in the zone of the statistics.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// Reads `YYYY-MM-DD`; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 10 {
            return None;
        }
        text.parse().ok().map(Self)
    }

    /// The day before, `count` times; stays at the calendar's first day.
    #[must_use]
    pub fn days_before(self, count: u32) -> Self {
        Self(
            self.0
                .saturating_sub(jiff::Span::new().days(i64::from(count))),
        )
    }

    /// The day after; stays at the calendar's last day.
    #[must_use]
    pub fn tomorrow(self) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(1)))
    }

    /// The number of days from `earlier` to this one; negative when `earlier` is later.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        (self.0.duration_since(earlier.0)).as_hours() / 24
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({})", self.0)
    }
}

/// A range of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The first day.
    pub from: Day,
    /// The last day, not before the first.
    pub to: Day,
}

impl DayRange {
    /// Every day, oldest first.
    pub fn days(self) -> impl Iterator<Item = Day> {
        let mut next = Some(self.from).filter(|from| *from <= self.to);
        std::iter::from_fn(move || {
            let day = next?;
            next = (day < self.to).then(|| day.tomorrow());
            Some(day)
        })
    }
}

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(Date);

impl Month {
    /// Reads `YYYY-MM`; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let first = Day::parse(&format!("{text}-01"))?;
        Some(Self(first.0))
    }

    /// Its days.
    #[must_use]
    pub fn days(self) -> DayRange {
        DayRange {
            from: Day(self.0),
            to: Day(self.0.last_of_month()),
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime("%Y-%m").fmt(f)
    }
}

/// The zone in which a day of the statistics begins and ends (`STATS_TIMEZONE`).
#[derive(Clone, Debug)]
pub struct StatsZone {
    name: String,
    zone: TimeZone,
}

impl StatsZone {
    /// Looks up an IANA name such as `Asia/Seoul`; `None` when there is no such zone.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).ok()?;
        Some(Self {
            name: name.to_owned(),
            zone,
        })
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The day on which a moment falls.
    #[must_use]
    pub fn day_of(&self, moment: Timestamp) -> Day {
        Day(self.zone.to_datetime(moment).date())
    }

    /// The moments of a range of days, from its first one to the one that is over it.
    #[must_use]
    pub fn moments_of(&self, days: DayRange) -> Range<Timestamp> {
        self.end_of(days.from.days_before(1))..self.end_of(days.to)
    }

    /// The moment at which a day is over and the next one begins.
    #[must_use]
    pub fn end_of(&self, day: Day) -> Timestamp {
        let tomorrow = day.tomorrow();
        if tomorrow == day {
            return Timestamp::MAX;
        }
        tomorrow
            .0
            .to_zoned(self.zone.clone())
            .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_turns_at_midnight_in_the_zone_of_the_statistics() {
        let seoul = StatsZone::parse("Asia/Seoul").unwrap();
        let before: Timestamp = "2026-11-22T14:59:59.999999Z".parse().unwrap();
        let after: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
        assert_eq!(seoul.day_of(before).to_string(), "2026-11-22");
        assert_eq!(seoul.day_of(after).to_string(), "2026-11-23");
        assert!(StatsZone::parse("Asia/Nowhere").is_none());
    }

    #[test]
    fn a_day_ends_when_the_next_one_begins() {
        let seoul = StatsZone::parse("Asia/Seoul").unwrap();
        let day = Day::parse("2026-11-22").unwrap();
        let end = seoul.end_of(day);
        assert_eq!(end.to_string(), "2026-11-22T15:00:00Z");
        assert_eq!(seoul.day_of(end), day.tomorrow());
        // Clocks are set forward from midnight to one: the day begins with its second hour.
        let beirut = StatsZone::parse("Asia/Beirut").unwrap();
        let before = Day::parse("2024-03-30").unwrap();
        let end = beirut.end_of(before);
        assert_eq!(beirut.day_of(end), before.tomorrow());
        let just_before = end - jiff::SignedDuration::from_micros(1);
        assert_eq!(beirut.day_of(just_before), before);
        let last = Day::parse("9999-12-31").unwrap();
        assert_eq!(seoul.end_of(last), Timestamp::MAX);
    }

    #[test]
    fn a_range_has_every_day_from_the_first_to_the_last() {
        let range = |from: &str, to: &str| DayRange {
            from: Day::parse(from).unwrap(),
            to: Day::parse(to).unwrap(),
        };
        let days: Vec<_> = range("2026-02-27", "2026-03-01")
            .days()
            .map(|day| day.to_string())
            .collect();
        assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01"]);
        assert_eq!(range("2026-03-01", "2026-03-01").days().count(), 1);
        assert_eq!(range("9999-12-31", "9999-12-31").days().count(), 1);
        assert_eq!(range("2026-03-02", "2026-03-01").days().count(), 0);
    }

    #[test]
    fn a_month_has_its_days_and_is_read_in_one_form_only() {
        for (text, last) in [("2026-02", 28), ("2028-02", 29), ("2026-12", 31)] {
            let month = Month::parse(text).unwrap();
            assert_eq!(month.to_string(), text);
            assert_eq!(month.days().from.to_string(), format!("{text}-01"));
            assert_eq!(month.days().to.to_string(), format!("{text}-{last}"));
        }
        for bad in ["2026-13", "2026-1", "202601", "2026-01-01", "", "-"] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_of_days_lasts_from_the_first_midnight_to_the_last() {
        let seoul = StatsZone::parse("Asia/Seoul").unwrap();
        let month = Month::parse("2026-11").unwrap();
        let moments = seoul.moments_of(month.days());
        assert_eq!(moments.start.to_string(), "2026-10-31T15:00:00Z");
        assert_eq!(moments.end.to_string(), "2026-11-30T15:00:00Z");
    }

    #[test]
    fn a_day_is_read_in_one_form_only() {
        assert_eq!(Day::parse("2026-02-28").unwrap().to_string(), "2026-02-28");
        for bad in [
            "2026-02-30",
            "2026-2-3",
            "20260203",
            "2026-02-28T00:00",
            "today",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
        let day = Day::parse("2026-03-01").unwrap();
        assert_eq!(day.days_before(1).to_string(), "2026-02-28");
        assert_eq!(day.days_since(day.days_before(29)), 29);
    }
}
