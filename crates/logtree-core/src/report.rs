//! Errors while logging: counted, said at most once a second, never thrown at the program.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::{
    Callsite, EmitError, FieldName, Fields, FieldsBuf, Level, Origin, Record, Spans, Timestamp, Value, caught,
};

/// The errors of one handler.
#[derive(Debug, Default)]
pub struct HandlerErrors {
    count: AtomicU64,
    said_ns: AtomicI64,
}

/// One error, as the report hook gets it.
#[derive(Debug)]
pub struct ErrorReport<'a> {
    /// The handler's name in the config.
    pub handler: &'a str,
    /// The record that was not handled. Where a filter panicked, or filters stand behind the handler, it says no more than where it
    /// was made: what filters hide is in no report.
    pub record: &'a Record<'a>,
    /// Why it was not.
    pub error: &'a EmitError,
    /// How many errors the handler has had, this one included.
    pub count: u64,
}

/// Between two reports of the same handler: one second, in nanoseconds.
const REPORT_INTERVAL_NS: i64 = 1_000_000_000;

static HOOK: OnceLock<fn(&ErrorReport<'_>)> = OnceLock::new();

/// Sets what is done with errors while logging; the first caller wins. Without a hook they go to stderr, which is waited for
/// a tenth of a second, and then no more until it takes some.
///
/// The hook is called at most once a second for each handler and must not log. A panic ends in it.
pub fn set_report_hook(hook: fn(&ErrorReport<'_>)) -> bool {
    HOOK.set(hook).is_ok()
}

impl HandlerErrors {
    /// How many records were not handled because of an error.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts an error and reports it, unless one was reported within the last second.
    pub fn report(&self, handler: &str, record: &Record<'_>, error: &EmitError) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let now_ns = Timestamp::now().0;
        let said_ns = self.said_ns.load(Ordering::Relaxed);
        let is_ours = || self.said_ns.compare_exchange(said_ns, now_ns, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_due(said_ns, now_ns) && is_ours() {
            let hook = HOOK.get().unwrap_or(&(to_stderr as fn(&ErrorReport<'_>)));
            // Nobody is left to be told of a hook that panics.
            _ = caught(|| hook(&ErrorReport { handler, record, error, count }));
        }
    }

    /// [Reports](Self::report) an error of a record that a filter might have hidden something of, by its place alone.
    pub(crate) fn report_place(&self, handler: &str, record: &Record<'_>, error: &EmitError) {
        let mut place = FieldsBuf::default();
        for name in ["filename", "lineno"] {
            if let Some(value) = record.attribute(name) {
                place.push(FieldName::Inline(name), value);
            }
        }
        let place = Record {
            message: "not shown, as a filter might hide what it says",
            fields: Fields::EMPTY,
            spans: Spans::EMPTY,
            exc_text: None,
            stack_info: None,
            attributes: place.as_fields(),
            ..*record
        };
        self.report(handler, &place, error);
    }
}

/// Whether a report is due, if the last one was at `said_ns`, or never, which is 0. A clock that was set back holds none up.
fn is_due(said_ns: i64, now_ns: i64) -> bool {
    said_ns == 0 || now_ns.saturating_sub(said_ns).saturating_abs() >= REPORT_INTERVAL_NS
}

/// Lends a record of our own, a warning of the logger `logtree`; `speaker` says which part of logtree has something to say.
pub fn with_own_record<R>(speaker: &str, message: &str, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
    let (callsite, origin) = own(speaker);
    use_it(&Record::new(&callsite, &origin, Level::WARNING, origin.started, message))
}

/// Where a record of our own comes from, made at this moment.
fn own(speaker: &str) -> (Callsite, Origin) {
    let (name, process) = ("logtree", std::process::id());
    let callsite = Callsite { name: name.into(), pathname: name.into(), module: name.into(), ..Callsite::default() };
    let origin = Origin {
        process,
        process_name: name.into(),
        thread: process.into(),
        thread_name: speaker.into(),
        started: Timestamp::now(),
    };
    (callsite, origin)
}

/// So long whoever logs waits for stderr with what there is to report.
const PATIENCE: Duration = Duration::from_millis(100);

/// Reports as Python does (`Handler.handleError`), without the traceback that only an interpreter has.
///
/// It is written by a thread of its own: into a pipe that nobody reads a write takes for ever, which std cannot ask before.
/// Meanwhile nothing more is reported.
fn to_stderr(report: &ErrorReport<'_>) {
    /// The process in which such a thread was waited for in vain. A child of `fork` does not have it.
    static STUCK: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id();
    if STUCK.load(Ordering::Relaxed) == process {
        return;
    }
    let text = report.to_string();
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let waiting = thread::current();
    let write = move || {
        // A closed stderr is nobody's fault here, and there is nobody left to tell.
        let _ = std::io::stderr().write_all(text.as_bytes());
        done.store(true, Ordering::SeqCst);
        STUCK.store(0, Ordering::SeqCst);
        waiting.unpark();
    };
    let Ok(thread) = thread::Builder::new().name("logtree-report".into()).spawn(write) else { return };
    let is_done = || is_done.load(Ordering::SeqCst) || thread.is_finished();
    let until = Instant::now() + PATIENCE;
    while !is_done() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            STUCK.store(process, Ordering::SeqCst);
            // It may have been done just now, and have said so before.
            if is_done() {
                STUCK.store(0, Ordering::SeqCst);
            }
            return;
        }
        thread::park_timeout(left);
    }
}

impl std::fmt::Display for ErrorReport<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { handler, record, error, count } = self;
        writeln!(f, "--- Logging error ---")?;
        writeln!(f, "{error}")?;
        writeln!(f, "Handler: {handler:?} ({count} errors so far)")?;
        // What `emit` was given is no callsite.
        let file = record.attribute("filename").and_then(|file| file.as_str());
        let file = file.unwrap_or_else(|| record.callsite.filename());
        let line = match record.attribute("lineno") {
            Some(Value::U64(line)) => line,
            Some(Value::I64(line)) => line.max(0).unsigned_abs(),
            _ => record.callsite.line.into(),
        };
        writeln!(f, "Logged from file {file}, line {line}")?;
        writeln!(f, "Message: {:?}", record.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_steps_holds_up_no_report() {
        const HOUR_NS: i64 = 3600 * REPORT_INTERVAL_NS;
        let now_ns = 500_000 * HOUR_NS;
        assert!(is_due(0, now_ns));
        for (later_ns, is_time) in
            [(0, false), (REPORT_INTERVAL_NS - 1, false), (REPORT_INTERVAL_NS, true), (HOUR_NS, true), (-HOUR_NS, true)]
        {
            assert_eq!(is_due(now_ns, now_ns + later_ns), is_time, "{later_ns}");
        }
        assert!(is_due(i64::MIN, i64::MAX) && is_due(i64::MAX, i64::MIN));
    }
}
