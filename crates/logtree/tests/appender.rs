//! `tracing-appender`'s writers as handlers, and handlers as writers of fmt: in processes of their own, as one of them
//! forks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../../logtree-handlers/tests/handlers/contract.rs"]
#[allow(dead_code)]
mod contract;
#[path = "../../logtree-handlers/tests/handlers/forked.rs"]
mod forked;
#[path = "../../logtree-handlers/tests/handlers/specimen.rs"]
#[allow(dead_code)]
mod specimen;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree::{Config, Format, HandlerWriter, Level, Record, WriterHandler};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter as _;

use contract::{Subject, assert_contract};

fn main() {
    a_child_is_told_that_it_has_no_thread();
    rolling_files_are_written_as_by_the_crate_itself();
    a_link_in_a_directory_named_relatively_leads_to_the_file();
    non_blocking_writers_are_flushed_and_say_what_they_drop();
    non_blocking_writers_count_what_they_cannot_write();
    wrong_arguments_are_refused_by_their_keyword();
    every_class_keeps_to_the_contract();
    any_writer_is_a_handler();
    fmt_writes_into_handlers_and_queues();
    what_the_page_shows_is_accepted();
    println!("appender: ok");
}

/// A config of this one handler.
fn config(handler: Value) -> Result<Config, logtree::Error> {
    let config = json!({
        "version": 1, "formatters": {"f": {"format": "%(levelname)s %(message)s"}},
        "handlers": {"h": handler}, "root": {"level": "INFO", "handlers": ["h"]},
    });
    Config::parse(&config.to_string(), Format::Json, &logtree::registry())
}

/// The handlers that stand in the page as JSON.
fn what_the_page_shows_is_accepted() {
    let blocks = include_str!("../docs/from-tracing-subscriber.md").split("```json\n").skip(1);
    let shown: Vec<Value> =
        blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect();
    assert_eq!(shown.len(), 3);
    for handler in shown {
        let config = json!({
            "version": 1, "handlers": {"h": handler, "file": {"class": "logging.NullHandler"}},
            "root": {"level": "INFO", "handlers": ["h", "file"]},
        });
        let config = Config::parse(&config.to_string(), Format::Json, &logtree::registry()).unwrap();
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    }
}

fn log_through(handler: Value, log: impl FnOnce()) -> Arc<logtree::Tree> {
    use tracing_subscriber::layer::SubscriberExt as _;
    let layer = config(handler).unwrap().layer().unwrap();
    let tree = layer.tree();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    tree
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// DIFFERENCE: the crate itself makes a link that is looked up from its own directory, and leads nowhere.
fn a_link_in_a_directory_named_relatively_leads_to_the_file() {
    let (directory, before) = (tempfile::tempdir().unwrap(), std::env::current_dir().unwrap());
    std::env::set_current_dir(directory.path()).unwrap();
    let handler = json!({
        "class": "tracing_appender.rolling.RollingFileAppender", "formatter": "f", "directory": "log",
        "filename_prefix": "app", "rotation": "daily", "latest_symlink": "newest",
    });
    log_through(handler, || tracing::warn!("hello"));
    std::env::set_current_dir(before).unwrap();
    assert_eq!(fs::read_to_string(directory.path().join("log/newest")).unwrap(), "WARNING hello\n");
}

fn rolling_files_are_written_as_by_the_crate_itself() {
    use tracing_appender::rolling::Rotation;
    let rotations = [
        ("minutely", Rotation::MINUTELY),
        ("hourly", Rotation::HOURLY),
        ("daily", Rotation::DAILY),
        ("weekly", Rotation::WEEKLY),
        ("never", Rotation::NEVER),
    ];
    for (word, rotation) in rotations {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let theirs = |name| {
            let builder = tracing_appender::rolling::RollingFileAppender::builder().rotation(rotation.clone());
            let appender = builder.filename_prefix("app").filename_suffix("log").max_log_files(3);
            let appender = appender.latest_symlink("newest").build(path(name));
            appender.unwrap().make_writer().write_all(b"WARNING hello user=ann\n").unwrap();
            names(&path(name))
        };
        let before = theirs("before");
        let handler = json!({
            "class": "tracing_appender.rolling.RollingFileAppender", "formatter": "f", "directory": path("ours"),
            "filename_prefix": "app", "filename_suffix": "log", "rotation": word, "max_log_files": 3,
            "latest_symlink": "newest",
        });
        log_through(handler, || tracing::warn!(user = "ann", "hello"));
        let ours = names(&path("ours"));
        // A minute may end in between.
        assert!(ours == before || ours == theirs("after"), "{word}: {ours:?}, {before:?}");
        assert_eq!(fs::read(path("ours").join("newest")).unwrap(), b"WARNING hello user=ann\n", "{word}");
    }
}

fn non_blocking(directory: &Path, limit: u32) -> Value {
    json!({
        "class": "tracing_appender.non_blocking.NonBlocking", "directory": directory, "filename_prefix": "app.log",
        "buffered_lines_limit": limit, "lossy": true, "thread_name": "writer",
    })
}

fn non_blocking_writers_are_flushed_and_say_what_they_drop() {
    const RECORDS: usize = 20_000;
    let directory = tempfile::tempdir().unwrap();
    for (limit, may_drop) in [(100_000, false), (1, true)] {
        let path = directory.path().join(limit.to_string());
        let tree =
            log_through(non_blocking(&path, limit), || (0..RECORDS).for_each(|number| tracing::info!("{number}")));
        assert!(tree.flush(soon()));
        let text = fs::read_to_string(path.join("app.log")).unwrap();
        let errors = tree.handlers()[0].errors.count();
        assert_eq!(errors > 0, may_drop, "{errors}");
        assert_eq!(text.lines().count() == RECORDS, !may_drop);
        let numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.is_sorted());
        tree.handlers()[0].handler.close();
    }
}

/// The crate's thread itself says nothing of it.
fn non_blocking_writers_count_what_they_cannot_write() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let handler = json!({
        "class": "tracing_appender.non_blocking.NonBlocking", "directory": "/dev", "filename_prefix": "full",
    });
    let tree = log_through(handler, || (0..3).for_each(|number| tracing::info!("{number}")));
    assert!(tree.flush(soon()));
    assert_eq!(tree.handlers()[0].error_count(), 3);
    tree.handlers()[0].handler.close();
}

fn every_class_keeps_to_the_contract() {
    let build = |handler: Value| {
        let mut handler = handler.as_object().unwrap().clone();
        let class = handler.remove("class").unwrap();
        let argument = |value: &Value| match value {
            Value::String(text) => logtree_core::Argument::Str(text.clone()),
            Value::Bool(value) => logtree_core::Argument::Bool(*value),
            other => logtree_core::Argument::Int(other.as_i64().unwrap()),
        };
        let arguments = handler.iter().map(|(name, value)| (name.clone(), argument(value))).collect();
        let kwargs = logtree_core::Kwargs::new("", arguments);
        logtree::registry().find_handler(class.as_str().unwrap()).unwrap()(kwargs).unwrap()(Vec::new()).unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let class = "tracing_appender.rolling.RollingFileAppender";
    let rolling = build(json!({"class": class, "directory": path("rolling"), "filename_prefix": "app.log"}));
    assert_contract(&Subject::new(rolling, Some(path("rolling/app.log"))));
    let file = std::sync::Mutex::new(fs::File::create(path("writer.log")).unwrap());
    assert_contract(&Subject::new(Box::new(WriterHandler::new(file)), Some(path("writer.log"))));
    // It ends with its thread, which a child has not.
    for limit in [1, 100_000] {
        let directory = path(&limit.to_string());
        let mut handler = non_blocking(&directory, limit);
        handler["lossy"] = json!(false);
        let subject = Subject::new(build(handler), Some(directory.join("app.log")));
        assert_contract(&Subject { is_held: true, outlives_close: false, outlives_fork: false, ..subject });
    }
}

fn a_child_is_told_that_it_has_no_thread() {
    let directory = tempfile::tempdir().unwrap();
    // The parent has a thread, and forks all the same.
    let tree = config(non_blocking(directory.path(), 100)).unwrap().tree().unwrap();
    let entry = &tree.handlers()[0];
    let log = |message: &str| writeln!(HandlerWriter::new(Arc::clone(entry)).make_writer(), "{message}").unwrap();
    log("parent");
    let is_well = forked(|| {
        log("child");
        assert_eq!(entry.errors.count(), 1);
        entry.handler.close();
        assert!(tree.flush(soon()));
    });
    assert!(is_well);
    assert!(tree.flush(soon()));
    assert_eq!(fs::read_to_string(directory.path().join("app.log")).unwrap(), "parent\n");
}

/// Whether a forked child did this without a panic.
fn forked(work: impl FnOnce()) -> bool {
    // SAFETY: the child takes no lock that another thread may hold: that of the handler under test is not taken.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            std::process::exit(i32::from(outcome.is_err()))
        }
        child => {
            let child = rustix::process::Pid::from_raw(child).unwrap();
            let (_, status) =
                rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()).unwrap().unwrap();
            status.exit_status() == Some(0)
        }
    }
}

fn wrong_arguments_are_refused_by_their_keyword() {
    let class = "tracing_appender.rolling.RollingFileAppender";
    let refused = |handler: Value| config(handler).unwrap_err().to_string();
    assert!(refused(json!({"class": class})).contains("missing 1 required positional argument: 'directory'"));
    assert!(refused(json!({"class": class, "directory": "d", "rotation": "yearly"})).contains("not 'yearly'"));
    assert!(refused(json!({"class": class, "directory": "d", "max_log_files": 0})).contains("max_log_files must be 1"));
    assert!(
        refused(json!({"class": class, "directory": "d", "when": "h"})).contains("unexpected keyword argument 'when'")
    );
    let non_blocking = "tracing_appender.non_blocking.NonBlocking";
    assert!(refused(json!({"class": non_blocking, "stream": "stdout"})).contains("must be ext://sys.stdout"));
    assert!(config(json!({"class": non_blocking, "stream": "ext://sys.stderr"})).is_ok());
}

fn any_writer_is_a_handler() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = WriterHandler::new(std::sync::Mutex::new(file.reopen().unwrap()));
    let mut builder = logtree::builder();
    builder.root().handlers.push(Arc::new(logtree::handler("file", writer, None)));
    let layer = builder.layer().unwrap();
    use tracing_subscriber::layer::SubscriberExt as _;
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || tracing::warn!(n = 1, "hello"));
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "hello n=1\n");

    // By a class that the program registers, with an argument of its own.
    let mut registry = logtree::registry();
    registry.handler("my_app.Mirror", |mut kwargs| {
        let path = kwargs.required_string("path")?;
        kwargs.finish()?;
        let open = move || fs::File::options().append(true).open(path);
        Ok(Box::new(move |_| {
            let file = open().map_err(|error| logtree::BuildError::new(error.to_string()))?;
            Ok(Box::new(WriterHandler::new(std::sync::Mutex::new(file))))
        }))
    });
    let config = json!({
        "version": 1, "formatters": {"f": {"format": "%(levelname)s %(message)s"}},
        "handlers": {"mirror": {"class": "my_app.Mirror", "path": file.path(), "formatter": "f", "level": "ERROR"}},
        "root": {"level": "INFO", "handlers": ["mirror"]},
    });
    let layer = Config::parse(&config.to_string(), Format::Json, &registry).unwrap().layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::warn!("below the handler's level");
        tracing::error!(n = 2, "from a config");
    });
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "hello n=1\nERROR from a config n=2\n");
}

/// Passes what it is shown on to the test.
struct Shown(std::sync::mpsc::Sender<(String, Level, String)>);

impl logtree::Filter for Shown {
    fn filter(&self, record: &Record<'_>) -> logtree::Verdict {
        self.0.send((record.name.to_owned(), record.level, record.message.to_owned())).unwrap();
        logtree::Verdict::Pass
    }
}

fn fmt_writes_into_handlers_and_queues() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let config = json!({
        "version": 1,
        "handlers": {
            "file": {"class": "logging.handlers.RotatingFileHandler", "filename": path, "maxBytes": 100, "backupCount": 9},
            "queue": {"class": "logging.handlers.QueueHandler", "handlers": ["file"], "level": "INFO"},
        },
        "root": {"handlers": ["queue"]},
    });
    let tree = Config::parse(&config.to_string(), Format::Json, &logtree::registry()).unwrap().tree().unwrap();
    let entry = tree.handlers().iter().find(|entry| entry.name == "queue").unwrap();
    let (sender, shown) = std::sync::mpsc::channel();
    let writer = HandlerWriter::new(Arc::clone(entry));
    let subscriber = || tracing_subscriber::fmt().without_time().with_ansi(false).with_max_level(tracing::Level::TRACE);
    tracing::subscriber::with_default(subscriber().with_writer(writer.clone()).finish(), || {
        tracing::info!(target: "my_app::db", user = "ann", "one\ntwo");
        tracing::debug!("below the handler's level");
        (0..5).for_each(|number| tracing::warn!(target: "t", "filler {number} to roll the file at some time"));
    });
    assert!(writer.flush(soon()));
    let files: String = (0..9)
        .rev()
        .filter_map(|number| {
            let name = if number == 0 { "a.log".to_owned() } else { format!("a.log.{number}") };
            fs::read_to_string(directory.path().join(name)).ok()
        })
        .collect();
    let fillers: String =
        (0..5).map(|number| format!(" WARN t: filler {number} to roll the file at some time\n")).collect();
    assert_eq!(files, format!(" INFO my_app::db: one\ntwo user=\"ann\"\n{fillers}"));
    assert!(names(directory.path()).len() > 2);

    // A record has the event's target and level, and a line that comes in pieces is one record.
    let mut entry = logtree::handler("null", logtree::handlers::NullHandler, None);
    entry.filters.push(Arc::new(Shown(sender)));
    let writer = HandlerWriter::new(Arc::new(entry));
    let log = || tracing::error!(target: "my_app::db", "m");
    tracing::subscriber::with_default(subscriber().with_writer(writer.clone()).finish(), log);
    {
        let mut pieces = writer.make_writer();
        pieces.write_all(b"one ").unwrap();
        pieces.write_all(b"line\n").unwrap();
        pieces.write_all(b"and a rest").unwrap();
    }
    let seen: Vec<_> = shown.try_iter().map(|(name, level, message)| (name, level.0, message)).collect();
    let expected = [("my_app.db", 40, "ERROR my_app::db: m"), ("", 20, "one line"), ("", 20, "and a rest")];
    assert_eq!(seen, expected.map(|(name, level, message)| (name.to_owned(), level, message.to_owned())));
}
