//! `%(asctime)s`: the time of a record in the time zone of the process (CPython's `Formatter.formatTime`).

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff_core::Timestamp;
use jiff_core::civil::DateTime;
use jiff_core::tz::Offset;
use logtree_core::{FormatError, Record, Value, Zone};

use crate::config::{Converter, FormatterConfig};
use crate::conversion::{self, Kind, Operand, Spec, error};
use crate::json::TimeSpec;
use crate::json::moment::{self, LocalTime};
use crate::program::Program;
use crate::strftime::{DateFormat, Moment};

/// How a formatter shows the time.
#[derive(Clone, Debug)]
pub(crate) struct TimeFormat {
    /// Names the format among all of the process, so that threads can remember what it last showed.
    id: u64,
    zone: Zone,
    /// What the zone is called, if not as it calls itself.
    zone_name: Option<&'static str>,
    format: DateFormat,
    milliseconds: Milliseconds,
}

/// Whether milliseconds follow, and how.
#[derive(Clone, Debug)]
enum Milliseconds {
    Hidden,
    /// As Python's own [`DEFAULT_MSEC_FORMAT`] has them.
    Usual,
    /// As another format has them.
    Formatted(Program),
    /// No milliseconds, but a fraction so exact.
    Fraction(TimeSpec),
    /// No milliseconds, but the whole time as RFC 3339 has it; in UTC without a zone.
    Rfc3339(TimeSpec, Option<LocalTime>),
}

/// Python's `default_time_format`.
pub(crate) const DEFAULT_TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Python's `default_msec_format`, of the time and the attribute `msecs`.
pub(crate) const DEFAULT_MSEC_FORMAT: &str = "%s,%03d";

/// What that makes of the second of them.
const MILLISECONDS: Spec = Spec { zero: true, width: 3, kind: Kind::Decimal('d'), ..Spec::STR };

/// `,000` to `,999`, one behind the other.
const COMMA_MILLISECONDS: &str = {
    const BYTES: [u8; 4000] = {
        let mut bytes = [b','; 4000];
        let mut value = 0;
        while value < 1000 {
            bytes[4 * value + 1] = b'0' + (value / 100) as u8;
            bytes[4 * value + 2] = b'0' + (value / 10 % 10) as u8;
            bytes[4 * value + 3] = b'0' + (value % 10) as u8;
            value += 1;
        }
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

impl TimeFormat {
    /// As the formatter's arguments and attributes say; as in Python an empty `datefmt` is none.
    pub(crate) fn new(config: &FormatterConfig) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let datefmt = config.datefmt.as_deref().filter(|datefmt| !datefmt.is_empty());
        let (zone, zone_name) = match config.converter {
            Converter::LocalTime => (Zone::local(), None),
            Converter::GmTime => (Zone::UTC, Some("GMT")),
        };
        let local = || (config.converter == Converter::LocalTime).then(|| LocalTime::new(Zone::local()));
        let milliseconds = match (config.timespec, datefmt, config.default_msec_format.as_deref()) {
            (Some(spec), Some(_), _) => Milliseconds::Fraction(spec),
            (Some(spec), None, _) => Milliseconds::Rfc3339(spec, local()),
            (None, Some(_), _) | (None, None, None | Some("")) => Milliseconds::Hidden,
            (None, None, Some(DEFAULT_MSEC_FORMAT)) => Milliseconds::Usual,
            (None, None, Some(format)) => Milliseconds::Formatted(Program::of_tuple(format, &["asctime", "msecs"])),
        };
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            zone,
            zone_name,
            format: DateFormat::new(datefmt.unwrap_or(&config.default_time_format)),
            milliseconds,
        }
    }

    /// Whether the time of a record to which nothing was given may be none.
    pub(crate) fn may_fail(&self) -> bool {
        matches!(self.milliseconds, Milliseconds::Formatted(_))
    }

    /// Appends the time of `record`.
    ///
    /// # Errors
    /// If the record was given a time that is none.
    pub(crate) fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let second = match record.attribute("created") {
            None => record.created.whole_seconds(),
            Some(created) => whole_seconds(created)?,
        };
        match &self.milliseconds {
            Milliseconds::Rfc3339(..) | Milliseconds::Fraction(_) => self.write_exactly(record, out),
            Milliseconds::Hidden => self.write_second(second, out),
            Milliseconds::Formatted(program) => {
                program.run_each(record, out, &|_, out| self.write_second(second, out), &|_, _, _| {})
            }
            Milliseconds::Usual => {
                self.write_second(second, out)?;
                match record.attribute("msecs") {
                    Some(msecs) => {
                        out.push(',');
                        conversion::push(out, Operand::Value(msecs), &MILLISECONDS)?;
                    }
                    None => {
                        let at = 4 * usize::from(record.created.milliseconds());
                        out.push_str(COMMA_MILLISECONDS.get(at..at + 4).unwrap_or_default());
                    }
                }
                Ok(())
            }
        }
    }

    /// Appends the time with all digits that are wanted.
    #[inline(never)]
    fn write_exactly(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let time =
            record.attribute("created").map_or(Ok(moment::DateTime::of(record.created)), moment::DateTime::new)?;
        match &self.milliseconds {
            Milliseconds::Rfc3339(spec, zone) => time.push_rfc3339(out, *spec, zone.as_ref()),
            Milliseconds::Fraction(spec) => {
                // Its own second, as Python's float may have been rounded up to the next.
                self.write_second(time.second(), out)?;
                time.push_fraction(out, *spec);
            }
            Milliseconds::Hidden | Milliseconds::Usual | Milliseconds::Formatted(_) => {}
        }
        Ok(())
    }

    /// Appends a second, from memory if this thread showed it last.
    fn write_second(&self, second: i64, out: &mut String) -> Result<(), FormatError> {
        let remembered = SHOWN.try_with(|shown| {
            let mut shown = shown.try_borrow_mut().ok()?;
            let shown = &mut shown[self.id as usize % SHOWN_FORMATS];
            if (shown.format, shown.second) != (self.id, second) {
                // Nothing is remembered until the text stands there whole.
                shown.format = 0;
                shown.text.clear();
                if let Err(error) = self.write_anew(second, &mut shown.text) {
                    return Some(Err(error));
                }
                (shown.format, shown.second) = (self.id, second);
            }
            out.push_str(&shown.text);
            Some(Ok(()))
        });
        match remembered {
            Ok(Some(outcome)) => outcome,
            // The thread is ending and its memory gone.
            _ => self.write_anew(second, out),
        }
    }

    fn write_anew(&self, second: i64, out: &mut String) -> Result<(), FormatError> {
        let shown = self.zone.at(second).ok_or_else(out_of_range)?;
        let offset_s = shown.offset_s();
        let civil = civil(second, offset_s).ok_or_else(out_of_range)?;
        let moment = Moment { second, civil, offset_s, zone: self.zone_name.unwrap_or(shown.name()) };
        self.format.write(&moment, out);
        Ok(())
    }
}

/// The second that a value given as `created` falls into, as `time.localtime` takes it.
fn whole_seconds(created: Value<'_>) -> Result<i64, FormatError> {
    match created {
        // `time.localtime(None)` is now.
        Value::None => Ok(logtree_core::Timestamp::now().whole_seconds()),
        Value::Bool(value) => Ok(value.into()),
        Value::I64(value) => Ok(value),
        Value::U64(value) => i64::try_from(value).map_err(|_| out_of_range()),
        Value::F64(value) if value.is_nan() => Err(error("ValueError", "Invalid value NaN (not a number)")),
        Value::F64(value) if value.abs() < 1e18 => Ok(value.floor() as i64),
        Value::I128(_) | Value::U128(_) | Value::F64(_) => Err(out_of_range()),
        other => {
            let message = format!("'{}' object cannot be interpreted as an integer", Operand::Value(other).type_name());
            Err(error("TypeError", message))
        }
    }
}

fn out_of_range() -> FormatError {
    error("OverflowError", "timestamp out of range for platform time_t")
}

/// The date and time of day that clocks show which are so far ahead of UTC.
fn civil(second: i64, offset_s: i32) -> Option<DateTime> {
    let offset = Offset::from_seconds(offset_s).ok()?;
    Some(Timestamp::from_second(second).ok()?.to_datetime(offset))
}

/// So many formats are remembered by each thread; two whose ids differ by a multiple of it take turns.
const SHOWN_FORMATS: usize = 4;

/// The second that a format showed last on this thread.
#[derive(Debug)]
struct Shown {
    format: u64,
    second: i64,
    text: String,
}

impl Shown {
    const NOTHING: Self = Self { format: 0, second: 0, text: String::new() };
}

thread_local! {
    /// By thread, so that it needs no lock, and a child of `fork` finds it whole.
    static SHOWN: RefCell<[Shown; SHOWN_FORMATS]> = const { RefCell::new([Shown::NOTHING; SHOWN_FORMATS]) };
}
