//! Logging that is set up and used by code.

use logtree::formatters::FormatterConfig;
use logtree::handlers::{FileHandler, FileHandlerConfig};
use logtree::{Format, Level, basic_config, critical, disable, from_str, get_logger};

use crate::Life;
use crate::child::lines;

pub(crate) const LIVES: &[Life] = &[
    ("code::loggers_are_there_before_and_after_install", loggers_are_there_before_and_after_install),
    ("code::a_record_says_where_it_comes_from", a_record_says_where_it_comes_from),
    ("code::each_level_has_its_method", each_level_has_its_method),
    ("code::critical_is_a_level_for_us_and_an_error_for_others", critical_is_a_level),
    ("code::a_builder_installs", a_builder_installs),
    ("code::a_subscriber_of_a_scope_is_not_the_programs", a_subscriber_of_a_scope_is_not_the_programs),
    ("code::a_builder_that_fails_installs_nothing", a_builder_that_fails_installs_nothing),
    ("code::basic_config_leaves_handlers_alone", basic_config_leaves_handlers_alone),
];

fn file(name: &str) -> logtree::HandlerEntry {
    let format = Some("%(levelname)s:%(name)s:%(message)s".to_owned());
    let formatter = FormatterConfig { format, ..FormatterConfig::default() }.build().unwrap();
    logtree::handler(name, FileHandler::new(FileHandlerConfig::new(name)).unwrap(), Some(formatter))
}

fn loggers_are_there_before_and_after_install() {
    let logger = get_logger("my_app::db");
    assert_eq!((logger.name(), get_logger("").name(), get_logger("root").name()), ("my_app.db", "root", "root"));
    assert!(!logger.is_enabled_for(Level::CRITICAL));
    logger.log(Level::CRITICAL, "to nobody", &[]);
    disable(Level::INFO);
    let mut logging = logtree::builder();
    logging.root().set_level(Level::DEBUG).add_handler(file("a.log"));
    let _guard = logging.install().unwrap();
    assert!(!logger.is_enabled_for(Level::INFO) && logger.is_enabled_for(Level::WARNING));
    logger.log(Level::INFO, "disabled", &[]);
    tracing::info!(target: "my_app::db", "disabled");
    logger.log(Level(31), "of any level", &[]);
    disable(Level::NOTSET);
    tracing::info!(target: "my_app::db", "enabled");
    logger.log(Level::DEBUG, format_args!("{} of {}", 1, 2), &[("user", "ann".into()), ("rows", 3.into())]);
    get_logger("root").log(Level::WARNING, "from the root", &[]);
    logger.set_level(Level::ERROR);
    logger.log(Level::WARNING, "too low", &[]);
    let expected = [
        "Level 31:my_app.db:of any level",
        "INFO:my_app.db:enabled",
        "DEBUG:my_app.db:1 of 2 user=ann rows=3",
        "WARNING:root:from the root",
    ];
    assert_eq!(lines("a.log"), expected);
}

fn a_record_says_where_it_comes_from() {
    let text = r#"{"version": 1,
        "formatters": {"f": {"format": "%(module)s %(filename)s %(lineno)d %(funcName)s %(user)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": "a.log", "formatter": "f"}},
        "root": {"level": "INFO", "handlers": ["file"]}}"#;
    let _guard = from_str(text, Format::Json).unwrap().install().unwrap();
    let _span = tracing::info_span!("work").entered();
    get_logger("a").log(Level::INFO, "here", &[("user", "ann".into())]);
    let line = line!() - 1;
    assert_eq!(lines("a.log"), [format!("code code.rs {line} work ann here")]);
}

fn each_level_has_its_method() {
    let text = r#"{"version": 1,
        "formatters": {"f": {"format": "%(levelname)s %(filename)s %(lineno)d %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": "a.log", "formatter": "f"}},
        "root": {"level": "DEBUG", "handlers": ["file"]}}"#;
    let _guard = from_str(text, Format::Json).unwrap().install().unwrap();
    let logger = get_logger("a");
    let first = line!() + 1;
    logger.debug("as in Python");
    logger.info("as in Python");
    logger.warning("as in Python");
    logger.error("as in Python");
    logger.critical(format_args!("as in {}", "Python"));
    let levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
    let expected = levels.iter().zip(first..).map(|(level, line)| format!("{level} code.rs {line} as in Python"));
    assert_eq!(lines("a.log"), expected.collect::<Vec<_>>());
}

fn critical_is_a_level() {
    let mut logging = logtree::builder();
    let file = std::sync::Arc::new(file("a.log"));
    logging.root().set_level(Level::CRITICAL).add_handler(std::sync::Arc::clone(&file));
    logging.logger("a").propagate(false).add_handler(file);
    let _guard = logging.install().unwrap();
    tracing::error!("too low");
    let span = tracing::error_span!("work");
    critical!("bare");
    critical!(code = 3, "with {}", "arguments");
    critical!(target: "a::b", "of a target");
    critical!(parent: &span, "in a span");
    critical!(target: "a", parent: &span, "both");
    let expected = [
        "CRITICAL:state.code:bare",
        "CRITICAL:state.code:with arguments code=3",
        "CRITICAL:a.b:of a target",
        "CRITICAL:state.code:in a span",
        "CRITICAL:a:both",
    ];
    assert_eq!(lines("a.log"), expected);
}

fn a_builder_installs() {
    let mut logging = logtree::builder();
    logging.add_level_name(Level(25), "NOTICE").root().add_handler(file("a.log"));
    let guard = logging.install().unwrap();
    get_logger("a").log(Level(25), "below the root's WARNING", &[]);
    guard.set_level("", Level(25));
    get_logger("a").log(Level(25), "named", &[]);
    // The handlers of code have names too, which an incremental config may use.
    let text = r#"{"version": 1, "incremental": true, "handlers": {"a.log": {"level": "ERROR"}}}"#;
    guard.apply(from_str(text, Format::Json).unwrap()).unwrap();
    get_logger("a").log(Level::WARNING, "too low", &[]);
    assert_eq!(lines("a.log"), ["NOTICE:a:named"]);
    let again = logtree::builder().install().unwrap_err();
    assert!(again.is_already_installed());
}

/// As programs have that log somewhere until they have read their config, and tests that capture.
fn a_subscriber_of_a_scope_is_not_the_programs() {
    let log = |what: &str| tracing::warn!(target: "a", "{what}");
    let before = logtree::testing::capture();
    log("before");
    assert_eq!(before.one().message(), "before");
    drop(before);
    let scope = logtree::testing::capture();
    let mut logging = logtree::builder();
    logging.root().add_handler(file("a.log"));
    let _guard = logging.install().unwrap();
    log("in the scope");
    assert_eq!(scope.one().message(), "in the scope");
    std::thread::scope(|threads| threads.spawn(|| log("beside it")).join()).unwrap();
    drop(scope);
    log("behind it");
    assert_eq!(lines("a.log"), ["WARNING:a:beside it", "WARNING:a:behind it"]);
}

fn a_builder_that_fails_installs_nothing() {
    let mut logging = logtree::builder();
    logging.root().add_handler(file("nowhere/a.log"));
    let error = logging.install().unwrap_err();
    assert!(error.to_string().starts_with("handler 'nowhere/a.log': cannot open the log file"), "{error}");
    let guard = logtree::builder().install().unwrap();
    assert!(guard.stats().handlers.is_empty());
}

fn basic_config_leaves_handlers_alone() {
    // CPython 3.13: basicConfig does nothing once the root has handlers, whatever it is asked; `force` takes them away,
    // and closes them. Handlers that are given keep the formatter that they have.
    let first = basic_config().filename("a.log").level(Level::INFO).install().unwrap();
    tracing::info!(target: "a", "one");
    let second = basic_config().filename("nowhere/b.log").level(Level::DEBUG).install().unwrap();
    tracing::debug!(target: "a", "too low");
    let plain = FileHandler::new(FileHandlerConfig::new("c.log")).unwrap();
    let forced = basic_config().force(true).level(Level::DEBUG).format("%(message)s.");
    let handlers = [file("b.log"), logtree::handler("c", plain, None)];
    let third = forced.handlers(handlers).install().unwrap();
    tracing::debug!(target: "a", "two");
    let error = basic_config().force(true).filename("d.log").stream(logtree::StdStream::Stdout).install().unwrap_err();
    assert_eq!(error.to_string(), "ValueError: 'stream' and 'filename' should not be specified together");
    let error = basic_config().force(true).filename("d.log").handlers([]).install().unwrap_err();
    assert!(error.to_string().ends_with("should not be specified together with 'handlers'"), "{error}");
    assert!(basic_config().force(true).filename("nowhere/d.log").install().is_err());
    // CPython: `close` takes the name of a handler away, and an incremental config does not find it any more.
    let text =
        |name: &str| format!(r#"{{"version": 1, "incremental": true, "handlers": {{"{name}": {{"level": 10}}}}}}"#);
    let apply = |name: &str| from_str(&text(name), Format::Json).and_then(|config| third.apply(config));
    apply("c").unwrap();
    let forced = basic_config().force(true).handlers([file("b.log")]).install().unwrap();
    assert!(apply("c").unwrap_err().to_string().contains("No handler found with name 'c'"));
    apply("b.log").unwrap();
    tracing::debug!(target: "a", "three");
    drop((first, second, third, forced));
    assert_eq!(lines("a.log"), ["INFO:a:one"]);
    assert_eq!(lines("b.log"), ["DEBUG:a:two", "DEBUG:a:three"]);
    assert_eq!(lines("c.log"), ["two."]);
}
