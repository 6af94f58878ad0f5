//! What formatting a record costs: `cargo bench -p logtree-formatters`.
//!
//! Prints nanoseconds a record, the best of several rounds, so that what else the machine does counts least.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use logtree_core::{Callsite, FieldName, FieldsBuf, Formatter, Level, Origin, Record, SpansBuf, Timestamp, Value};
use logtree_formatters::{
    BraceFormatter, DollarFormatter, JsonFormatterConfig, PercentFormatter, PythonJsonFormatterConfig,
};

const STORY: &str =
    "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s";

const STORY_IN_BRACES: &str =
    "{asctime} -process[{process:d}] -thread[{thread:d}] -{name} - [{levelname}]-[{lineno:d}] - {message}";
const STORY_IN_DOLLARS: &str =
    "$asctime -process[$process] -thread[$thread] -$name - [$levelname]-[$lineno] - $message";

const ROUNDS: u32 = 20;
const RECORDS: u32 = 100_000;

fn main() {
    let callsite = Callsite {
        name: "my_logger".into(),
        pathname: "src/main.rs".into(),
        line: 42,
        field_names: Box::new(["user".into(), "status".into(), "took_s".into()]),
        ..Callsite::default()
    };
    let origin = Origin { process: 4711, thread: 140_000_000_000_001, ..Origin::default() };
    let mut fields = FieldsBuf::default();
    fields.push(FieldName::Index(0), Value::Str("ann"));
    fields.push(FieldName::Index(1), Value::I64(200));
    fields.push(FieldName::Index(2), Value::F64(0.123));
    let plain = Record::new(
        &callsite,
        &origin,
        Level::INFO,
        Timestamp(1_700_000_012_345_678_901),
        "process:[4711] API가 요청되었습니다",
    );
    let with_fields = Record { fields: fields.as_fields(), ..plain };
    let percent = |what, format, record| measure(what, &PercentFormatter::new(format).unwrap(), record);
    percent("the story's line", STORY, &plain);
    percent("the same with three fields", STORY, &with_fields);
    percent("the message alone", "%(message)s", &plain);
    percent("the time alone", "%(asctime)s", &plain);
    percent("levelname, name, message", "%(levelname)-8s %(name)s: %(message)s", &plain);
    measure("the story's line in {", &BraceFormatter::new(STORY_IN_BRACES).unwrap(), &plain);
    measure("the story's line in $", &DollarFormatter::new(STORY_IN_DOLLARS).unwrap(), &plain);
    let mut of_span = FieldsBuf::default();
    of_span.push(FieldName::Inline("id"), Value::U64(4711));
    of_span.push(FieldName::Inline("method"), Value::Str("GET"));
    of_span.push(FieldName::Inline("peer"), Value::Str("192.0.2.7"));
    let mut spans = SpansBuf::default();
    spans.push("request", &of_span);
    let in_span = Record { spans: spans.as_spans(), ..with_fields };
    measure("JSON, three fields, a span", &*JsonFormatterConfig::default().build().unwrap(), &in_span);
    measure("python-json-logger's JSON", &*PythonJsonFormatterConfig::default().build().unwrap(), &in_span);
}

fn measure(what: &str, formatter: &dyn Formatter, record: &Record<'_>) {
    let mut out = String::with_capacity(1024);
    let round = |out: &mut String, step_ns: i64| {
        let start = Instant::now();
        for number in 0..RECORDS {
            let created = Timestamp(record.created.0 + i64::from(number) * step_ns);
            out.clear();
            formatter.format(black_box(&Record { created, ..*record }), out).unwrap();
            black_box(&out);
        }
        start.elapsed().as_nanos() as f64 / f64::from(RECORDS)
    };
    let mut best = |step_ns| (0..ROUNDS).map(|_| round(&mut out, step_ns)).fold(f64::INFINITY, f64::min);
    // A million records a second; then each record in a second of its own.
    let (usual, worst) = (best(1_000), best(1_000_000_000));
    println!("{what:28} {usual:6.1} ns; {worst:6.1} ns with a new second at each record");
}
