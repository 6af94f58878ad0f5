//! A record: one event, borrowed from wherever it was made.

use crate::{FieldName, Fields, FieldsBuf, FoundValue, Level, LevelName, LevelNames, Spans, Value};

/// What never changes between the records of one place in the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Callsite {
    /// A small number that names the callsite within its process, if it is one that lives as long as the process.
    pub index: Option<u32>,
    /// The dotted name of the logger: `my_app.db` for the target `my_app::db`.
    pub name: Box<str>,
    /// The target as it was written, `my_app::db`; empty if no one wrote one.
    pub target: Box<str>,
    /// Python's `pathname`: the source file as the compiler names it.
    pub pathname: Box<str>,
    /// Python's `module`: the last segment of the module path.
    pub module: Box<str>,
    /// The whole of it, `my_app::db::pool`; empty if it is not known.
    pub module_path: Box<str>,
    /// Python's `lineno`.
    pub line: u32,
    /// The names of the fields, by [`FieldName::Index`](crate::FieldName::Index).
    pub field_names: Box<[Box<str>]>,
}

impl Callsite {
    /// The name of a field, which is empty if no callsite can have it at that place.
    #[inline]
    pub fn field_name<'a>(&'a self, name: FieldName<'a>) -> &'a str {
        match name {
            FieldName::Inline(name) => name,
            FieldName::Index(index) => self.field_names.get(usize::from(index)).map_or("", |name| name),
        }
    }

    /// Python's `filename`: the last component of the path.
    pub fn filename(&self) -> &str {
        self.pathname.rsplit('/').next().unwrap_or(&self.pathname)
    }
}

/// The thread and process that made a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Python's `process`.
    pub process: u32,
    /// Python's `processName`.
    pub process_name: Box<str>,
    /// Python's `thread`: here the number that the system gave it.
    pub thread: u64,
    /// Python's `threadName`.
    pub thread_name: Box<str>,
    /// When logging began in the process: the base of Python's `relativeCreated`.
    pub started: Timestamp,
}

/// So many nanoseconds has a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Now, by the system's real-time clock.
    pub fn now() -> Self {
        // In 64 bits: `Duration::as_nanos` calculates in 128.
        let nanoseconds = |duration: std::time::Duration| {
            let whole = i64::try_from(duration.as_secs()).ok().and_then(|seconds| seconds.checked_mul(NANOSECONDS));
            whole.and_then(|whole| whole.checked_add(duration.subsec_nanos().into())).unwrap_or(i64::MAX)
        };
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self(nanoseconds(since)),
            Err(before) => Self(-nanoseconds(before.duration())),
        }
    }

    /// Python's `created`: seconds, as `time.time_ns() / 1e9`.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The second that a date and time of day show: `created` rounded down, as `time.localtime` does it.
    pub fn whole_seconds(self) -> i64 {
        let (second, nanoseconds) = self.split();
        // Only the last of a second's nanoseconds can be rounded up to the next second, at most 1,500 of them as far as
        // there are timestamps.
        if nanoseconds < 999_998_000 { second } else { self.seconds().floor() as i64 }
    }

    /// The second and the nanoseconds within.
    fn split(self) -> (i64, i64) {
        let (second, nanoseconds) = (self.0 / NANOSECONDS, self.0 % NANOSECONDS);
        if nanoseconds < 0 { (second - 1, nanoseconds + NANOSECONDS) } else { (second, nanoseconds) }
    }

    /// Python's `msecs`: whole milliseconds within the second (CPython 3.13's `LogRecord.__init__`).
    ///
    /// Where the float `created` rounds up to the next second, the milliseconds are that second's: 0.
    pub fn milliseconds(self) -> u16 {
        let (second, nanoseconds) = self.split();
        let milliseconds = (nanoseconds / 1_000_000) as u16;
        let rounded_up = milliseconds == 999 && self.seconds() as i64 != second;
        if rounded_up { 0 } else { milliseconds }
    }
}

/// Who made a record; some rules of formatting differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// A `tracing` event: its fields follow the message, and a field that is missing prints nothing.
    #[default]
    Tracing,
    /// A record of the `log` crate; the same rules.
    Log,
    /// A record given as Python's own, attribute by attribute; a field that is missing is an error.
    Python,
    /// Either of the first two, once a formatter has made its message: the fields that it shows do not follow it again.
    Formatted,
}

/// One event on its way through the tree.
///
/// Everything in it is borrowed; what is to outlive the event is held by [`HeldRecords`](crate::HeldRecords). One that is
/// made by hand tries out filters and formatters:
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Callsite, FieldName, FieldsBuf, Level, Origin, Record, Timestamp};
///
/// let callsite = Callsite { name: "my_app.db".into(), line: 17, ..Callsite::default() };
/// let origin = Origin::default();
/// let mut fields = FieldsBuf::new();
/// fields.push(FieldName::Inline("rows"), 3_u64.into());
/// let record = Record::new(&callsite, &origin, Level::INFO, Timestamp::now(), "queried");
/// let record = Record { fields: fields.as_fields(), ..record };
/// assert_eq!((record.name, record.field("rows")), ("my_app.db", Some(3_u64.into())));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What never changes between the records of one place in the code.
    pub callsite: &'a Callsite,
    /// The logger's dotted name: the callsite's, unless the event named another.
    pub name: &'a str,
    /// How important it is.
    pub level: Level,
    /// The names of levels in the config that handles the record.
    pub level_names: &'a LevelNames,
    /// When it was made.
    pub created: Timestamp,
    /// Which thread of which process made it.
    pub origin: &'a Origin,
    /// The bare message: Python's `msg`.
    pub message: &'a str,
    /// The event's own fields.
    pub fields: Fields<'a>,
    /// The spans around it.
    pub spans: Spans<'a>,
    /// Python's `funcName`: the innermost span of the event's own file.
    pub function: Option<&'a str>,
    /// Python's `exc_text`, appended below the line.
    pub exc_text: Option<&'a str>,
    /// Python's `stack_info`, appended below that.
    pub stack_info: Option<&'a str>,
    /// Who made it.
    pub source: Source,
    /// Attributes that were given another value than the one they would have, by Python's names; seldom any.
    pub attributes: Fields<'a>,
}

impl<'a> Record<'a> {
    /// A record of the callsite's logger that has a message and nothing else, as `tracing` would make it.
    pub fn new(callsite: &'a Callsite, origin: &'a Origin, level: Level, created: Timestamp, message: &'a str) -> Self {
        Self {
            callsite,
            name: &callsite.name,
            level,
            level_names: LevelNames::STANDARD,
            created,
            origin,
            message,
            fields: Fields::EMPTY,
            spans: Spans::EMPTY,
            function: None,
            exc_text: None,
            stack_info: None,
            source: Source::Tracing,
            attributes: Fields::EMPTY,
        }
    }

    /// How its level prints.
    pub fn level_name(&self) -> LevelName<'a> {
        self.level_names.name(self.level)
    }

    /// Lends the record with the name that its config [added](LevelNames::add) for its level, if one did, as an attribute:
    /// where it is read the config may be another one, or gone.
    pub fn with_level_name<R>(&self, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
        let Some(name) = self.level_names.added(self.level) else { return use_it(self) };
        let mut attributes = FieldsBuf::default();
        attributes.push(FieldName::Inline("levelname"), Value::Str(name));
        // What the record was given itself comes later, and the last one counts.
        attributes.extend(self.attributes);
        use_it(&Record { attributes: attributes.as_fields(), ..*self })
    }

    /// Lends the record with `text` as its message, and with no error and no stack, as the text shows them (CPython's
    /// `QueueHandler.prepare`).
    pub fn with_text<R>(&self, text: &str, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
        let source = if self.source == Source::Python { Source::Python } else { Source::Formatted };
        let formatted = Record { message: text, exc_text: None, stack_info: None, source, ..*self };
        if self.attributes.is_empty() {
            return use_it(&formatted);
        }
        let mut attributes = FieldsBuf::default();
        attributes.extend(self.attributes);
        attributes.push(FieldName::Inline("msg"), Value::Str(text));
        attributes.push(FieldName::Inline("exc_text"), Value::None);
        attributes.push(FieldName::Inline("stack_info"), Value::None);
        use_it(&Record { attributes: attributes.as_fields(), ..formatted })
    }

    /// The value that was given to the attribute `name` in place of the usual one.
    pub fn attribute(&self, name: &str) -> Option<Value<'a>> {
        if self.attributes.is_empty() {
            return None;
        }
        self.attributes.find(name, &[])
    }

    /// The value of the field `name`: the event's own, else that of the nearest span that has it.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        self.fields.find(name, &self.callsite.field_names).or_else(|| self.spans.find(name))
    }

    /// The same for several names at once, with a place in `found` for each: much cheaper than one by one.
    pub fn find_fields(&self, names: &[Box<str>], found: &mut [Option<FoundValue<'a>>]) {
        self.spans.all_fields().for_each(|fields| fields.find_each(names, &[], found));
        self.fields.find_each(names, &self.callsite.field_names, found);
    }

    /// Python's `relativeCreated`: milliseconds since logging began in the process.
    pub fn relative_created(&self) -> f64 {
        (self.created.0 - self.origin.started.0) as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_and_msecs_are_cpythons() {
        // CPython 3.13.0, logging.makeLogRecord({}) with time.time_ns patched to each of these.
        let late = Timestamp(1_700_000_000_999_999_999);
        assert_eq!((late.seconds(), late.milliseconds()), (1_700_000_001.0, 0));
        assert_eq!((Timestamp(-1).seconds(), Timestamp(-1).milliseconds()), (-1e-9, 0));
        assert_eq!(Timestamp(1_700_000_000_123_999_999).milliseconds(), 123);
    }

    #[test]
    fn relative_time_is_as_precise_as_cpythons() {
        // CPython 3.13.0, logging.makeLogRecord({}).relativeCreated with time.time_ns patched to each of these.
        let origin = Origin { started: Timestamp(1_677_903_920_000_998_503), ..Origin::default() };
        let callsite = Callsite::default();
        let relative = |offset_ns| {
            let record = Record {
                name: "",
                source: Source::Python,
                ..Record::new(&callsite, &origin, Level::INFO, Timestamp(origin.started.0 + offset_ns), "")
            };
            record.relative_created()
        };
        assert_eq!([200, 500, 12_354, 99_999].map(relative), [0.0002, 0.0005, 0.012354, 0.099999]);
        assert_eq!(relative(1_677_903_456_999_123_456), 1_677_903_456_999.123_5);
    }

    #[test]
    fn the_second_is_that_of_the_float() {
        // CPython 3.13.0: time.localtime(record.created) takes the float's floor (`_PyTime_ROUND_FLOOR`).
        let seconds = (0..63).flat_map(|bit| [(1_i64 << bit) / NANOSECONDS, -(1_i64 << bit) / NANOSECONDS]);
        for second in seconds.chain([1_700_000_000, 9_223_372_035, -9_223_372_035]) {
            for nanoseconds in [0, 1, 512, 999_997_999, 999_998_000, 999_998_500, 999_999_400, 999_999_881, 999_999_999]
            {
                let timestamp = Timestamp(second * NANOSECONDS + nanoseconds);
                assert_eq!(timestamp.whole_seconds(), timestamp.seconds().floor() as i64, "{timestamp:?}");
            }
        }
    }

    #[test]
    fn a_record_s_own_field_wins_over_those_of_its_spans() {
        let callsite = Callsite { field_names: Box::new(["id".into()]), ..Callsite::default() };
        let mut fields = crate::FieldsBuf::default();
        fields.push(crate::FieldName::Index(0), Value::I64(1));
        let mut outer = crate::FieldsBuf::default();
        outer.push(crate::FieldName::Inline("id"), Value::I64(2));
        outer.push(crate::FieldName::Inline("user"), Value::Str("ann"));
        let mut spans = crate::SpansBuf::default();
        spans.push("outer", &outer);
        let origin = Origin::default();
        let record = Record {
            name: "a",
            fields: fields.as_fields(),
            spans: spans.as_spans(),
            ..Record::new(&callsite, &origin, Level::INFO, Timestamp(0), "m")
        };
        assert_eq!(record.field("id"), Some(Value::I64(1)));
        assert_eq!(record.field("user"), Some(Value::Str("ann")));
        assert_eq!(record.field("nobody"), None);
    }
}
