//! `%(asctime)s`: the time of a record in the time zone of the process (CPython's `Formatter.formatTime`).

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use logtree_core::{FormatError, Record, Value};

use crate::conversion::{self, Kind, Operand, Spec, error};
use crate::strftime::{DateFormat, Moment};

/// How a formatter shows the time.
#[derive(Clone, Debug)]
pub(crate) struct TimeFormat {
    /// Names the format among all of the process, so that threads can remember what it last showed.
    id: u64,
    zone: TimeZone,
    format: DateFormat,
    /// Without a `datefmt` milliseconds follow.
    with_milliseconds: bool,
}

/// Python's `default_time_format`.
const DEFAULT: &str = "%Y-%m-%d %H:%M:%S";

/// Python's `default_msec_format` is `%s,%03d`.
const MILLISECONDS: Spec = Spec { zero: true, width: 3, kind: Kind::Decimal('d'), ..Spec::STR };

impl TimeFormat {
    /// A format in the given zone; as in Python an empty `datefmt` is none.
    pub(crate) fn new(datefmt: Option<&str>, zone: TimeZone) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let datefmt = datefmt.filter(|datefmt| !datefmt.is_empty());
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            zone,
            format: DateFormat::new(datefmt.unwrap_or(DEFAULT)),
            with_milliseconds: datefmt.is_none(),
        }
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
        self.write_second(second, out)?;
        if self.with_milliseconds {
            out.push(',');
            match record.attribute("msecs") {
                Some(msecs) => conversion::push(out, Operand::Value(msecs), &MILLISECONDS)?,
                None => {
                    let milliseconds = record.created.milliseconds();
                    let digit = |place: u16| char::from(b'0' + (milliseconds / place % 10) as u8);
                    out.extend([digit(100), digit(10), digit(1)]);
                }
            }
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
        let timestamp = Timestamp::from_second(second)
            .map_err(|_| error("OverflowError", "timestamp out of range for platform time_t"))?;
        let info = self.zone.to_offset_info(timestamp);
        let civil = info.offset().to_datetime(timestamp);
        let moment = Moment { second, civil, offset_s: info.offset().seconds(), zone: info.abbreviation() };
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

/// The time zone of the process: `TZ`, else the system's; UTC where neither can be read.
///
/// It is read when a formatter is made and never again, so that formatting takes no lock and reads no file.
pub(crate) fn local_zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
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
