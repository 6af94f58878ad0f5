//! Who comes from tracing-subscriber's fmt loses none of what protected the readers of the log.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::sync::{Arc, Mutex};

use logtree::handlers::filters::DirectivesFilter;
use logtree::{Argument, Config, EmitError, Filter as _, Format, Formatter, Handler, Kwargs, Level, Record, Steps};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// All that is a control character somewhere, and two that only look like it.
fn texts() -> impl Iterator<Item = String> {
    ('\0'..='\u{ff}').chain(['\u{2028}', '\u{202e}']).map(|char| format!("{char}[2J{char}"))
}

/// What `log` does, in a file of ours and as fmt writes it.
fn ours_and_fmts(formatter: serde_json::Value, log: impl Fn()) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let [path, theirs] = ["app.log", "fmt.log"].map(|name| directory.path().join(name));
    let config = json!({
        "version": 1,
        "formatters": {"line": formatter},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "root": {"level": "DEBUG", "handlers": ["file"]},
    });
    let layer = logtree::from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
    let fmt = Arc::new(File::create(&theirs).unwrap());
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(fmt);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(fmt).with(layer), log);
    (fs::read_to_string(path).unwrap(), fs::read_to_string(theirs).unwrap())
}

/// The control characters that are left, but line feeds.
fn controls(text: &str) -> BTreeSet<char> {
    text.chars().filter(|char| char.is_control() && *char != '\n').collect()
}

#[test]
fn what_fmt_escapes_escape_escapes() {
    let messages = || texts().for_each(|text| tracing::info!("{text}"));
    let errors = || {
        texts().for_each(|text| {
            let error = io::Error::other(text);
            tracing::info!(error = &error as &dyn std::error::Error, "failed");
        });
    };
    for log in [&messages as &dyn Fn(), &errors] {
        let (ours, theirs) = ours_and_fmts(json!({"escape": "terminal"}), log);
        assert!(!controls(&theirs).contains(&'\x1b'), "fmt has this protection");
        assert!(controls(&ours).is_subset(&controls(&theirs)), "{ours:?}");
        assert_eq!(controls(&ours), BTreeSet::from(['\t']));
    }
    let (ours, theirs) = ours_and_fmts(json!({"escape": "controls"}), messages);
    assert_eq!(controls(&ours), BTreeSet::new());
    // The line feed makes three lines of an event there.
    assert_eq!((ours.lines().count(), theirs.split_terminator('\n').count()), (258, 260));
}

#[test]
fn fields_are_escaped_too() {
    let fields = || texts().for_each(|text| tracing::info!(display = %text, debug = ?format_args!("{text}"), "m"));
    let (ours, theirs) = ours_and_fmts(json!({"escape": "controls"}), fields);
    assert_eq!((controls(&ours), ours.lines().count()), (BTreeSet::new(), 258));
    assert!(controls(&theirs).contains(&'\x1b'), "fmt has it for messages and errors");
}

#[test]
fn full_spans_are_what_fmt_shows() {
    let format = json!({"format": "%(levelname)5s %(full_spans)s: %(target)s: %(message)s"});
    let (ours, theirs) = ours_and_fmts(format, || {
        let request =
            tracing::info_span!("request", id = 7, path = "/a b", status = %3.5, late = tracing::field::Empty);
        let _request = request.enter();
        tracing::info!(target: "app::db", x = 1, "outer");
        request.record("late", "at last");
        let plain = tracing::debug_span!("plain");
        plain.in_scope(|| {
            let _inner = tracing::info_span!("inner", debug = ?Some("x"), user.name = "ann lee").entered();
            tracing::info!(target: "app", "inner");
            tracing::info!(target: "app", parent: &plain, "in the middle");
        });
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.lines().count(), 3);
}

/// The places that events come from.
const TARGETS: [&str; 5] = ["app", "app::db", "app::db::pool", "other", "hyper::proto::h1"];

/// Logs an event of each level at each of them.
fn log_everywhere() {
    macro_rules! levels {
        ($($target:literal)*) => {$(
            tracing::error!(target: $target, "");
            tracing::warn!(target: $target, "");
            tracing::info!(target: $target, "");
            tracing::debug!(target: $target, "");
            tracing::trace!(target: $target, "");
        )*};
    }
    levels!("app" "app::db" "app::db::pool" "other" "hyper::proto::h1");
}

/// A layer that keeps where events come from and their levels.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let metadata = event.metadata();
        self.0.lock().unwrap().push(format!("{} {}", metadata.target().replace("::", "."), metadata.level()));
    }
}

/// What passes `EnvFilter`, if it takes the directives.
fn theirs(directives: &str) -> Option<Vec<String>> {
    let (filter, seen) = (EnvFilter::try_new(directives).ok()?, Seen::default());
    let subscriber = tracing_subscriber::registry().with(seen.clone().with_filter(filter));
    tracing::subscriber::with_default(subscriber, log_everywhere);
    let seen = seen.0.lock().unwrap();
    Some(seen.clone())
}

/// The same as a handler.
#[derive(Clone, Default)]
struct Handled(Arc<Mutex<Vec<String>>>);

impl Handler for Handled {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let level = record.level_name().to_string().replace("WARNING", "WARN");
        self.0.lock().unwrap().push(format!("{} {level}", record.name));
        Ok(())
    }
}

/// What passes loggers with these levels and all others off, if logtree takes the directives.
fn ours(directives: &str) -> Option<Vec<String>> {
    let (mut logging, handled) = (logtree::builder(), Handled::default());
    logging.root().add_handler(logtree::handler("seen", handled.clone(), None));
    logging.directives("off").unwrap().directives(directives).ok()?;
    let subscriber = tracing_subscriber::registry().with(logging.layer().unwrap());
    tracing::subscriber::with_default(subscriber, log_everywhere);
    let handled = handled.0.lock().unwrap();
    Some(handled.clone())
}

/// What passes where the config's `directives` are those of a page's row, with that value of the variable in them.
fn as_the_row_says(page: &str, row: &str, value: &str) -> Vec<String> {
    let row = page.lines().find(|line| line.starts_with(row)).unwrap();
    let directives = row.split("`directives: \"").nth(1).unwrap().split('"').next().unwrap();
    let (before, rest) = directives.split_once("${RUST_LOG:-").unwrap();
    let config = json!({
        "version": 1, "directives": format!("{before}{value}{}", rest.split_once('}').unwrap().1),
        "handlers": {"seen": {"class": "seen"}}, "root": {"handlers": ["seen"]},
    });
    let (mut registry, handled) = (logtree::registry(), Handled::default());
    let handler = handled.clone();
    registry.handler("seen", move |kwargs| {
        kwargs.finish()?;
        let handler = handler.clone();
        Ok(Box::new(|_| Ok(Box::new(handler))))
    });
    let layer = Config::parse(&config.to_string(), Format::Json, &registry).unwrap().layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log_everywhere);
    let handled = handled.0.lock().unwrap();
    handled.clone()
}

/// What the variable does not name is off, and not at the root's level.
#[test]
fn a_variable_holds_alone_where_the_pages_say_so() {
    let pages = [
        (include_str!("../docs/from-tracing-subscriber.md"), "| `try_from_default_env()"),
        (include_str!("../docs/from-log.md"), "| `env_logger::init()`"),
        (include_str!("../docs/from-log.md"), "| `Env::default().default_filter_or"),
        (include_str!("../docs/from-log.md"), "| `Logger::try_with_env_or_str"),
    ];
    for (page, row) in pages {
        for value in ["app=debug", "info,other=off", "app", "debug", "other=error,app::db=trace"] {
            assert_eq!(Some(as_the_row_says(page, row, value)), theirs(value), "{row}: {value}");
        }
    }
}

/// What passes a handler's filter with these directives, where its loggers let everything through.
fn filtered(directives: &str) -> Option<Vec<String>> {
    let mut kwargs = Kwargs::new("f()", vec![("directives".into(), Argument::Str(directives.into()))]);
    let filter = DirectivesFilter::from_kwargs(&mut kwargs).ok()?;
    let targets = TARGETS.iter().map(|target| target.replace("::", "."));
    let records = targets.flat_map(|name| {
        [("ERROR", 40), ("WARN", 30), ("INFO", 20), ("DEBUG", 10), ("TRACE", 5)]
            .map(|(level, number)| (name.clone(), level, number))
    });
    let passed = records.filter(|(name, _, number)| filter.decides(name, Level(*number)) == Some(true));
    Some(passed.map(|(name, level, _)| format!("{name} {level}")).collect())
}

#[test]
fn directives_are_env_filters() {
    let names = ["app", "app::db", "app::db::pool", "other", "hyper", "hyper::proto::h1", "nobody-here", "app::web"];
    let levels = ["error", "WARN", "Info", "debug", "trace", "off", "OFF", "0", "1", "2", "3", "4", "5"];
    let broken = ["app=verbose", "app=6", "app==info", "app=info=debug", "app,="];
    // The same draw each time: xorshift.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..600 {
        let mut directives = Vec::new();
        for _ in 0..=draw(5) {
            let (name, level) = (names[draw(names.len())], levels[draw(levels.len())]);
            directives.push(match draw(16) {
                0 | 1 => name.to_owned(),
                2 | 3 => level.to_owned(),
                4 => broken[draw(broken.len())].to_owned(),
                5 => String::new(),
                _ => format!("{name}={level}"),
            });
        }
        let text = directives.join(",");
        if text.chars().all(|char| char == ',') {
            // Of nothing `EnvFilter` makes ERROR for all.
            continue;
        }
        let theirs = theirs(&text);
        if theirs.is_some() {
            taken += 1
        } else {
            refused += 1
        }
        assert_eq!(ours(&text), theirs, "{text}");
        assert_eq!(filtered(&text), theirs, "{text}");
    }
    assert!(taken > 300 && refused > 50, "{taken} {refused}");
    // DIFFERENCE: what is more likely a slip, and would be a name that nothing has, is refused.
    for slip in ["info app=debug", "app!"] {
        assert!(theirs(slip).is_some() && ours(slip).is_none() && filtered(slip).is_none(), "{slip}");
    }
    // DIFFERENCE: there a name is the beginning of any that begin so.
    assert!(theirs("ap=info").unwrap().contains(&"app INFO".to_owned()));
    assert_eq!((ours("ap=info"), filtered("ap=info")), (Some(vec![]), Some(vec![])));
}

/// Logs inside spans and outside of them.
fn log_in_spans() {
    let query = || tracing::info_span!(target: "app::db", "query", table = "users");
    let spans = [
        tracing::info_span!(target: "app", "request", id = 5, tenant = "acme", ok = true, ratio = 0.5),
        tracing::info_span!(target: "app", "request", id = 6, tenant = ?"acme"),
        query(),
    ];
    log_everywhere();
    for span in &spans {
        span.in_scope(log_everywhere);
    }
    spans[1].in_scope(|| query().in_scope(log_everywhere));
    log_everywhere();
}

#[test]
fn directives_for_spans_are_env_filters() {
    let theirs = |directives: &str| {
        let seen = Seen::default();
        let layer = seen.clone().with_filter(EnvFilter::try_new(directives).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log_in_spans);
        seen.0.lock().unwrap().clone()
    };
    let ours = |directives: &str| {
        let logs = tempfile::tempdir().unwrap();
        let path = logs.path().join("app.log");
        let config = json!({
            "version": 1,
            "levels": {"WARN": 30},
            "formatters": {"line": {"format": "%(name)s %(levelname)s"}},
            "filters": {"levels": {"()": "logtree.DirectivesFilter", "directives": directives}},
            "handlers": {
                "file": {"class": "logging.FileHandler", "filename": path, "formatter": "line", "filters": ["levels"]},
            },
            "root": {"level": 1, "handlers": ["file"]},
        });
        let layer = logtree::from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log_in_spans);
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for directives in [
        "[request]=info",
        "warn,[request]",
        "warn,[request{id=5}]=debug",
        "warn,hyper=off,[request{id=6}]=info",
        "off,[request{tenant=acme}]=trace",
        "warn,[request{ok=true}]=debug",
        "warn,[request{ratio=0.5}]=debug",
        "warn,[{table}]=info",
        "warn,[{table=users}]=info",
        "warn,[query]=debug,[request{id=5}]=info",
        "warn,[query{id}]=debug",
        "warn,[nobody]=trace",
        "info,[request]=off",
        "info,app::db=off,[request]=warn",
    ] {
        assert_eq!(ours(directives), theirs(directives), "{directives}");
    }
    // DIFFERENCE: there a directive has one field at most.
    assert!(EnvFilter::try_new("[request{id=5,tenant=acme}]=debug").is_err());
    assert_eq!(ours("warn,[request{id=5,tenant=acme}]=debug"), ours("warn,[request{id=5}]=debug"));
    assert_eq!(ours("warn,[request{id=5,tenant=other}]=debug"), ours("warn"));
    // DIFFERENCE: there it is the span's target, here the record's logger.
    assert!(theirs("off,app[request]=info").contains(&"other INFO".to_owned()));
    let of_app = ours("off,app[request]=info");
    assert!(of_app.contains(&"app.db INFO".to_owned()) && !of_app.contains(&"other INFO".to_owned()));
}

#[test]
fn directives_change_while_the_program_runs() {
    let logs = tempfile::tempdir().unwrap();
    let path = logs.path().join("app.log");
    let config = |rest: serde_json::Value| {
        let mut config = json!({"version": 1});
        config.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        logtree::from_str(&config.to_string(), Format::Json).unwrap()
    };
    let whole = config(json!({
        "directives": "error",
        "formatters": {"line": {"format": "%(name)s %(levelname)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "root": {"level": "DEBUG", "handlers": ["file"]},
    }));
    let layer = whole.layer().unwrap();
    let guard = layer.guard();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        log_everywhere();
        guard.apply(config(json!({"incremental": true, "directives": "off,app::db=warn"}))).unwrap();
        log_everywhere();
    });
    let first = TARGETS.map(|target| format!("{} ERROR", target.replace("::", ".")));
    let second = ["app.db ERROR", "app.db WARNING", "app.db.pool ERROR", "app.db.pool WARNING"];
    let lines = fs::read_to_string(path).unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>(), [first.each_ref().map(String::as_str).as_slice(), &second].concat());
}
