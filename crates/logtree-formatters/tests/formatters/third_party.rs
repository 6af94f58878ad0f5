//! What colorlog's, uvicorn's and Django's formatters answer, case by case: `third_party.jsonl`, written by
//! `third_party.py`.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Formatter, Kwargs, Object, StdStream, Value};
use logtree_formatters::{
    ColoredFormatterConfig, FormatterConfig, ServerFormatterConfig, Style, UvicornFormatterConfig,
};
use serde_json::Value as Json;

use crate::corpus::{self, Differences, answer, arguments};
use crate::specimen::Specimen;

const TEXT: &str = include_str!("third_party.jsonl");

/// What the formatters look at in their environment.
const VARIABLES: [&str; 3] = ["NO_COLOR", "FORCE_COLOR", "DJANGO_COLORS"];

fn cases() -> impl Iterator<Item = Json> {
    TEXT.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn formatter(case: &Json) -> Result<Arc<dyn Formatter>, ArgumentError> {
    let stdout = || Argument::Object(Object::new("sys.stdout", StdStream::Stdout));
    let given = arguments(&case["arguments"]).into_iter().map(|(keyword, value)| match (&*keyword, &value) {
        ("stream", Argument::Str(stream)) if stream == "stdout" => (keyword, stdout()),
        _ => (keyword, value),
    });
    let kwargs = |call| Kwargs::new(call, given.collect());
    match case["of"].as_str().unwrap() {
        "colorlog" => ColoredFormatterConfig::from_kwargs(kwargs("ColoredFormatter.__init__()"))?.build(),
        "default" => UvicornFormatterConfig::from_kwargs(kwargs("ColourizedFormatter.__init__()"))?.default_formatter(),
        "access" => UvicornFormatterConfig::from_kwargs(kwargs("ColourizedFormatter.__init__()"))?.access_formatter(),
        "server" => {
            let config = ServerFormatterConfig::from_kwargs(kwargs("Formatter.__init__()"))?;
            ServerFormatterConfig { use_colors: case["colors"].as_bool(), ..config }.build()
        }
        other => unreachable!("{other}"),
    }
}

/// A process has one environment: each gets a process of its own, this program with other variables. Its standard output
/// is no terminal, wherever the tests run.
#[test]
fn lines_are_those_of_colorlog_uvicorn_and_django() {
    let environments: BTreeSet<String> = cases().filter_map(|case| Some(case.get("env")?.to_string())).collect();
    assert!(environments.len() > 20);
    let mut failures = String::new();
    for environment in environments {
        let variables: Json = serde_json::from_str(&environment).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["third_party::in_one_environment", "--exact", "--ignored", "--nocapture"]);
        for name in VARIABLES {
            child.env_remove(name);
        }
        child.env("TZ", "UTC0").env("LOGTREE_TEST_ENVIRONMENT", &environment);
        child.envs(variables.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap())));
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !said.contains("1 passed") {
            failures += &format!("{environment}\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
#[ignore = "lines_are_those_of_colorlog_uvicorn_and_django runs it, once for each environment"]
fn in_one_environment() {
    let environment: Json = serde_json::from_str(&std::env::var("LOGTREE_TEST_ENVIRONMENT").unwrap()).unwrap();
    let records = cases().next().unwrap();
    let records: Vec<Specimen> = records["records"].as_array().unwrap().iter().map(Specimen::of_json).collect();
    let mut differences = Differences::default();
    for case in cases().filter(|case| case.get("env") == Some(&environment)) {
        let formatter = formatter(&case);
        for (at, theirs) in case["at"].as_array().unwrap().iter().zip(case["results"].as_array().unwrap()) {
            let specimen = &records[at.as_u64().unwrap() as usize];
            let ours = match &formatter {
                Ok(formatter) => answer(&**formatter, specimen),
                Err(error) => Json::from(vec![error.to_string()]),
            };
            differences.compare(|| format!("{} {} {specimen:?}", case["of"], case["arguments"]), &ours, theirs);
        }
    }
}

/// Where there are the packages, they are asked again: the corpus is what they say, whatever we make of it.
#[test]
fn the_corpus_is_the_packages() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formatters/third_party.py");
    let versions = "import importlib.metadata as m; print(*[m.version(x) for x in ['colorlog', 'uvicorn', 'django']])";
    let has_them = |python: &corpus::Python| {
        let output = python.command().args(["-c", versions]).output().unwrap();
        output.stdout == b"6.12.0 0.54.0 6.1.3\n"
    };
    let Some(python) = corpus::python().filter(has_them) else {
        println!("no CPython 3.13 with colorlog, uvicorn and Django here: the corpus was used as it is");
        return;
    };
    corpus::assert_is_fresh(python, script, TEXT);
}

fn line(format: &str) -> FormatterConfig {
    FormatterConfig { format: Some(format.into()), ..FormatterConfig::default() }
}

fn uvicorn(format: &str, use_colors: Option<bool>) -> UvicornFormatterConfig {
    UvicornFormatterConfig { line: line(format), use_colors }
}

fn text(formatter: &dyn Formatter, specimen: &Specimen) -> String {
    let mut out = String::new();
    formatter.format(&specimen.record(), &mut out).unwrap();
    out
}

/// uvicorn's own, with a message behind it.
const ACCESS: &str = r#"%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s|%(message)s"#;

/// An event in the span of a request.
fn served() -> Specimen {
    let mut specimen = Specimen::tracing("served");
    let request = [
        ("client_addr", Value::Display("127.0.0.1:5000")),
        ("method", Value::Debug("GET")),
        ("full_path", Value::Str("/a?b")),
        ("http_version", Value::Str("1.1")),
    ];
    specimen.span("request", &request);
    specimen.field("status_code", Value::U64(404));
    specimen.field("took_ms", Value::U64(3));
    specimen
}

#[test]
fn a_request_is_read_from_fields_and_spans() {
    let access = uvicorn(ACCESS, None).access_formatter().unwrap();
    assert!(access.needs().spans);
    // What stands in the line already does not follow the message.
    let expected = r#"INFO:     127.0.0.1:5000 - "GET /a?b HTTP/1.1" 404 Not Found|served took_ms=3"#;
    let access = access.without_colors().unwrap_or(access);
    assert_eq!(text(&*access, &served()), expected);
    let mut all_of_it = Specimen::tracing("served");
    for (name, value) in
        [("client_addr", "-"), ("method", "GET"), ("full_path", "/"), ("http_version", "2"), ("status_code", "200")]
    {
        all_of_it.field(name, Value::Str(value));
    }
    assert_eq!(text(&*access, &all_of_it), r#"INFO:     - - "GET / HTTP/2" 200 OK|served"#);
}

#[test]
fn a_record_that_is_no_request_is_printed_without_one() {
    let access = uvicorn(ACCESS, Some(false)).access_formatter().unwrap();
    assert_eq!(text(&*access, &Specimen::tracing("started")), r#"INFO:      - "" |started"#);
    let default = uvicorn("%(levelprefix)s %(message)s", Some(true)).default_formatter().unwrap();
    let mut specimen = Specimen::tracing("started");
    specimen.field("color_message", Value::Str("\x1b[1mstarted\x1b[0m"));
    assert_eq!(text(&*default, &specimen), "\x1b[32mINFO\x1b[0m:     \x1b[1mstarted\x1b[0m");
}

/// Each that has colours says what it is without them, unless it was told to have them everywhere.
#[test]
fn files_get_no_colors_unless_told_so() {
    let colored = ColoredFormatterConfig { line: line("%(red)s%(message)s"), ..ColoredFormatterConfig::default() };
    let specimen = Specimen::tracing("m");
    if !VARIABLES.iter().any(|name| std::env::var_os(name).is_some()) {
        let formatter = colored.clone().build().unwrap();
        assert_eq!(text(&*formatter, &specimen), "\x1b[31mm\x1b[0m");
        let plain = formatter.without_colors().unwrap();
        assert_eq!(text(&*plain, &specimen), "m");
        assert!(plain.without_colors().is_none());
    }
    let forced = ColoredFormatterConfig { force_color: true, no_color: true, ..colored }.build().unwrap();
    assert_eq!(text(&*forced, &specimen), "\x1b[31mm\x1b[0m");
    assert!(forced.without_colors().is_none());
    let told = uvicorn("%(levelprefix)s", Some(true)).default_formatter().unwrap();
    assert_eq!(text(&*told, &specimen), "\x1b[32mINFO\x1b[0m:    ");
    assert!(told.without_colors().is_none());
    assert!(FormatterConfig::default().build().unwrap().without_colors().is_none());
}

#[test]
fn the_server_colors_the_message_and_not_the_fields() {
    let config = ServerFormatterConfig { line: line("%(message)s"), use_colors: Some(true) };
    if std::env::var_os("DJANGO_COLORS").is_none() {
        let server = config.build().unwrap();
        assert_eq!(text(&*server, &served()), "\x1b[33mserved\x1b[0m status_code=404 took_ms=3");
    }
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let colors = ColoredFormatterConfig {
        line: line("%(log_color)s%(levelname)-8s%(reset)s %(name_log_color)s%(name)s %(asctime)s %(bold)s%(message)s"),
        secondary_log_colors: vec![("name".into(), vec![("INFO".into(), "bg_red,fg_17".into())])],
        force_color: true,
        ..ColoredFormatterConfig::default()
    };
    let brace = FormatterConfig { style: Style::Brace, ..line("[{server_time}] {message}") };
    for formatter in [
        colors.build(),
        uvicorn("%(levelprefix)s %(message)s", Some(true)).default_formatter(),
        uvicorn(ACCESS, Some(true)).access_formatter(),
        ServerFormatterConfig { line: brace, use_colors: Some(true) }.build(),
    ] {
        let (formatter, specimen, mut out) = (formatter.unwrap(), served(), String::with_capacity(16 * 1024));
        let record = specimen.record();
        let mut format_once = || {
            out.clear();
            formatter.format(&record, &mut out).unwrap();
        };
        format_once();
        let allocations = allocation_counter::measure(|| (0..100).for_each(|_| format_once()));
        assert_eq!(allocations.count_total, 0, "{out}");
    }
}
