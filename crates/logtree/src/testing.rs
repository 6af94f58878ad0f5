//! What a test logs, to be looked at.
//!
//! ```
//! use logtree::testing::capture;
//! use logtree::{Level, Value};
//!
//! fn transfer(from: &str, cents: u64) {
//!     let _span = tracing::info_span!("transfer", from).entered();
//!     tracing::warn!(target: "bank::ledger", cents, "limit exceeded");
//! }
//!
//! let logs = capture();
//! transfer("ann", 1000);
//! let record = logs.one();
//! assert_eq!((record.logger(), record.level(), record.message()), ("bank.ledger", Level::WARNING, "limit exceeded"));
//! assert_eq!(record.field("cents"), Some(Value::U64(1000)));
//! assert_eq!(record.field("from"), Some(Value::Str("ann")), "inherited from the span");
//! assert_eq!(record.spans(), ["transfer"]);
//! assert_eq!(record.line(), "WARNING:bank.ledger:limit exceeded cents=1000");
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use logtree_core::{
    Callsite, EmitError, FieldName, FieldsBuf, FormatError, Formatter, Handler, HandlerEntry, HeldRecords, Level,
    Logger, Needs, Record, SpansBuf, Steps, Tree, Value,
};
use logtree_formatters::{FormatterConfig, default_formatter};
use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::layer::TreeLayer;

/// Captures every event of the calling thread, of whatever level, until what it answers with is dropped.
///
/// Tests that run beside one another on other threads have theirs, and what is [installed](crate::Config::install) sees
/// nothing meanwhile of what is captured. For threads that the test starts, see [`Capture::dispatch`]. Records of
/// [`get_logger`](crate::get_logger) are captured too; those of the `log` crate go to what is installed.
///
/// Of a test that fails while it captures, what is captured stands in cargo's report, a line each: a panic prints it by
/// `eprintln!`, which the test harness keeps apart. So tracing-subscriber's `with_test_writer` has it, of every test.
pub fn capture() -> Capture {
    let records = Records::default();
    let handler = HandlerEntry::new("capture", Box::new(records.clone()), default_formatter());
    let mut tree = Tree::builder();
    let logger = Logger { level: Level(i32::MIN), ..Logger::default() };
    tree.logger("", logger).logger_mut("").add_handler(handler);
    let layer = TreeLayer::new(Arc::new(tree.build()), None);
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let guard = tracing::dispatcher::set_default(&dispatch);
    Capture { records, dispatch, _guard: guard }
}

/// What [`capture`] captures. Dropped, it ends the capture.
#[must_use = "dropped at once it captures nothing"]
pub struct Capture {
    records: Records,
    dispatch: Dispatch,
    _guard: DefaultGuard,
}

impl Capture {
    /// The records so far, the oldest first.
    pub fn records(&self) -> Vec<CapturedRecord> {
        self.records.lock().clone()
    }

    /// The records since the last call, which are forgotten with it.
    pub fn take(&self) -> Vec<CapturedRecord> {
        std::mem::take(&mut *self.records.lock())
    }

    /// The only record.
    ///
    /// # Panics
    /// If there is none, or more than one: with what there is.
    #[track_caller]
    #[allow(clippy::panic, reason = "a test fails by panicking")]
    pub fn one(&self) -> CapturedRecord {
        match &**self.records.lock() {
            [record] => record.clone(),
            records => {
                let lines: Vec<String> = records.iter().map(CapturedRecord::line).collect();
                panic!("one record was expected, and there are {}: {lines:#?}", lines.len())
            }
        }
    }

    /// The [lines](CapturedRecord::line) of the records so far.
    pub fn lines(&self) -> Vec<String> {
        self.records.lock().iter().map(CapturedRecord::line).collect()
    }

    /// The way here for other threads: `tracing::dispatcher::with_default(&dispatch, || …)`, or
    /// `tracing::instrument::WithSubscriber` for futures.
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }
}

/// So many of the last lines of a test that fails are shown.
const MOST_SHOWN: usize = 1000;

impl Drop for Capture {
    #[allow(clippy::print_stderr, reason = "it is what the test harness captures")]
    fn drop(&mut self) {
        let lines = if std::thread::panicking() { self.lines() } else { Vec::new() };
        if !lines.is_empty() {
            eprintln!("captured, as the test fails:");
            let unshown = lines.len().saturating_sub(MOST_SHOWN);
            if unshown > 0 {
                eprintln!("  {unshown} records before these");
            }
            lines[unshown..].iter().for_each(|line| eprintln!("  {line}"));
        }
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Capture").field(&self.lines()).finish()
    }
}

/// One record, kept.
#[derive(Clone)]
pub struct CapturedRecord(Arc<Kept>);

struct Kept {
    name: String,
    level: Level,
    message: String,
    /// Named inline, whatever the callsite.
    fields: FieldsBuf,
    spans: SpansBuf,
    span_names: Vec<String>,
    exc_text: Option<String>,
    callsite: Callsite,
    /// The whole of it, for formatters.
    whole: HeldRecords,
}

impl CapturedRecord {
    fn new(record: &Record<'_>) -> Self {
        let mut fields = FieldsBuf::new();
        for field in record.fields {
            fields.push(FieldName::Inline(record.callsite.field_name(field.name)), field.value);
        }
        let (mut spans, mut whole) = (SpansBuf::default(), HeldRecords::default());
        spans.extend(record.spans);
        whole.push(record);
        Self(Arc::new(Kept {
            name: record.name.to_owned(),
            level: record.level,
            message: record.message.to_owned(),
            fields,
            spans,
            span_names: record.spans.iter().map(|span| span.name.to_owned()).collect(),
            exc_text: record.exc_text.map(str::to_owned),
            callsite: record.callsite.clone(),
            whole,
        }))
    }

    /// The name of its logger, with dots.
    pub fn logger(&self) -> &str {
        &self.0.name
    }

    /// Its level.
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// The bare message, without fields.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The value of a field: the event's own, else that of the nearest span that has it.
    pub fn field(&self, name: &str) -> Option<Value<'_>> {
        self.0.fields.as_fields().find(name, &[]).or_else(|| self.0.spans.as_spans().find(name))
    }

    /// The event's own fields, by name, in their order.
    pub fn fields(&self) -> Vec<(&str, Value<'_>)> {
        let named = self.0.fields.as_fields().iter().map(|field| match field.name {
            FieldName::Inline(name) => (name, field.value),
            FieldName::Index(_) => ("", field.value),
        });
        named.collect()
    }

    /// The names of the spans around it, the outermost first.
    pub fn spans(&self) -> Vec<&str> {
        self.0.span_names.iter().map(String::as_str).collect()
    }

    /// The error that it was given and what caused that, a line each.
    pub fn exc_text(&self) -> Option<&str> {
        self.0.exc_text.as_deref()
    }

    /// The file and line that it comes from.
    pub fn location(&self) -> (&str, u32) {
        (&self.0.callsite.pathname, self.0.callsite.line)
    }

    /// It as a line of Python's `basicConfig`: `%(levelname)s:%(name)s:%(message)s`.
    pub fn line(&self) -> String {
        let format = Some("%(levelname)s:%(name)s:%(message)s".to_owned());
        let formatter = FormatterConfig { format, ..FormatterConfig::default() }.build();
        let line = formatter.ok().and_then(|formatter| self.formatted(&*formatter).ok());
        line.unwrap_or_default()
    }

    /// It as a formatter formats it.
    ///
    /// # Errors
    /// What the formatter has against it.
    pub fn formatted(&self, formatter: &dyn Formatter) -> Result<String, FormatError> {
        let (mut text, mut outcome) = (String::new(), Ok(()));
        self.0.whole.for_each(|record| outcome = formatter.format(record, &mut text));
        outcome.map(|()| text)
    }
}

/// As its line.
impl std::fmt::Debug for CapturedRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CapturedRecord").field(&self.line()).finish()
    }
}

/// The handler that keeps them.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<CapturedRecord>>>);

impl Records {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<CapturedRecord>> {
        // A test that panicked while it looked at them has spoiled nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Records {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let record = record.with_level_name(CapturedRecord::new);
        self.lock().push(record);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs { spans: true }
    }
}
