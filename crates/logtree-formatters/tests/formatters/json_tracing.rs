//! What of tracing-subscriber's JSON no event of `tracing` shows: `fmt_json` of the crate `logtree` has the rest, beside fmt itself.

use logtree_core::{Argument, Kwargs, Level, Record, Source, Value};
use logtree_formatters::TracingJsonFormatterConfig;

use crate::specimen::Specimen;

fn config(arguments: &[(&str, Argument)]) -> Result<TracingJsonFormatterConfig, String> {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    TracingJsonFormatterConfig::from_kwargs(Kwargs::new("Json.__init__()", arguments))
        .map_err(|error| error.to_string())
}

/// The members that `arguments` bring or leave, but fields and target.
fn formatted(arguments: &[(&str, Argument)], record: &Record<'_>) -> String {
    let fixed = [("flatten_event", Argument::Bool(true)), ("with_target", Argument::Bool(false))];
    let mut out = String::new();
    config(&[&fixed, arguments].concat()).unwrap().build().format(record, &mut out).unwrap();
    out
}

fn text(text: &str) -> Argument {
    Argument::Str(text.into())
}

const WITHOUT_TIME: (&str, Argument) = ("without_time", Argument::Bool(true));
const WITHOUT_LEVEL: (&str, Argument) = ("with_level", Argument::Bool(false));

#[test]
fn times_are_those_of_formatters_of_lines() {
    // CPython 3.13: datetime.fromtimestamp(1_700_000_012.345678, tz=timezone.utc).
    let specimen = Specimen::tracing("m");
    for (arguments, time) in [
        (vec![], "2023-11-14T22:13:32.345678Z"),
        (vec![("timespec", text("nanoseconds"))], "2023-11-14T22:13:32.345678901Z"),
        (vec![("timespec", text("seconds"))], "2023-11-14T22:13:32Z"),
        (vec![("datefmt", text("\"%H:%M\" %Z"))], "\\\"22:13\\\" GMT"),
        (vec![("datefmt", text("%H:%M:%S")), ("timespec", text("milliseconds"))], "22:13:32.345"),
    ] {
        let expected = format!("{{\"timestamp\":\"{time}\",\"message\":\"m\"}}");
        assert_eq!(formatted(&[arguments, vec![WITHOUT_LEVEL]].concat(), &specimen.record()), expected);
    }
    let unknown = config(&[("with_ansi", Argument::Bool(true))]).unwrap_err();
    assert_eq!(unknown, "TypeError: Json.__init__() got an unexpected keyword argument 'with_ansi'");
    let mut broken = Specimen::tracing("m");
    broken.attribute("created", Value::F64(f64::NAN));
    let mut out = "before".to_owned();
    assert!(config(&[]).unwrap().build().format(&broken.record(), &mut out).is_err());
    assert_eq!(out, "before");
}

#[test]
fn levels_and_threads_are_called_as_tracing_calls_them() {
    let mut specimen = Specimen::tracing("");
    specimen.origin.thread_name = "MainThread".into();
    let level = |level, record: &Record<'_>| formatted(&[WITHOUT_TIME], &Record { level, ..*record });
    for (number, name) in [(5, "TRACE"), (10, "DEBUG"), (20, "INFO"), (30, "WARN"), (40, "ERROR"), (50, "CRITICAL")] {
        assert_eq!(level(Level(number), &specimen.record()), format!("{{\"level\":\"{name}\"}}"));
    }
    assert_eq!(level(Level(25), &specimen.record()), "{\"level\":\"Level 25\"}");
    let threads = [
        WITHOUT_TIME,
        WITHOUT_LEVEL,
        ("with_thread_names", Argument::Bool(true)),
        ("with_thread_ids", Argument::Bool(true)),
    ];
    assert_eq!(formatted(&threads, &specimen.record()), "{\"threadName\":\"main\",\"threadId\":\"ThreadId(4712)\"}");
    // What came through a queue has the name that its config gave.
    specimen.attribute("levelname", Value::Str("NOTICE"));
    assert_eq!(level(Level(25), &specimen.record()), "{\"level\":\"NOTICE\"}");
}

#[test]
fn records_of_log_have_a_message_and_their_key_values() {
    let mut specimen = Specimen::tracing("");
    specimen.field("tries", Value::U64(2));
    let of_log = Record { source: Source::Log, ..specimen.record() };
    assert_eq!(formatted(&[WITHOUT_TIME, WITHOUT_LEVEL], &of_log), "{\"message\":\"\",\"tries\":2}");
    // The message of an event of tracing stands where it was written, and where there is none, none does.
    assert_eq!(formatted(&[WITHOUT_TIME, WITHOUT_LEVEL], &specimen.record()), "{\"tries\":2}");
    let nothing = [WITHOUT_TIME, WITHOUT_LEVEL];
    assert_eq!(formatted(&nothing, &Specimen::tracing("").record()), "{}");
    // A logger that the event named is one of this config's.
    let mut out = String::new();
    let target = config(&[WITHOUT_TIME, WITHOUT_LEVEL, ("flatten_event", Argument::Bool(true))]).unwrap().build();
    target.format(&Record { name: "audit.db", ..Specimen::tracing("").record() }, &mut out).unwrap();
    assert_eq!(out, "{\"target\":\"audit.db\"}");
}

#[test]
fn spans_are_gathered_only_for_members_that_read_them() {
    let none = [("with_current_span", Argument::Bool(false)), ("with_span_list", Argument::Bool(false))];
    assert!(!config(&none).unwrap().build().needs().spans);
    assert!(config(&none[..1]).unwrap().build().needs().spans && config(&none[1..]).unwrap().build().needs().spans);
}
