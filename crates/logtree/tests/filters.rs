//! The filters that Python does not have, from a file of YAML to the lines of a log: what each of them passes, what it holds back,
//! and what it says of that.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use logtree::{critical, from_file};
use tracing::{debug, error, info, info_span, trace, warn};
#[cfg(feature = "regex")]
use tracing_subscriber::prelude::*;

/// Each logger has a file of its name, and before it the filter of its name. The times are longer than any test.
const CONFIG: &str = r#"
version: 1
filters:
  range: {(): logtree.LevelRangeFilter, min_level: INFO, max_level: WARNING}
  slow: {(): logtree.FieldFilter, field: elapsed_ms, min: 500}
  tenant: {(): logtree.FieldFilter, field: tenant, equals: acme, where: span}
  calm: {(): logtree.RateLimitFilter, rate: 5, per: 3600, by: name}
  once: {(): logtree.DuplicateFilter, interval: 3600, ignore: attempt}
  sample: {(): logtree.SamplingFilter, ratio: 0.5, by: request, keep_from: WARNING}
  discreet: {(): logtree.RedactFilter, fields: [password, "*token*"]}
formatters:
  line: {format: "%(levelname)s %(message)s"}
  spans: {format: "%(message)s for %(user)s with %(session_token)s"}
handlers:
  range: {class: logging.FileHandler, filename: DIR/range, formatter: line, filters: [range]}
  slow: {class: logging.FileHandler, filename: DIR/slow, formatter: line, filters: [slow]}
  tenant: {class: logging.FileHandler, filename: DIR/tenant, formatter: line, filters: [tenant]}
  calm: {class: logging.FileHandler, filename: DIR/calm, formatter: line, filters: [calm]}
  once: {class: logging.FileHandler, filename: DIR/once, formatter: line, filters: [once]}
  sample: {class: logging.FileHandler, filename: DIR/sample, formatter: line, filters: [sample]}
  discreet: {class: logging.FileHandler, filename: DIR/discreet, formatter: spans, filters: [discreet]}
  all: {class: logging.FileHandler, filename: DIR/all, formatter: spans}
loggers:
  range: {level: 1, handlers: [range]}
  slow: {level: DEBUG, handlers: [slow]}
  tenant: {level: DEBUG, handlers: [tenant]}
  calm: {level: DEBUG, handlers: [calm]}
  once: {level: DEBUG, handlers: [once]}
  sample: {level: DEBUG, handlers: [sample]}
  discreet: {level: DEBUG, handlers: [discreet, all]}
"#;

/// What a program installs it installs once.
#[test]
fn each_filter_of_a_config_does_to_tracings_events_what_it_is_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logging.yaml");
    fs::write(&path, CONFIG.replace("DIR", directory.path().to_str().unwrap())).unwrap();
    let guard = from_file(&path).unwrap().install().unwrap();
    log_levels();
    log_fields();
    log_floods();
    log_requests();
    log_secrets();
    assert!(guard.flush(Duration::from_secs(60)));
    assert_eq!(guard.errors(), 0);

    let lines = |name: &str| lines(directory.path(), name);
    assert_eq!(lines("range"), ["INFO third", "WARNING fourth"]);
    assert_eq!(lines("slow"), ["INFO just elapsed_ms=500", "DEBUG very elapsed_ms=712.5", "INFO in a span"]);
    assert_eq!(lines("tenant"), ["INFO of acme", "INFO deeper in acme"]);
    let held_back = |count: u32| format!("INFO {count} records held back: more than 5 in 3600 s");
    let mut calm: Vec<String> =
        ["a", "b"].iter().flat_map(|of| (0..5).map(move |n| format!("INFO {of} {n}"))).collect();
    calm.extend([held_back(7), held_back(2)]);
    // The counts are said when all is flushed, in whatever order.
    let mut said = lines("calm");
    said[10..].sort();
    calm[10..].sort();
    assert_eq!(said, calm);
    let once =
        ["INFO refused attempt=0", "INFO last message repeated 3 times", "INFO accepted", "INFO refused attempt=9"];
    assert_eq!(lines("once"), [&once[..], &["INFO last message repeated 1 time"]].concat());
    assert_sampled(&lines("sample"));
    assert_redacted(&lines("discreet"), &lines("all"));
}

fn lines(directory: &Path, name: &str) -> Vec<String> {
    fs::read_to_string(directory.join(name)).unwrap().lines().map(str::to_owned).collect()
}

fn log_levels() {
    trace!(target: "range", "first");
    debug!(target: "range", "second");
    info!(target: "range", "third");
    warn!(target: "range", "fourth");
    error!(target: "range", "fifth");
    critical!(target: "range", "sixth");
}

fn log_fields() {
    info!(target: "slow", elapsed_ms = 499, "hardly");
    info!(target: "slow", elapsed_ms = 500, "just");
    debug!(target: "slow", elapsed_ms = 712.5, "very");
    info!(target: "slow", elapsed_ms = "900", "a text");
    info!(target: "slow", "no field");
    info_span!("work", elapsed_ms = 800).in_scope(|| info!(target: "slow", "in a span"));

    info!(target: "tenant", tenant = "acme", "of its own field");
    info_span!("request", tenant = "acme").in_scope(|| {
        info!(target: "tenant", "of acme");
        info_span!("inner").in_scope(|| info!(target: "tenant", "deeper in acme"));
        // The nearest span decides.
        info_span!("inner", tenant = "other").in_scope(|| info!(target: "tenant", "deeper in another"));
    });
    info_span!("request", tenant = "other").in_scope(|| info!(target: "tenant", "of another"));
}

fn log_floods() {
    (0..12).for_each(|number| info!(target: "calm::a", "a {number}"));
    (0..7).for_each(|number| info!(target: "calm::b", "b {number}"));
    (0..4).for_each(|attempt| info!(target: "once", attempt, "refused"));
    info!(target: "once", "accepted");
    (9..11).for_each(|attempt| info!(target: "once", attempt, "refused"));
}

const REQUESTS: u64 = 400;

fn log_requests() {
    for request in 0..REQUESTS {
        let _request = info_span!("request", request).entered();
        info!(target: "sample", "{request} begins");
        warn!(target: "sample", "{request} is slow");
        debug!(target: "sample", "{request} ends");
    }
}

/// A request is there whole or not at all, but for what is kept in any case.
fn assert_sampled(lines: &[String]) {
    let count = |wanted: &str| lines.iter().filter(|line| line.contains(wanted)).count();
    assert_eq!(count("WARNING"), REQUESTS as usize);
    let mut passed = 0;
    for request in 0..REQUESTS {
        let of = |what: &str| count(&format!(" {request} {what}"));
        assert_eq!((of("begins"), of("is slow")), (of("ends"), 1), "{request}");
        passed += of("begins");
    }
    // Half of them, as a coin would have it 9,999 times in 10,000.
    let half = REQUESTS as usize / 2;
    assert!(passed.abs_diff(half) < 40, "{passed} of {REQUESTS}");
    assert_eq!(lines.len(), REQUESTS as usize + 2 * passed);
}

fn log_secrets() {
    let _session = info_span!("session", user = "ann", session_token = "t0p").entered();
    info!(target: "discreet", password = "hunter2", Api_Token = 4711, host = "db", "connected");
}

/// The filter is the one handler's: the other one's line has it all.
fn assert_redacted(redacted: &[String], all: &[String]) {
    assert_eq!(redacted, ["connected password=*** Api_Token=*** host=db for ann with ***"]);
    assert_eq!(all, ["connected password=hunter2 Api_Token=4711 host=db for ann with t0p"]);
}

/// The patterns of the filter's own documentation, in a message, a field and a span's field.
#[cfg(feature = "regex")]
#[test]
fn patterns_of_a_config_replace_what_they_find() {
    let directory = tempfile::tempdir().unwrap();
    let config = r#"
version: 1
filters:
  discreet:
    (): logtree.RedactFilter
    patterns: ['(?i)(bearer )[a-z0-9._~+/-]+=*', '\b(?:\d[ -]?){12,15}(\d{4})\b']
    replacement: "$1***"
formatters:
  spans: {format: "%(message)s for %(user)s"}
handlers:
  file: {class: logging.FileHandler, filename: FILE, formatter: spans, filters: [discreet]}
root: {level: INFO, handlers: [file]}
"#;
    let config = config.replace("FILE", directory.path().join("log").to_str().unwrap());
    let layer = logtree::from_str(&config, logtree::Format::Yaml).unwrap().layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _session = info_span!("session", user = "ann 4111 1111 1111 1111").entered();
        info!(authorization = "Bearer abc.def==", card = 4_111_111_111_111_111_u64, "paid with BEARER x by 12");
    });
    let expected = "paid with BEARER *** by 12 authorization=\"Bearer ***\" card=1111*** for ann 1111***";
    assert_eq!(lines(directory.path(), "log"), [expected]);
}
