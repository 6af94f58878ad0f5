//! Points in time as ISO 8601 has them, calculated rather than remembered: it takes a few nanoseconds.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use logtree_core::{Argument, ArgumentError, FormatError, Timestamp, Value, Zone};

use crate::conversion::{Operand, error};

/// `2026-01-31T12:00:00`, for the years 0 to 9999.
#[inline]
fn date_time(second: i64, separator: u8) -> [u8; 19] {
    let (year, month, day) = date(second.div_euclid(DAY_S));
    let second_of_day = second.rem_euclid(DAY_S) as u32;
    let year = year.clamp(0, 9999) as u32;
    let two = |value: u32| [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
    let [[y0, y1], [y2, y3]] = [two(year / 100), two(year % 100)];
    let [[m0, m1], [d0, d1]] = [two(month), two(day)];
    let [h0, h1] = two(second_of_day / 3600);
    let [[n0, n1], [s0, s1]] = [two(second_of_day / 60 % 60), two(second_of_day % 60)];
    [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, separator, h0, h1, b':', n0, n1, b':', s0, s1]
}

/// Appends what is ASCII.
#[inline]
fn push_ascii(out: &mut String, text: &[u8]) {
    out.push_str(std::str::from_utf8(text).unwrap_or_default());
}

const DAY_S: i64 = 86_400;

/// Year, month and day of a day counted from 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`): in years that begin in March the leap day is the last.
fn date(day: i64) -> (i64, u32, u32) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + i64::from(year_of_era) + i64::from(month <= 2), month, day_of_month)
}

/// What Python's `datetime.fromtimestamp(…, tz=timezone.utc)` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime {
    second: i64,
    nanoseconds: u32,
}

/// The first second that the system's calendar has no year for, as many as an `int` counts.
const YEARS_END: i64 = 67_768_036_191_676_800;

impl DateTime {
    /// The moment of a timestamp, to the nanosecond.
    #[inline]
    pub(crate) fn of(created: Timestamp) -> Self {
        let nanoseconds = created.0.rem_euclid(1_000_000_000) as u32;
        Self { second: created.0.div_euclid(1_000_000_000), nanoseconds }
    }

    /// The moment of a record's `created`.
    ///
    /// # Errors
    /// CPython's, if it is none, or not within the years 1 to 9999.
    pub(crate) fn new(created: Value<'_>) -> Result<Self, FormatError> {
        let too_large = || error("OverflowError", "timestamp out of range for platform time_t");
        let (second, microseconds) = match (created, Operand::Value(created).integer()) {
            (_, Some(integer)) => {
                let magnitude = i64::try_from(integer.magnitude).map_err(|_| too_large())?;
                (if integer.is_negative { -magnitude } else { magnitude }, 0)
            }
            (Value::F64(value), _) if value.is_nan() => {
                return Err(error("ValueError", "Invalid value NaN (not a number)"));
            }
            (Value::F64(value), _) => {
                // CPython's `_PyTime_DoubleToDenominator`: the fraction is rounded by itself.
                let mut whole = value.trunc();
                let mut microseconds = ((value - whole) * 1e6).round_ties_even();
                if microseconds >= 1e6 {
                    (whole, microseconds) = (whole + 1.0, microseconds - 1e6);
                } else if microseconds < 0.0 {
                    (whole, microseconds) = (whole - 1.0, microseconds + 1e6);
                }
                // 2^63, from which on an `i64` ends.
                if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
                    return Err(too_large());
                }
                (whole as i64, microseconds as u32)
            }
            (other, _) => {
                let type_name = Operand::Value(other).type_name();
                return Err(error("TypeError", format!("'{type_name}' object cannot be interpreted as an integer")));
            }
        };
        if !(-YEARS_END..YEARS_END).contains(&second) {
            return Err(error("OSError", "[Errno 75] Value too large for defined data type"));
        }
        let year = date(second.div_euclid(DAY_S)).0;
        if !(1..=9999).contains(&year) {
            return Err(error("ValueError", format!("year {} is out of range", year as i32)));
        }
        Ok(Self { second, nanoseconds: microseconds * 1000 })
    }

    /// Appends Python's `isoformat`.
    pub(crate) fn push_iso(self, out: &mut String, separator: char) {
        push_ascii(out, &date_time(self.second, separator as u8));
        if self.nanoseconds != 0 {
            out.push('.');
            push_ascii(out, &nine_digits(self.nanoseconds)[..6]);
        }
        out.push_str("+00:00");
    }

    /// Appends it as RFC 3339, in UTC or in a zone.
    #[inline]
    pub(crate) fn push_rfc3339(self, out: &mut String, spec: TimeSpec, zone: Option<&LocalTime>) {
        let offset_min = zone.map(|zone| zone.offset_min(self.second));
        push_second(out, self.second + i64::from(offset_min.unwrap_or(0)) * 60);
        match spec {
            // Most want these, so that they are made by twos.
            TimeSpec::Microseconds => {
                let microseconds = self.nanoseconds / 1000;
                out.push('.');
                out.push_str(two_digits(microseconds / 10_000));
                out.push_str(two_digits(microseconds / 100 % 100));
                out.push_str(two_digits(microseconds % 100));
            }
            spec => self.push_fraction(out, spec),
        }
        match offset_min {
            None => out.push('Z'),
            Some(offset_min) => {
                out.push(if offset_min < 0 { '-' } else { '+' });
                out.push_str(two_digits(offset_min.unsigned_abs() / 60 % 100));
                out.push(':');
                out.push_str(two_digits(offset_min.unsigned_abs() % 60));
            }
        }
    }

    /// The second that it is in.
    pub(crate) fn second(self) -> i64 {
        self.second
    }

    /// Appends the point and what stands behind it.
    pub(crate) fn push_fraction(self, out: &mut String, spec: TimeSpec) {
        let digits = match spec {
            TimeSpec::Seconds => return,
            TimeSpec::Milliseconds => 3,
            TimeSpec::Microseconds => 6,
            TimeSpec::Nanoseconds => 9,
        };
        out.push('.');
        push_ascii(out, &nine_digits(self.nanoseconds)[..digits]);
    }
}

/// Appends date and time of day, from memory if this thread wrote the second last.
#[inline]
fn push_second(out: &mut String, second: i64) {
    thread_local! {
        /// By thread, so that it needs no lock, and a child of `fork` finds it whole.
        static LAST: RefCell<(i64, String)> = const { RefCell::new((0, String::new())) };
    }
    let remembered = LAST.try_with(|last| {
        let mut last = last.try_borrow_mut().ok()?;
        if last.0 != second || last.1.is_empty() {
            last.1.clear();
            push_ascii(&mut last.1, &date_time(second, b'T'));
            last.0 = second;
        }
        out.push_str(&last.1);
        Some(())
    });
    if !matches!(remembered, Ok(Some(()))) {
        // The thread is ending and its memory gone.
        push_ascii(out, &date_time(second, b'T'));
    }
}

/// The two digits of a number below 100.
#[inline]
fn two_digits(value: u32) -> &'static str {
    const PAIRS: &str = "00010203040506070809\
                         10111213141516171819\
                         20212223242526272829\
                         30313233343536373839\
                         40414243444546474849\
                         50515253545556575859\
                         60616263646566676869\
                         70717273747576777879\
                         80818283848586878889\
                         90919293949596979899";
    let at = value as usize * 2;
    PAIRS.get(at..at + 2).unwrap_or_default()
}

#[inline]
fn nine_digits(nanoseconds: u32) -> [u8; 9] {
    let mut rest = nanoseconds;
    let mut digits = [0; 9];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

/// How exact a time is written; what is beyond is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeSpec {
    /// `12:00:00`
    Seconds,
    /// `12:00:00.123`
    Milliseconds,
    /// `12:00:00.123456`
    #[default]
    Microseconds,
    /// `12:00:00.123456789`
    Nanoseconds,
}

impl TimeSpec {
    /// Reads a name, as Python's `datetime.isoformat` calls it; `nanoseconds` it does not know.
    pub(crate) fn from_argument(argument: &Argument) -> Result<Self, ArgumentError> {
        match argument {
            Argument::Str(name) if name == "seconds" => Ok(Self::Seconds),
            Argument::Str(name) if name == "milliseconds" => Ok(Self::Milliseconds),
            Argument::Str(name) if name == "microseconds" => Ok(Self::Microseconds),
            Argument::Str(name) if name == "nanoseconds" => Ok(Self::Nanoseconds),
            _ => {
                let error = ArgumentError::new("ValueError", "Unknown timespec value").at("timespec");
                Err(error.expected("seconds, milliseconds, microseconds or nanoseconds"))
            }
        }
    }
}

/// A time zone, and how far it is ahead of UTC.
#[derive(Clone, Debug)]
pub(crate) struct LocalTime {
    /// Names the zone among all of the process, so that threads can remember what it last said.
    id: u64,
    zone: Zone,
}

impl LocalTime {
    pub(crate) fn new(zone: Zone) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self { id: IDS.fetch_add(1, Ordering::Relaxed), zone }
    }

    /// In whole minutes, which is all that RFC 3339 can say.
    fn offset_min(&self, second: i64) -> i32 {
        thread_local!(static LAST: Cell<(u64, i64, i32)> = const { Cell::new((0, 0, 0)) });
        if let Ok((id, of, offset_min)) = LAST.try_with(Cell::get)
            && (id, of) == (self.id, second)
        {
            return offset_min;
        }
        let offset_min = self.zone.at(second).map_or(0, |shown| shown.offset_s().div_euclid(60));
        let _ = LAST.try_with(|last| last.set((self.id, second, offset_min)));
        offset_min
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        // Against jiff's core, over all that its calendar holds and a step that meets every day of the year.
        let epoch = jiff_core::civil::date(1970, 1, 1);
        let mut at = jiff_core::civil::date(-9999, 1, 1);
        while let Ok(next) = at.checked_add(97) {
            assert_eq!(date(epoch.until(at).into()), (at.year().into(), at.month() as u32, at.day() as u32));
            at = next;
        }
    }

    #[test]
    fn moments_are_cpythons() {
        // CPython 3.13: datetime.fromtimestamp(x, tz=timezone.utc).isoformat() of each.
        let iso = |created| {
            let mut out = String::new();
            DateTime::new(created).map(|moment| moment.push_iso(&mut out, 'T')).map_err(|error| error.to_string())?;
            Ok::<_, String>(out)
        };
        for (created, text) in [
            (Value::F64(1_700_000_012.345679), "2023-11-14T22:13:32.345679+00:00"),
            (Value::F64(-0.5), "1969-12-31T23:59:59.500000+00:00"),
            (Value::F64(1.5e-6), "1970-01-01T00:00:00.000002+00:00"),
            (Value::F64(2.5e-6), "1970-01-01T00:00:00.000002+00:00"),
            (Value::F64(0.9999999), "1970-01-01T00:00:01+00:00"),
            (Value::F64(-1e-7), "1970-01-01T00:00:00+00:00"),
            (Value::I64(253_402_300_799), "9999-12-31T23:59:59+00:00"),
            (Value::I64(-62_135_596_800), "0001-01-01T00:00:00+00:00"),
            (Value::Bool(true), "1970-01-01T00:00:01+00:00"),
        ] {
            assert_eq!(iso(created).as_deref(), Ok(text));
        }
        for (created, message) in [
            (Value::F64(f64::NAN), "ValueError: Invalid value NaN (not a number)"),
            (Value::F64(f64::INFINITY), "OverflowError: timestamp out of range for platform time_t"),
            (Value::F64(9.3e18), "OverflowError: timestamp out of range for platform time_t"),
            (Value::F64(9e18), "OSError: [Errno 75] Value too large for defined data type"),
            (Value::F64(-62_135_596_800.5), "ValueError: year 0 is out of range"),
            (Value::I64(253_402_300_800), "ValueError: year 10000 is out of range"),
            (Value::I64(67_768_036_191_676_799), "ValueError: year -2147481749 is out of range"),
            (Value::I64(67_768_036_191_676_800), "OSError: [Errno 75] Value too large for defined data type"),
            (Value::U64(1 << 63), "OverflowError: timestamp out of range for platform time_t"),
            (Value::None, "TypeError: 'NoneType' object cannot be interpreted as an integer"),
            (Value::Str("x"), "TypeError: 'str' object cannot be interpreted as an integer"),
        ] {
            assert_eq!(iso(created).unwrap_err(), message);
        }
    }
}
