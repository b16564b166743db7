//! Days as the operator counts them.

use std::fmt;

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
