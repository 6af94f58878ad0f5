//! What a formatter costs once it has warmed up, and what it remembers between records and threads.

use logtree_core::{Formatter, Timestamp, Value};
use logtree_formatters::{
    BraceFormatter, DollarFormatter, JsonFmt, JsonFormatterConfig, PercentFormatter, PythonJsonFormatterConfig,
    TracingJsonFormatterConfig,
};

use crate::specimen::Specimen;

const STORY: &str =
    "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s";

/// The seconds of a time, in whatever zone: no zone in use has an offset with seconds.
fn seconds_and_milliseconds(formatter: &PercentFormatter, created: Timestamp) -> String {
    let mut specimen = Specimen::tracing("m");
    specimen.created = created;
    let mut out = String::new();
    formatter.format(&specimen.record(), &mut out).unwrap();
    out["2023-11-14 22:13:".len()..].to_owned()
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let percent = [STORY, "%(asctime)-30s|%(levelname)-8s|%(msecs)03d|%(created).3f|%(x)08.3f|%(x)s|%(user)5.2s|%(x)r"];
    for format in percent {
        allocates_nothing(&PercentFormatter::new(format).unwrap(), format);
    }
    for format in [
        "{asctime} -process[{process}] -thread[{thread:d}] -{name} - [{levelname}]-[{lineno}] - {message}",
        "{asctime:>30}|{levelname:<8}|{msecs:03.0f}|{created:,.3f}|{x:가^12.1%}|{x}|{user!r:>5.2}|{x!s:7}|{process:_x}",
        "{message:>{thread}}|{x:{lineno}.{lineno}f}|{process.denominator}|{x.real:+}|{name[0]!r}",
    ] {
        allocates_nothing(&BraceFormatter::new(format).unwrap(), format);
    }
    let dollar =
        "$asctime -process[$process] -thread[${thread}] -$name - [$levelname]-[$lineno] - $message $x $user $$";
    allocates_nothing(&DollarFormatter::new(dollar).unwrap(), dollar);
}

#[test]
fn nothing_is_allocated_for_json() {
    let names = |names: &[&str]| JsonFmt::Names(names.iter().map(ToString::to_string).collect());
    for fmt in [
        &["timestamp", "levelname", "name", "message", "fields", "spans", "exc_info", "stack_info"][..],
        &["asctime", "span", "fields.*", "spans.*", "x", "levelno", "created", "nobody", "funcName"],
    ] {
        for utc in [true, false] {
            let config = JsonFormatterConfig { fmt: names(fmt), utc, exc_info_as_array: true, ..Default::default() };
            allocates_nothing(&*config.build().unwrap(), &format!("{fmt:?}"));
        }
    }
    let python = PythonJsonFormatterConfig {
        fmt: names(&["asctime", "levelname", "message", "spans", "x"]),
        rename_fields: vec![("user".into(), "who".into())],
        timestamp: Some("ts".into()),
        reserved_attrs: Some(Vec::new()),
        ..Default::default()
    };
    allocates_nothing(&*python.clone().build().unwrap(), "pythonjsonlogger");
    let indented = PythonJsonFormatterConfig { json_indent: Some("  ".into()), json_ensure_ascii: false, ..python };
    allocates_nothing(&*indented.build().unwrap(), "pythonjsonlogger, indented");
    allocates_nothing(&*TracingJsonFormatterConfig::default().build(), "tracing-subscriber");
}

fn allocates_nothing(formatter: &dyn Formatter, format: &str) {
    let mut specimen = Specimen::tracing("process:[4711] API가 요청되었습니다");
    specimen.indexed_field(0, Value::Str("ann with a space"));
    specimen.field("x", Value::F64(-12.5));
    specimen.span("request", &[("id", Value::U64(7)), ("peer", Value::Str("::1")), ("user", Value::Str("bob"))]);
    let record = specimen.record();
    let mut out = String::with_capacity(16 * 1024);
    let mut format_once = || {
        out.clear();
        formatter.format(&record, &mut out).unwrap();
    };
    format_once();
    let allocations = allocation_counter::measure(|| (0..100).for_each(|_| format_once()));
    assert_eq!(allocations.count_total, 0, "{format}");
}

#[test]
fn a_second_that_was_shown_is_not_shown_again_for_another() {
    let formatter = PercentFormatter::new("%(asctime)s").unwrap();
    let at = |nanoseconds| seconds_and_milliseconds(&formatter, Timestamp(nanoseconds));
    let base = 1_700_000_000_000_000_000;
    assert_eq!(at(base + 1_000_000), "20,001");
    assert_eq!(at(base + 999_000_000), "20,999");
    assert_eq!(at(base + 1_000_000_000), "21,000");
    // Back again, as records of other processes may be.
    assert_eq!(at(base + 5_000_000), "20,005");
    // The float that CPython makes of it is the next second (`LogRecord.__init__`).
    assert_eq!(at(base + 999_999_999), "21,000");
}

#[test]
fn formatters_do_not_show_each_others_times() {
    let formats = ["%S", "%S-", "%S;", "%S.", "%S!", "%S?"];
    let config = |datefmt: &str| logtree_formatters::FormatterConfig {
        format: Some("%(asctime)s".into()),
        datefmt: Some(datefmt.into()),
        ..Default::default()
    };
    // More formatters than a thread remembers.
    let formatters: Vec<_> = formats.iter().map(|datefmt| config(datefmt).build().unwrap()).collect();
    let specimen = Specimen::tracing("m");
    let show = || {
        formatters.iter().map(|formatter| {
            let mut out = String::new();
            formatter.format(&specimen.record(), &mut out).unwrap();
            out
        })
    };
    let expected = ["32", "32-", "32;", "32.", "32!", "32?"];
    // CPython 3.13: time.strftime of each, of 1700000012.
    for _ in 0..3 {
        assert!(show().eq(expected.iter().copied()), "{:?}", show().collect::<Vec<_>>());
    }
}

/// Logs from the destructor of a thread-local, which may outlive the memory of the times.
struct AtTheEnd(std::sync::mpsc::Sender<String>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let formatter = PercentFormatter::new("%(asctime)s").unwrap();
        let _ = self.0.send(seconds_and_milliseconds(&formatter, Timestamp(1_700_000_000_000_000_000)));
    }
}

thread_local! {
    static AT_THE_END: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn a_thread_that_is_ending_shows_the_time_too() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        // Thread-locals are destroyed in the order in which they were first used backwards, or forwards: both orders are
        // tried, one of them meets a memory that is gone.
        AT_THE_END.set(Some(AtTheEnd(sender)));
        let formatter = PercentFormatter::new("%(asctime)s").unwrap();
        seconds_and_milliseconds(&formatter, Timestamp(1_700_000_000_000_000_000));
    });
    thread.join().unwrap();
    assert_eq!(receiver.recv().unwrap(), "20,000");
}
