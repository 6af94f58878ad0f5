//! The layers that people put beside logtree's: each gets what it gets alone, and so does logtree, whichever is on top.
//!
//! Each case is a process of its own, as a program has one global subscriber, and a second one would hide from it that a
//! callsite was switched off.
//!
//! console-subscriber takes a minute to compile and panics in a program that was built without a flag, so that it is here for
//! `CARGO_TARGET_DIR=target/console RUSTFLAGS="--cfg console_without_tokio_unstable" cargo test -p logtree --test neighbours`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use logtree::{Guard, Level};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, debug, error, info, trace, warn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, registry};

/// What each case writes into its directory.
const OF_NEIGHBOUR: &str = "neighbour";
const OF_LOGTREE: &str = "app.log";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, neighbour, stack, directory] = arguments.as_slice() {
        return run(neighbour, stack, Path::new(directory));
    }
    for (neighbour, lines, lines_of_logtree) in NEIGHBOURS {
        let run = |stack: &str| {
            let directory = tempfile::tempdir().unwrap();
            let program = std::env::current_exe().unwrap();
            let output = Command::new(program).args([neighbour, stack]).arg(directory.path()).output().unwrap();
            assert!(output.status.success(), "{neighbour}, {stack}: {output:?}");
            let read = |name| fs::read_to_string(directory.path().join(name)).unwrap_or_default();
            (read(OF_NEIGHBOUR), read(OF_LOGTREE))
        };
        let (of_neighbour, of_logtree) = (run("neighbour alone").0, run("logtree alone").1);
        // So that two that lost the same are not equal.
        assert_eq!(of_neighbour.lines().count(), *lines, "{neighbour} alone: {of_neighbour}");
        assert_eq!(of_logtree.lines().count(), *lines_of_logtree, "logtree alone: {of_logtree}");
        if neighbour.starts_with("fmt") {
            // The level that `tracing` lacks is its highest for others, with the message as it is.
            let of_both = ["ERROR", "app::db: the disk sdb is gone logtree.level=50"];
            let is_it = |line: &&str| line.trim_start().starts_with(of_both[0]) && line.ends_with(of_both[1]);
            assert_eq!(of_neighbour.lines().filter(is_it).count(), 12, "{of_neighbour}");
            assert_eq!(of_logtree.matches("CRITICAL app.db: the disk sdb is gone").count(), 12, "{of_logtree}");
        }
        for stack in ["logtree below", "logtree above"] {
            let (beside, logtree) = run(stack);
            assert_same(&format!("{neighbour}: the neighbour's, {stack}"), &of_neighbour, &beside);
            assert_same(&format!("{neighbour}: logtree's, {stack}"), &of_logtree, &logtree);
        }
        println!("{neighbour}: {lines} lines, logtree {lines_of_logtree}: ok");
    }
    println!("neighbours: ok");
}

fn assert_same(what: &str, alone: &str, beside: &str) {
    let (alone, beside): (Vec<_>, Vec<_>) = (alone.lines().collect(), beside.lines().collect());
    for (at, (alone, beside)) in alone.iter().zip(&beside).enumerate() {
        assert_eq!(alone, beside, "{what}: line {at} is another than alone");
    }
    assert_eq!(alone.len(), beside.len(), "{what}: lines are missing, or too many");
}

/// Each with the lines that it has in the end, and those that logtree has, counted by hand in `log_all`: the first has 18 events
/// of requests and 4 others in each of 6 rounds, and 2 of the last task.
const NEIGHBOURS: &[(&str, usize, usize)] = &[
    ("fmt", 134, 58),
    ("fmt with its own EnvFilter", 90, 58),
    // Inside the request that its directive names, it lets events of any target pass, but not the other one's at DEBUG.
    ("fmt under an EnvFilter for all", 96, 56),
    ("tracing-opentelemetry", 153, 58),
    ("tracing-error", 24, 58),
    #[cfg(console_without_tokio_unstable)]
    ("console-subscriber", 81, 58),
];

/// One case: has the neighbour, logtree, or both log.
fn run(neighbour: &str, stack: &str, directory: &Path) {
    write_config(neighbour, directory, "WARNING");
    let logtree = || {
        let layer = logtree::from_file(directory.join("logging.json")).unwrap().layer().unwrap();
        let guard = layer.guard();
        (layer, guard)
    };
    // What is for all is not the neighbour's, and stands below both.
    let filter = (neighbour == "fmt under an EnvFilter for all").then(env_filter);
    let registry = registry().with(filter);
    match stack {
        "neighbour alone" => {
            let (layer, finish) = make(neighbour, directory);
            tracing::subscriber::set_global_default(registry.with(layer)).unwrap();
            log_all(None, neighbour, directory);
            finish();
        }
        "logtree alone" => {
            let (layer, guard) = logtree();
            tracing::subscriber::set_global_default(registry.with(layer)).unwrap();
            log_all(Some(&guard), neighbour, directory);
        }
        "logtree below" => {
            let ((layer, guard), (above, finish)) = (logtree(), make(neighbour, directory));
            tracing::subscriber::set_global_default(registry.with(layer).with(above)).unwrap();
            log_all(Some(&guard), neighbour, directory);
            finish();
        }
        _ => {
            let ((layer, guard), (below, finish)) = (logtree(), make(neighbour, directory));
            tracing::subscriber::set_global_default(registry.with(below).with(layer)).unwrap();
            log_all(Some(&guard), neighbour, directory);
            finish();
        }
    }
    // Who forgot that another one is there is led to the layer, and not to a guard that nobody has.
    let error = logtree::builder().install().unwrap_err();
    assert!(error.is_already_installed() && error.to_string().contains("put `layer()` beside"), "{error}");
}

fn env_filter() -> EnvFilter {
    EnvFilter::new("warn,app=info,app::db=trace,app[request{id=7}]=debug")
}

/// A neighbour, and what writes down at the end what it got.
type Neighbour<S> = (Box<dyn Layer<S> + Send + Sync>, Box<dyn FnOnce()>);

fn make<S>(name: &str, directory: &Path) -> Neighbour<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let path = directory.join(OF_NEIGHBOUR);
    let fmt = || {
        let file = Mutex::new(File::create(&path).unwrap());
        tracing_subscriber::fmt::layer().without_time().with_ansi(false).with_writer(file)
    };
    match name {
        "fmt" => (fmt().with_filter(LevelFilter::TRACE).boxed(), Box::new(|| ())),
        "fmt with its own EnvFilter" => (fmt().with_filter(env_filter()).boxed(), Box::new(|| ())),
        "fmt under an EnvFilter for all" => (fmt().boxed(), Box::new(|| ())),
        "tracing-opentelemetry" => {
            let spans = Spans::default();
            let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("neighbours"));
            let layer = layer.with_tracked_inactivity(false).with_threads(false);
            (layer.boxed(), Box::new(move || fs::write(path, spans.text()).unwrap()))
        }
        "tracing-error" => (tracing_error::ErrorLayer::default().boxed(), Box::new(|| ())),
        #[cfg(console_without_tokio_unstable)]
        "console-subscriber" => {
            let recording = directory.join("recording");
            let (layer, server) = console_subscriber::ConsoleLayer::builder().recording_path(&recording).build();
            let finish = move || {
                fs::write(path, recorded(&recording)).unwrap();
                // Without it the layer keeps nothing.
                drop(server);
            };
            (layer.boxed(), Box::new(finish))
        }
        _ => panic!("{name}"),
    }
}

fn write_config(neighbour: &str, directory: &Path, level: &str) {
    let mut format = "%(levelname)s %(name)s: %(message)s".to_owned();
    // Beside the others logtree itself has no use for spans, which they need all the same.
    if neighbour.starts_with("fmt") {
        format += " %(funcName)s [%(spans)s %(id)s %(late)s]";
    }
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": format}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": directory.join(OF_LOGTREE), "formatter": "line"}},
        "loggers": {"app": {"level": level}},
        "root": {"level": "ERROR", "handlers": ["file"]},
    });
    fs::write(directory.join("logging.json"), config.to_string()).unwrap();
}

/// Three rounds of the same, with other levels of logtree's in each.
fn log_all(guard: Option<&Guard>, neighbour: &str, directory: &Path) {
    let mut traces = String::new();
    for round in 0..3 {
        // The callsites of the first time are known the second time.
        (0..2).for_each(|_| log_round(round, &mut traces));
        if let Some(guard) = guard {
            if round == 0 {
                write_config(neighbour, directory, "DEBUG");
                guard.reload().unwrap();
            } else {
                guard.set_level("app", Level::CRITICAL);
            }
        }
    }
    if !traces.is_empty() {
        fs::write(directory.join(OF_NEIGHBOUR), traces).unwrap();
    }
    // What is still to come from another thread.
    task_of_tokio("last");
}

fn log_round(round: u32, traces: &mut String) {
    // Refused by whoever is not for everything, and asked about first: the next event is not to be swallowed.
    let _ = tracing::enabled!(target: "noisy", tracing::Level::TRACE);
    error!(round, "after a probe");
    let _ = tracing::enabled!(target: "app::db", tracing::Level::DEBUG);
    for id in [7, 8] {
        let span = tracing::info_span!(target: "app", "request", id, late = tracing::field::Empty);
        span.record("late", round);
        let _entered = span.enter();
        trace!(target: "app", "trace");
        debug!(target: "app", "debug");
        info!(target: "app", user = "ann", "info");
        warn!(target: "app", "warn");
        error!(target: "app", ratio = 0.5, "error");
        let inner = tracing::debug_span!(target: "app::db", "query", table = "users");
        inner.in_scope(|| {
            trace!(target: "app::db", "of a table");
            debug!(target: "noisy", "of no one");
            warn!(target: "noisy", { logtree.logger = "app.db" }, "of another logger");
            span.record("late", round + 10);
            logtree::critical!(target: "app::db", "the disk {} is gone", "sdb");
            note_span_trace(traces);
        });
    }
    task_of_tokio("task");
    let error = "x".parse::<u8>().unwrap_err();
    error!(target: "app", error = &error as &dyn std::error::Error, "failed");
}

/// What tracing-error has, where it is there.
fn note_span_trace(traces: &mut String) {
    let trace = tracing_error::SpanTrace::capture();
    if trace.status() == tracing_error::SpanTraceStatus::CAPTURED {
        trace.with_spans(|metadata, fields| {
            writeln!(traces, "{} {fields}", metadata.name()).unwrap();
            true
        });
    }
}

/// A task as tokio shows it to its console.
fn task_of_tokio(name: &str) {
    let span =
        tracing::trace_span!(target: "tokio::task", "runtime.spawn", kind = "task", task.name = name, loc.line = 7);
    for _ in 0..2 {
        span.in_scope(|| {
            let id = span.id().map_or(0, |id| id.into_u64());
            trace!(target: "tokio::task::waker", op = "waker.wake_by_ref", task.id = id);
        });
    }
}

/// The spans that OpenTelemetry exports.
#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Spans {
    async fn export(&self, mut batch: Vec<SpanData>) -> opentelemetry_sdk::error::OTelSdkResult {
        self.0.lock().unwrap().append(&mut batch);
        Ok(())
    }
}

impl Spans {
    /// A line for each span and each of its events, in the order in which the spans ended.
    fn text(&self) -> String {
        let (spans, mut text) = (self.0.lock().unwrap(), String::new());
        let names: HashMap<_, _> = spans.iter().map(|span| (span.span_context.span_id(), &*span.name)).collect();
        for span in &*spans {
            let parent = names.get(&span.parent_span_id).copied().unwrap_or("none");
            writeln!(text, "{} in {parent}: {:?} {:?}", span.name, span.status, span.attributes).unwrap();
            for event in &span.events.events {
                writeln!(text, "  {}: {:?}", event.name, event.attributes).unwrap();
            }
        }
        text
    }
}

/// What the console has recorded, once it has the last of it, without the times.
#[cfg(console_without_tokio_unstable)]
fn recorded(recording: &Path) -> String {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(recording).unwrap_or_default();
        // The last task's spawn, and its close after that.
        let ended = text.split("\"last\"").nth(1).is_some_and(|rest| rest.contains("Close") && rest.ends_with('\n'));
        if ended {
            let mut numbers = HashMap::new();
            let lines = text.lines().map(|line| {
                let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
                for event in line.as_object_mut().unwrap().values_mut().filter_map(serde_json::Value::as_object_mut) {
                    event.remove("at");
                    // Ids are used again, and by whoever is there.
                    if let Some(id) = event.get_mut("id") {
                        let next = numbers.len();
                        *id = (*numbers.entry(id.to_string()).or_insert(next)).into();
                    }
                }
                format!("{line}\n")
            });
            return lines.collect();
        }
        assert!(std::time::Instant::now() < deadline, "the console has not recorded all: {text}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
