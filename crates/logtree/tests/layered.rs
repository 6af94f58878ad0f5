//! Layers that stand beside others have all that an install has.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logtree::{Level, TreeLayer, explain, get_logger, testing};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry, registry};

/// A layer whose config is a file.
struct Layered {
    directory: tempfile::TempDir,
    layer: TreeLayer,
}

impl Layered {
    fn new(level: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_config(directory.path(), level, "app.log");
        let layer = logtree::from_file(directory.path().join("logging.json")).unwrap().layer().unwrap();
        Self { directory, layer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn write_config(directory: &Path, level: &str, file: &str) {
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s [%(spans)s] %(filename)s:%(lineno)d"}},
        "handlers": {
            "file": {"class": "logging.FileHandler", "filename": directory.join(file), "formatter": "line"},
            "held": {"class": "logging.handlers.MemoryHandler", "capacity": 1000, "target": "file"},
        },
        "loggers": {"held": {"handlers": ["held"], "propagate": false}},
        "root": {"level": level, "handlers": ["file"]},
    });
    fs::write(directory.join("logging.json"), config.to_string()).unwrap();
}

/// The file's lines, without the places that they come from.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn loggers_by_name_lead_to_all_layers_of_the_threads_subscriber() {
    let (below, above, elsewhere) = (Layered::new("WARNING"), Layered::new("INFO"), Layered::new("DEBUG"));
    let files = [&below, &above, &elsewhere].map(|layered| layered.path("app.log"));
    let logger = get_logger("layered.named");
    assert!(!logger.is_enabled_for(Level::CRITICAL), "there is none");
    assert!(explain("layered.named", Level::CRITICAL).is_none());
    // Each in one of the ways that layers are put together.
    let subscriber = registry().with(Some(below.layer)).with(above.layer.boxed());
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("span").entered();
        assert!(logger.is_enabled_for(Level::INFO) && !logger.is_enabled_for(Level::DEBUG));
        assert!(
            tracing::enabled!(target: "layered::named", tracing::Level::TRACE),
            "for others, whom nobody asks here"
        );
        logger.debug("for none");
        logger.info("for one");
        logger.log(Level::ERROR, "for both", &[("n", 1.into())]);
        std::thread::spawn(|| get_logger("layered.named").error("from a thread without a subscriber")).join().unwrap();
        // The one that is asked first.
        assert_eq!(explain("layered::named", Level::INFO).unwrap().reached().len(), 1);
        logger.set_level(Level::CRITICAL);
        assert!(!logger.is_enabled_for(Level::ERROR));
        logger.error("for none any more");
        // What is captured is captured alone.
        let captured = testing::capture();
        logger.info("captured");
        assert_eq!(captured.one().line(), "INFO:layered.named:captured");
    });
    tracing::subscriber::with_default(registry().with(elsewhere.layer), || logger.debug("elsewhere"));
    let [below, above, elsewhere] = files.map(|file| lines(&file));
    assert_eq!(below, ["ERROR layered.named for both n=1 [span]"]);
    assert_eq!(above, ["INFO layered.named for one [span]", "ERROR layered.named for both n=1 [span]"]);
    assert_eq!(elsewhere, ["DEBUG layered.named elsewhere []"]);
}

#[test]
fn its_guard_changes_it_and_it_alone() {
    let (layered, other) = (Layered::new("WARNING"), Layered::new("WARNING"));
    let (guard, path, reloaded) = (layered.layer.guard(), layered.path("app.log"), layered.path("reloaded.log"));
    let others_path = other.path("app.log");
    let subscriber = registry().with(layered.layer).with(other.layer);
    tracing::subscriber::with_default(subscriber, || {
        let log = |message: &str| tracing::info!(target: "held", "{message}");
        log("refused");
        guard.set_level("held", Level::INFO);
        log("held");
        assert_eq!(lines(&path), [""; 0]);
        assert!(guard.flush(Duration::from_secs(60)));
        assert_eq!(lines(&path), ["INFO held held []"]);
        fs::rename(&path, layered.directory.path().join("moved")).unwrap();
        guard.reopen();
        tracing::error!(target: "other", "moved");
        assert_eq!(lines(&path), ["ERROR other moved []"]);
        write_config(layered.directory.path(), "INFO", "reloaded.log");
        guard.reload().unwrap();
        tracing::info!(target: "other", "reloaded");
        assert_eq!(lines(&reloaded), ["INFO other reloaded []"]);
        let on_top = json!({"version": 1, "incremental": true, "root": {"level": "ERROR"}});
        guard.apply(logtree::from_value(on_top).unwrap()).unwrap();
        tracing::warn!(target: "other", "refused by what was applied");
        assert_eq!(lines(&reloaded).len(), 1);
        assert_eq!((guard.stats().handlers.len(), guard.errors()), (2, 0));
    });
    let of_the_other = ["moved", "refused by what was applied"];
    let others_lines = lines(&others_path);
    assert!(others_lines.iter().zip(of_the_other).all(|(line, message)| line.contains(message)), "{others_lines:?}");
    assert_eq!(others_lines.len(), of_the_other.len());
}

/// As tracing-appender's `ErrorCounter` tells of it.
#[test]
fn what_a_queue_drops_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let file = json!({"class": "logging.FileHandler", "filename": directory.path().join("app.log")});
    let queue = |more: serde_json::Value| {
        let queue = json!({"()": "queue.Queue", "capacity": "64 KiB"});
        let mut queue = json!({"class": "logging.handlers.QueueHandler", "queue": queue, "handlers": ["file"]});
        queue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        queue
    };
    let config = json!({
        "version": 1, "formatters": {"line": {"format": "%(message)s"}},
        "handlers": {"file": file, "plain": queue(json!({})), "formatting": queue(json!({"formatter": "line"}))},
        "root": {"level": "INFO", "handlers": ["plain", "formatting"]},
    });
    let layer = logtree::from_value(config).unwrap().layer().unwrap();
    let guard = layer.guard();
    let dropped = || {
        let handlers = guard.stats().handlers.into_iter();
        handlers.map(|handler| (handler.name, handler.dropped, handler.errors)).collect::<Vec<_>>()
    };
    let counted =
        |queues| [("file", 0), ("plain", queues), ("formatting", queues)].map(|(name, n)| (name.to_owned(), n, 0));
    tracing::subscriber::with_default(registry().with(layer), || {
        tracing::info!("it fits");
        assert!(guard.flush(Duration::from_secs(20)));
        assert_eq!(BTreeSet::from_iter(dropped()), BTreeSet::from(counted(0)));
        tracing::info!("{}", "x".repeat(1 << 20));
        tracing::info!("{}", "x".repeat(1 << 20));
        assert_eq!(BTreeSet::from_iter(dropped()), BTreeSet::from(counted(2)), "at once");
        assert!(guard.flush(Duration::from_secs(20)));
        assert_eq!(BTreeSet::from_iter(dropped()), BTreeSet::from(counted(2)), "said by now");
    });
}

#[test]
fn dropped_with_its_subscriber_it_writes_what_it_holds() {
    let layered = Layered::new("INFO");
    let path = layered.path("app.log");
    let subscriber = Registry::default().with(layered.layer.with_filter(tracing::level_filters::LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: "held", "held");
        assert_eq!(lines(&path), [""; 0]);
    });
    assert_eq!(lines(&path), ["INFO held held []"]);
}

/// One test, since a program has one logger of the `log` crate.
#[cfg(feature = "log")]
#[test]
fn records_of_log_keep_their_key_values_and_neighbours_see_them_as_from_log_tracer() {
    use std::sync::{Arc, Mutex};
    use tracing::field::{Field, Visit};
    use tracing_subscriber::layer::Context;

    /// Notes the names of the fields of events.
    #[derive(Clone, Default)]
    struct Neighbour(Arc<Mutex<Vec<String>>>);
    impl Visit for Neighbour {
        fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
            self.0.lock().unwrap().push(field.name().to_owned());
        }
    }
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Neighbour {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            event.record(&mut self.clone());
        }
    }

    let (layered, neighbour) = (Layered::new("INFO"), Neighbour::default());
    let path = layered.path("app.log");
    let subscriber = registry().with(neighbour.clone()).with(layered.layer).with(Meddler);
    logtree::log_as_events().unwrap();
    assert!(logtree::log_as_events().unwrap_err().to_string().contains("`log` crate already"));
    let line = tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("span").entered();
        let line = line!() + 1;
        log::info!(target: "shop::cart", count = 3, who = "ann lee"; "put {}", "apples");
        log::debug!(target: "shop::cart", count = 4; "refused by the tree");
        log::warn!(target: "shop::cart", "bare");
        line
    });
    let text = fs::read_to_string(&path).unwrap();
    let expected = format!("INFO shop.cart put apples count=3 who=\"ann lee\" [span] layered.rs:{line}");
    assert_eq!(text.lines().next(), Some(&*expected));
    assert_eq!(lines(&path)[1..], ["WARNING shop.cart bare [span]"]);
    let of_log_tracer = ["message", "log.target", "log.module_path", "log.file", "log.line"];
    assert_eq!(*neighbour.0.lock().unwrap(), of_log_tracer.repeat(3));

    /// Logs by `log` before the layers below see the first.
    struct Meddler;
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Meddler {
        fn event_enabled(&self, _: &tracing::Event<'_>, _: Context<'_, S>) -> bool {
            log::info!(target: "meddler", inner = 1; "not seen, as tracing hands nothing on inside an event");
            true
        }
    }
}
