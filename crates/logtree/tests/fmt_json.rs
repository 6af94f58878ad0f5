//! What tracing-subscriber's JSON has, `tracing_subscriber.fmt.format.Json` has: both look at the same events.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use logtree::Format;
use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{debug, debug_span, error, info, info_span, trace, warn};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt as theirs;
use tracing_subscriber::fmt::format::{self, JsonFields};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt as _;

type Fmt<T = SystemTime> = theirs::Layer<Registry, JsonFields, format::Format<format::Json, T>, Arc<File>>;

/// What `log` does, in a file of ours with these arguments and as fmt writes it.
fn ours_and_fmts<T: FormatTime + Send + Sync + 'static>(
    arguments: &Value,
    fmt: impl FnOnce(Fmt) -> Fmt<T>,
    log: impl FnOnce(),
) -> (String, String) {
    ours_and_fmts_by(None, arguments, fmt, log)
}

/// The same, through a queue if one is given.
fn ours_and_fmts_by<T: FormatTime + Send + Sync + 'static>(
    queue: Option<&Value>,
    arguments: &Value,
    fmt: impl FnOnce(Fmt) -> Fmt<T>,
    log: impl FnOnce(),
) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let [path, theirs] = ["app.log", "fmt.log"].map(|name| directory.path().join(name));
    let mut formatter = json!({"()": "tracing_subscriber.fmt.format.Json"});
    formatter.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    let mut handlers = json!({"file": {"class": "logging.FileHandler", "filename": path, "formatter": "json"}});
    if queue.is_some() {
        handlers["queue"] = json!({"class": "logging.handlers.QueueHandler", "queue": queue, "handlers": ["file"]});
    }
    let config = json!({
        "version": 1,
        "formatters": {"json": formatter},
        "handlers": handlers,
        "root": {"level": 1, "handlers": [if queue.is_some() { "queue" } else { "file" }]},
    });
    let layer = logtree::from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
    let guard = layer.guard();
    let fmt = fmt(theirs::layer().json().with_writer(Arc::new(File::create(&theirs).unwrap())));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(fmt).with(layer), log);
    assert!(guard.flush(Duration::from_secs(60)));
    (fs::read_to_string(path).unwrap(), fs::read_to_string(theirs).unwrap())
}

/// Two texts of lines are the same, one by one.
#[track_caller]
fn assert_same(ours: &str, theirs: &str, why: &Value) {
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "{why}");
    }
    assert_eq!(ours.len(), theirs.len(), "{why}");
}

#[derive(Debug)]
struct Failed(io::Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot \"write\"")
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn values() {
    for value in [0.0_f64, -0.0, 1.0, 0.1, 123_456.789, 1e15, 1e16, 1.5e16, 1e22, 1e300, 0.001, 1e-5, 1.5e-7, 5e-324] {
        info!(value, negative = -value, "a float");
        // What serde_json reads back as another number, fmt shows as that in spans.
        let _span = info_span!("float", value = (value * 4.0).round() / 4.0).entered();
        info!("in it");
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let _span = info_span!("none", value).entered();
        info!(value, "no number");
    }
    let _extremes =
        info_span!("extremes", i64 = i64::MIN, u64 = u64::MAX, i128 = i128::MIN, u128 = u128::MAX).entered();
    info!(i64 = i64::MIN, u64 = u64::MAX, i128 = i128::MIN, u128 = u128::MAX, u8 = 7_u8, yes = true, no = false, "all");
    let bytes = &b"\x00\xffab"[..];
    let _bytes = info_span!("bytes", bytes, none = &b""[..]).entered();
    info!(bytes, none = &b""[..], "bytes");
    info!(debug = ?Some("a \"b\""), display = %"c\\d", list = ?[1, 2], nothing = ?(), "debug");
    info!(some = Some(5), none = None::<u64>, empty = Empty, boxed = Box::new(5), "wrapped");
    let error = Failed(io::Error::other("full"));
    error!(error = &error as &dyn Error, "failed");
    error!(error = &error as &dyn Error);
    error!(%error, "shown");
}

fn names() {
    info!(r#type = "t", r#match = ?"m", user.name = "ann", "two words" = 1, "with\"quote" = 2, "");
    let _span =
        info_span!("raw", r#type = "t", r#match = ?"m", user.name = "ann", "two words" = 1, name = "n").entered();
    info!(name = "of the event", message = "in the middle", behind = 1);
    info!(a = 1, b = 2, a = 3, "twice");
    info!(first = 1, message = "last");
    info!(message = "first", second = 2);
    info!(message = %"shown");
    info!(level = 1, target = 2, timestamp = 3, spans = 4, fields = 5, "as members");
    info!(alone = 1);
    info!("");
    info!(target: "my::own.target", "elsewhere");
    info!(
        a = 1,
        b = 2,
        c = 3,
        d = 4,
        e = 5,
        f = 6,
        g = 7,
        h = 8,
        i = 9,
        j = 10,
        k = 11,
        l = 12,
        m = 13,
        n = 14,
        o = 15,
        "many"
    );
}

fn spans() {
    trace!("outside");
    let outer = debug_span!("outer", z = 1, a = "x", m = ?Some(2), late = Empty, later = Empty);
    let in_outer = outer.enter();
    debug!("one");
    outer.record("late", 5).record("a", "again").record("late", 6);
    warn!("recorded");
    {
        let _plain = info_span!("plain").entered();
        let _twice = info_span!("twice", b = 1, a = 2, b = 3, c = 4).entered();
        error!("inside");
    }
    drop(in_outer);
    outer.in_scope(|| info!(target: "other", "again"));
    info!("outside again");
}

fn texts() {
    for char in ('\0'..='\u{ff}').chain(['\u{2028}', '\u{202e}', '😀']) {
        let text = format!("<{char}>");
        let _span = info_span!("text", text, debug = ?text).entered();
        info!(text, debug = ?text, display = %text, "{text}");
    }
}

#[test]
fn each_byte_is_fmts() {
    for log in [values, names, spans, texts] {
        let (ours, theirs) = ours_and_fmts(&json!({"without_time": true}), theirs::Layer::without_time, log);
        assert!(theirs.lines().count() >= 6);
        assert_same(&ours, &theirs, &Value::Null);
    }
}

#[test]
fn behind_a_queue_each_byte_is_fmts() {
    let mut queues = vec![json!({"()": "queue.Queue", "overflow": "block"})];
    if cfg!(all(feature = "prefork", target_os = "linux")) {
        queues.push(json!({"()": "multiprocessing.Queue", "overflow": "block", "listener_in": "thread"}));
    }
    for queue in queues {
        for log in [values, names, spans, texts] {
            let arguments = json!({"without_time": true});
            let (ours, theirs) = ours_and_fmts_by(Some(&queue), &arguments, theirs::Layer::without_time, log);
            assert_same(&ours, &theirs, &queue);
        }
    }
}

#[test]
fn each_option_is_fmts() {
    for bits in 0..1_u32 << 8 {
        let is = |bit: u32| bits >> bit & 1 == 1;
        let arguments = json!({
            "without_time": true, "flatten_event": is(0), "with_current_span": is(1), "with_span_list": is(2),
            "with_level": is(3), "with_target": is(4), "with_file": is(5), "with_line_number": is(6), "with_thread_names": is(7),
        });
        let fmt = |fmt: Fmt| {
            let fmt = fmt.without_time().flatten_event(is(0)).with_current_span(is(1)).with_span_list(is(2));
            let fmt = fmt.with_level(is(3)).with_target(is(4)).with_file(is(5)).with_line_number(is(6));
            fmt.with_thread_names(is(7))
        };
        let (ours, theirs) = ours_and_fmts(&arguments, fmt, || {
            names();
            spans();
        });
        assert_same(&ours, &theirs, &arguments);
    }
}

/// With each digit of what stands behind `key` as 0.
fn without_digits_of(key: &str, line: &str) -> String {
    let start = line.find(key).unwrap() + key.len();
    let end = start + line[start..].find('"').unwrap();
    let blurred: String = line[start..end].chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    [&line[..start], &blurred, &line[end..]].concat()
}

#[test]
fn times_and_numbers_of_threads_have_fmts_shape() {
    let arguments = json!({"with_thread_names": true, "with_thread_ids": true});
    let fmt = |fmt: Fmt| fmt.with_thread_names(true).with_thread_ids(true);
    let (ours, theirs) = ours_and_fmts(&arguments, fmt, || info!("now"));
    let time = |line: &str| line.strip_prefix("{\"timestamp\":\"").unwrap()[..27].to_owned();
    // They look at their clocks one after the other.
    let day = "2026-01-31T".len();
    assert!(time(&ours)[..day] <= time(&theirs)[..day] && time(&ours).ends_with('Z'), "{ours}{theirs}");
    let [ours, theirs] = [ours, theirs].map(|line| {
        let line = without_digits_of("\"timestamp\":\"", &line);
        // DIFFERENCE: there it counts the process's threads.
        let (start, number) = line.rsplit_once("ThreadId(").unwrap();
        let (number, end) = number.split_once(')').unwrap();
        assert!(number.parse::<u64>().is_ok());
        format!("{start}ThreadId({end}")
    });
    assert_eq!(ours, theirs);
}

#[test]
fn where_fmt_falls_short_this_does_not() {
    let arguments = json!({"without_time": true, "with_level": false, "with_target": false});
    let fmt = |fmt: Fmt| fmt.without_time().with_level(false).with_target(false);
    // DIFFERENCE: there the list is of the spans that are entered, and not of the event's.
    let (ours, theirs) = ours_and_fmts(&arguments, fmt, || {
        let given = info_span!("given", id = 7);
        info!(parent: &given, "m");
    });
    assert_eq!(theirs, "{\"fields\":{\"message\":\"m\"},\"span\":{\"id\":7,\"name\":\"given\"},\"spans\":[]}\n");
    assert_eq!(ours, theirs.replace("[]", "[{\"id\":7,\"name\":\"given\"}]"));
    // DIFFERENCE: there an event that was said to be outside of all spans is inside.
    let (ours, theirs) = ours_and_fmts(&arguments, fmt, || {
        info_span!("around").in_scope(|| info!(parent: None, "m"));
    });
    assert!(theirs.contains("around"));
    assert_eq!(ours, "{\"fields\":{\"message\":\"m\"}}\n");
    // DIFFERENCE: there a span loses the causes of its error.
    let (ours, theirs) = ours_and_fmts(&json!({"without_time": true}), theirs::Layer::without_time, || {
        let error = Failed(io::Error::other("full"));
        info_span!("failing", error = &error as &dyn Error).in_scope(|| info!("m"));
    });
    assert_eq!(ours, theirs.replace("cannot \\\"write\\\"", "cannot \\\"write\\\": full"));
}
