//! When a timed file rolls, and what it is called then: CPython's `TimedRotatingFileHandler`, its arithmetic alone.

use std::str::FromStr;

use jiff_core::Timestamp;
use jiff_core::civil::{Date, DateTime};
use jiff_core::tz::Offset;
use logtree_core::{ArgumentError, Zone, ZoneTime};

const DAY_S: i64 = 24 * 60 * 60;
const HOUR_S: i64 = 60 * 60;

/// At what moments a file rolls: Python's `when`, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `S`: so many seconds after the last time.
    Seconds,
    /// `M`: so many minutes after the last time.
    Minutes,
    /// `H`: so many hours after the last time.
    Hours,
    /// `D`: so many times 24 hours after the last time.
    Days,
    /// `midnight`: at the end of a day, or at a time of the day.
    Midnight,
    /// `W0` to `W6`: the same on Monday to Sunday.
    Weekday(u8),
}

impl FromStr for When {
    type Err = ArgumentError;

    /// # Errors
    /// CPython's `ValueError` for any other name.
    fn from_str(name: &str) -> Result<Self, ArgumentError> {
        let name = name.to_uppercase();
        let message = match (&*name, name.strip_prefix('W')) {
            ("S", _) => return Ok(Self::Seconds),
            ("M", _) => return Ok(Self::Minutes),
            ("H", _) => return Ok(Self::Hours),
            ("D", _) => return Ok(Self::Days),
            ("MIDNIGHT", _) => return Ok(Self::Midnight),
            (_, Some(day)) => match (day.chars().next(), day.chars().count()) {
                (Some(day @ '0'..='6'), 1) => return Ok(Self::Weekday(day as u8 - b'0')),
                (_, 1) => format!("Invalid day specified for weekly rollover: {name}"),
                _ => format!("You must specify a day for weekly rollover from 0 to 6 (0 is Monday): {name}"),
            },
            (_, None) => format!("Invalid rollover interval specified: {name}"),
        };
        let expected = "'S', 'M', 'H', 'D', 'midnight' or 'W0' to 'W6'";
        Err(ArgumentError::new("ValueError", message).at("when").expected(expected))
    }
}

impl When {
    /// In seconds.
    pub(crate) fn unit_s(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => HOUR_S,
            Self::Days | Self::Midnight => DAY_S,
            Self::Weekday(_) => 7 * DAY_S,
        }
    }

    /// Whether it is the clock on the wall that counts.
    fn is_by_the_clock(self) -> bool {
        matches!(self, Self::Midnight | Self::Weekday(_))
    }

    /// Whether names tell days, and no times of a day.
    fn is_of_days(self) -> bool {
        matches!(self, Self::Days | Self::Midnight | Self::Weekday(_))
    }

    /// What stands behind the name of a rolled file, as digits and separators: a `0` is any digit.
    fn pattern(self) -> &'static str {
        match self {
            Self::Seconds => "0000-00-00_00-00-00",
            Self::Minutes => "0000-00-00_00-00",
            Self::Hours => "0000-00-00_00",
            Self::Days | Self::Midnight | Self::Weekday(_) => "0000-00-00",
        }
    }
}

/// A time of the day: Python's `datetime.time`, which a config writes as `"13:45"` or `"13:45:30"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtTime {
    /// 0 to 23
    pub hour: u8,
    /// 0 to 59
    pub minute: u8,
    /// 0 to 59
    pub second: u8,
}

impl FromStr for AtTime {
    type Err = ArgumentError;

    /// # Errors
    /// For what is no time of a day.
    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let mut parts = text.split(':').map(|part| {
            let is_number = matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| is_number)
        });
        let mut part = |most: u8| parts.next().flatten().filter(|value| *value <= most);
        let time = (part(23), part(59));
        let second = if text.matches(':').count() == 1 { Some(0) } else { part(59) };
        match (time, second, parts.next()) {
            ((Some(hour), Some(minute)), Some(second), None) => Ok(Self { hour, minute, second }),
            _ => {
                let message = format!("'{text}' is no time of a day");
                Err(ArgumentError::new("ValueError", message).at("atTime").expected("a time such as '13:45'"))
            }
        }
    }
}

/// When a file rolls, in which zone.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) when: When,
    /// Between two times.
    pub(crate) interval_s: i64,
    pub(crate) at_time: Option<AtTime>,
    /// `None` for UTC, where there is no summer.
    pub(crate) zone: Option<Zone>,
}

impl Schedule {
    /// The second from which on the file is due, if it began at `current` (CPython's `computeRollover`).
    pub(crate) fn next_after(&self, current: i64) -> i64 {
        if !self.when.is_by_the_clock() {
            return current.saturating_add(self.interval_s);
        }
        let now = self.civil(current);
        let (day, time) = (now.date(), now.time());
        let at_s = self
            .at_time
            .map_or(DAY_S, |at| i64::from(at.hour) * HOUR_S + i64::from(at.minute) * 60 + i64::from(at.second));
        let since_midnight_s =
            i64::from(time.hour()) * HOUR_S + i64::from(time.minute()) * 60 + i64::from(time.second());
        let mut weekday = i64::from(day.weekday().to_monday_zero_offset());
        let mut left_s = at_s - since_midnight_s;
        if left_s <= 0 {
            left_s += DAY_S;
            weekday = (weekday + 1) % 7;
        }
        if let When::Weekday(day) = self.when {
            left_s += (i64::from(day) - weekday).rem_euclid(7) * DAY_S;
        }
        let result = current.saturating_add(left_s).saturating_add(self.interval_s - self.when.unit_s());
        self.as_on_the_wall(current, result)
    }

    /// Moves a time by the hour by which summer begins or ends before it.
    fn as_on_the_wall(&self, current: i64, result: i64) -> i64 {
        match (self.is_summer(current), self.is_summer(result)) {
            (false, true) if self.is_summer(result.saturating_sub(HOUR_S)) => result.saturating_sub(HOUR_S),
            (true, false) => result.saturating_add(HOUR_S),
            _ => result,
        }
    }

    /// What stands behind the name of a file that is rolled now and was due at `due`: the beginning of its interval
    /// (CPython's `doRollover`).
    ///
    /// `DIFFERENCE`: CPython moves that time by an hour where summer began or ended within the interval. That is right for
    /// days; for hours and less it gives the file the name of another one, and then it rolls no more. Here the hour that
    /// comes twice has its offset from UTC behind its name the second time.
    pub(crate) fn suffix(&self, due: i64, now: i64) -> String {
        let began = self.began(due, now);
        let civil = self.civil(began);
        let (day, time) = (civil.date(), civil.time());
        let mut suffix = format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
        for (part, least) in
            [(time.hour(), When::Hours), (time.minute(), When::Minutes), (time.second(), When::Seconds)]
        {
            if self.when.unit_s() <= least.unit_s() {
                let separator = if least == When::Hours { '_' } else { '-' };
                suffix.push_str(&format!("{separator}{part:02}"));
            }
        }
        if let Some(offset_s) = self.second_offset_s(began).filter(|_| !self.when.is_of_days()) {
            let sign = if offset_s < 0 { '-' } else { '+' };
            let minutes = offset_s.abs() / 60;
            suffix.push_str(&format!("{sign}{:02}{:02}", minutes / 60, minutes % 60));
        }
        suffix
    }

    fn began(&self, due: i64, now: i64) -> i64 {
        let began = due.saturating_sub(self.interval_s);
        match (self.is_summer(began), self.is_summer(now)) {
            (false, true) if self.when.is_of_days() => began.saturating_add(HOUR_S),
            (true, false) if self.when.is_of_days() => began.saturating_sub(HOUR_S),
            _ => began,
        }
    }

    /// The offset of a moment whose time of the day had been there already, before summer ended.
    fn second_offset_s(&self, second: i64) -> Option<i32> {
        let zone = self.zone.as_ref().filter(|zone| zone.is_repeated(second))?;
        Some(zone.at(second)?.offset_s())
    }

    /// Whether this can stand behind the name of a file that was rolled: CPython's `extMatch`, and an offset.
    pub(crate) fn is_suffix(&self, suffix: &str) -> bool {
        let like = |text: &str, pattern: &str| {
            let fits = |(byte, like): (u8, u8)| if like == b'0' { byte.is_ascii_digit() } else { byte == like };
            text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
        };
        let pattern = self.when.pattern();
        match suffix.split_at_checked(pattern.len()) {
            Some((time, "")) => like(time, pattern),
            Some((time, offset)) => {
                like(time, pattern) && !self.when.is_of_days() && (like(offset, "+0000") || like(offset, "-0000"))
            }
            None => false,
        }
    }

    /// The second that a [suffix](Self::suffix) names, by which files are older or younger than each other: the hour that comes
    /// twice comes first without an offset, then with one, and their names alone would mix the two.
    pub(crate) fn second_of(&self, suffix: &str) -> i64 {
        let (time, offset) = suffix.split_at_checked(self.when.pattern().len()).unwrap_or((suffix, ""));
        let mut numbers =
            time.split(|separator: char| !separator.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
        let mut next = |least: i16, most: i16| numbers.next().unwrap_or(0).clamp(least, most);
        // A name need not be of a day that there is.
        let (year, month) = (next(0, 9999), next(1, 12) as i8);
        let days = Date::new(year, month, 1).map_or(28, |first| first.days_in_month());
        let day = next(1, days.into()) as i8;
        let (hour, minute, second) = (next(0, 23) as i8, next(0, 59) as i8, next(0, 59) as i8);
        let civil = DateTime::new(year, month, day, hour, minute, second, 0).unwrap_or(DateTime::MIN);
        let utc = Offset::UTC.to_timestamp(civil).map_or(0, |utc| utc.as_second());
        if let Some((hours, minutes)) = offset.split_at_checked(3)
            && let (Ok(hours), Ok(minutes)) = (hours.parse::<i64>(), minutes.parse::<i64>())
        {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            return utc - hours * HOUR_S - sign * minutes * 60;
        }
        let offset_s = |second| self.shown(second).map_or(0, |shown| i64::from(shown.offset_s()));
        let (before_s, behind_s) = (offset_s(utc - DAY_S), offset_s(utc + DAY_S));
        let first = utc - before_s;
        if offset_s(first) == before_s { first } else { utc - behind_s }
    }

    fn is_summer(&self, second: i64) -> bool {
        self.shown(second).is_some_and(|shown| shown.is_summer())
    }

    fn civil(&self, second: i64) -> DateTime {
        let offset_s = self.shown(second).map_or(0, |shown| shown.offset_s());
        timestamp(second).to_datetime(Offset::from_seconds(offset_s).unwrap_or(Offset::UTC))
    }

    fn shown(&self, second: i64) -> Option<ZoneTime> {
        self.zone.as_ref()?.at(timestamp(second).as_second())
    }
}

/// A second, or the first or last one that there is.
fn timestamp(second: i64) -> Timestamp {
    let nearest = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

    use serde_json::Value as Json;

    use super::*;
    use crate::cpython;

    fn schedule(case: &Json) -> Schedule {
        let when: When = case["when"].as_str().unwrap().parse().unwrap();
        let is_utc = case["utc"].as_bool() == Some(true);
        Schedule {
            when,
            interval_s: when.unit_s() * case["interval"].as_i64().unwrap(),
            at_time: case["atTime"].as_str().map(|time| time.parse().unwrap()),
            zone: (!is_utc).then(|| Zone::of(case["zone"].as_str().unwrap()).unwrap()),
        }
    }

    fn integers(json: &Json) -> Vec<i64> {
        json.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
    }

    fn cases() -> Vec<Json> {
        cpython::cases("timed.py", include_str!("../tests/handlers/timed.jsonl"))
    }

    #[test]
    fn files_roll_when_they_do_in_cpython() {
        let cases = cases();
        let instants = cases.iter().find_map(|case| case.get("instants")).map(integers).unwrap();
        let mut count = 0;
        for case in cases.iter().filter(|case| case.get("after").is_some()) {
            let schedule = schedule(case);
            let ours: Vec<_> = instants.iter().map(|instant| schedule.next_after(*instant) - instant).collect();
            assert_eq!(ours, integers(&case["after"]), "{case}");
            count += instants.len();
        }
        assert!(count > 20_000, "{count}");
    }

    #[test]
    fn files_are_called_as_in_cpython() {
        let cases = cases();
        let due = cases.iter().find_map(|case| case.get("due")).map(integers).unwrap();
        let (mut count, mut different) = (0, 0);
        for case in cases.iter().filter(|case| case.get("names").is_some()) {
            let schedule = schedule(case);
            let late = case["late"].as_i64().unwrap();
            let theirs = case["names"].as_array().unwrap();
            // Of some classes fewer.
            let some = if theirs.len() == due.len() { &due } else { &due.iter().step_by(7).copied().collect() };
            assert_eq!(theirs.len(), some.len());
            for (instant, theirs) in some.iter().zip(theirs) {
                let due = schedule.next_after(*instant);
                let (began, now) = (due - schedule.interval_s, due + late);
                let ours = schedule.suffix(due, now);
                assert!(schedule.is_suffix(&ours));
                let is_moved = schedule.is_summer(began) != schedule.is_summer(now);
                let is_second = schedule.second_offset_s(began).is_some();
                match !schedule.when.is_of_days() && (is_moved || is_second) {
                    // DIFFERENCE: see `suffix`.
                    true => different += 1,
                    false => assert_eq!(ours, theirs.as_str().unwrap(), "{instant} of {case}"),
                }
                count += 1;
            }
        }
        assert!((1..count / 20).contains(&different), "{different} of {count}");
        assert!(count > 9_000, "{count}");
    }

    #[test]
    fn hours_that_come_twice_or_not_at_all_have_names_of_their_own() {
        // Summer ends in Berlin on 27 October 2024 at 01:00 UTC, and begins on 31 March at 01:00 UTC.
        for (begin, expected) in [
            (1_729_980_000, ["2024-10-27_00", "2024-10-27_01", "2024-10-27_02", "2024-10-27_02+0100", "2024-10-27_03"]),
            (1_711_839_600, ["2024-03-31_00", "2024-03-31_01", "2024-03-31_03", "2024-03-31_04", "2024-03-31_05"]),
        ] {
            let zone = Zone::of("Europe/Berlin");
            let schedule = Schedule { when: When::Hours, interval_s: HOUR_S, at_time: None, zone };
            let mut due = schedule.next_after(begin);
            for name in expected {
                assert_eq!(schedule.suffix(due, due), name);
                assert!(schedule.is_suffix(name));
                assert_eq!(schedule.second_of(name), due - HOUR_S);
                due = schedule.next_after(due);
            }
        }
        let daily = Schedule { when: When::Midnight, interval_s: DAY_S, at_time: None, zone: None };
        assert!(daily.is_suffix("2024-10-27") && !daily.is_suffix("2024-10-27+0100"));
    }

    #[test]
    fn times_of_a_day_are_read() {
        let time = |hour, minute, second| Some(AtTime { hour, minute, second });
        let read = |text: &str| text.parse().ok();
        assert_eq!([read("00:00"), read("9:05"), read("23:59:59")], [time(0, 0, 0), time(9, 5, 0), time(23, 59, 59)]);
        for text in ["", "24:00", "12:60", "12", "12:00:60", "12:00:00:00", "-1:00", "+1:00", "12:", "1:2:", " 1:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
