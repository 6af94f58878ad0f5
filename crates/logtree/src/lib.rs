//! Python's `logging` for Rust's [`tracing`]: the same logger tree, the same config file, and what Python itself never
//! had: many processes writing one log with nothing lost.
//!
//! # The shortest program
//!
//! ```no_run
//! fn main() -> Result<(), logtree::Error> {
//!     let _guard = logtree::from_file("logging.json")?.install()?;
//!     tracing::info!(target: "my_app::db", user = "ann", "connected");
//!     Ok(())
//! }
//! ```
//!
//! where `logging.json` is what a Python service would hand to `logging.config.dictConfig`:
//!
//! ```json
//! {
//!   "version": 1,
//!   "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
//!   "handlers": {"file": {"class": "logging.FileHandler", "filename": "app.log", "formatter": "line"}},
//!   "root": {"level": "INFO", "handlers": ["file"]}
//! }
//! ```
//!
//! # Overview
//!
//! - [`from_file`], [`from_str`] and [`from_value`] check a config and give a [`Config`]. A bad one is refused with every
//!   problem at once, each with its place in the text; nothing was opened or changed by then. What Python would swallow
//!   silently, such as a key that it does not know, is no error: [`Config::warnings`] has it, and `logtree check --strict`.
//! - The same config may be written in JSON, in YAML as PyYAML reads it, in TOML, or in the older INI of `fileConfig`, of which
//!   nothing is evaluated. With the top-level key `env: true`, `${NAME}` and `${NAME:-default}` in its strings come from the
//!   environment, and `$${` stands for `${`. `directives: "info,my_app::db=debug"` sets levels in one line, written as for
//!   `EnvFilter`; with `env_levels: RUST_LOG`, that variable's are set on top.
//! - [`Config::install`] makes it the program's logging: `tracing` events and records of the `log` crate pass the logger
//!   tree. [`Config::layer`] gives a layer to stand beside others, and [`TreeLayer::guard`] the guard of that.
//! - [`Guard`] flushes when it is dropped, and on demand. It also changes what is installed while the program runs:
//!   [`Guard::reload`] reads the file again, [`Guard::apply`] puts a config on top by Python's rules, [`Guard::set_level`]
//!   sets a level. Each is whole or not at all, and no record waits for it or is lost.
//! - [`builder()`] says in code what a config says, [`basic_config`] what Python's `basicConfig` says; [`get_logger`] is
//!   for names that are known only at run time, [`disable`] for all loggers, and [`critical!`] for the level that `tracing`
//!   lacks.
//! - [`Registry`] takes classes of your own, which configs then may name: see [`Config`]. A program with a handler that writes
//!   into SQLite is among the examples.
//! - With the key `span_events` (`new`, `enter`, `exit`, `close`, `active`, `full`, or a list) on a logger, or
//!   [`Logger::set_span_events`], there are records of its spans, as fmt makes them `with_span_events`.
//! - Configs may name [filters](handlers::filters) that Python does not have: by level range or field, against floods and
//!   repetitions, for samples, and to keep secrets out.
//! - [`testing::capture`] is for tests: what the calling thread logs, with its types.
//! - [`explain`] tells what a record would pass, which handlers have it in the end, and why it stops.
//! - The target `my_app::db` is the logger `my_app.db`; levels, `propagate`, filters and handlers do what Python's do.
//!
//! - [`log_panics`] logs panics where they happened; `Guard::watch`, with the feature `watch`, reloads when the file changes or on
//!   SIGHUP, and flushes on SIGTERM.
//!
//! # Fields, spans and errors
//!
//! A format names a field as it names an attribute of Python's: `%(request)s` is the event's own, else that of the nearest span
//! around it. `%(message)s` has behind it the event's fields that the format does not name, and `%(spans)s` is the path of spans.
//! A logger's level never takes a span away. An error given as `&dyn Error` stands below the line with its causes, where Python
//! has the traceback:
//!
//! ```
//! use std::error::Error;
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("shop.log");
//! let config = r#"{
//!   "version": 1,
//!   "formatters": {"line": {"format": "%(levelname)s %(name)s [%(spans)s %(request)s] %(message)s"}},
//!   "handlers": {"file": {"class": "logging.FileHandler", "filename": "shop.log", "formatter": "line"}},
//!   "root": {"level": "WARNING", "handlers": ["file"]}
//! }"#;
//! # let config = config.replace("shop.log", path.to_str().unwrap());
//! let _guard = logtree::from_str(&config, logtree::Format::Json)?.install()?;
//!
//! let _request = tracing::info_span!("pay", request = 7).entered();
//! tracing::warn!(target: "shop::cart", items = 3, "left behind");
//! let error = std::io::Error::other("the disk is full");
//! tracing::error!(target: "shop::db", error = &error as &dyn Error, "not saved");
//! # let expected = "
//! // WARNING shop.cart [pay 7] left behind items=3
//! // ERROR shop.db [pay 7] not saved
//! // the disk is full
//! # ";
//! # let written: String = std::fs::read_to_string(path)?.lines().map(|line| format!("// {line}\n")).collect();
//! # assert_eq!(written, expected.trim_start());
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Many processes
//!
//! With the feature `prefork` a config may put a queue between loggers and handlers, in Python's own words. The loggers have this
//! handler in place of those behind it:
//!
//! ```json
//! {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
//!  "listener": "logging.handlers.QueueListener", "handlers": ["file"], "respect_handler_level": true}
//! ```
//!
//! A logging call then puts its record into shared memory and returns; one listener, a helper process that the program
//! does not see, writes the file for all processes, in the order of time. Workers may be forked before or after
//! `install`, or started one by one: whoever writes the same file shares the queue. A record whose logging call has
//! returned survives `kill -9` of any process. The module `prefork` has what a program that forks needs.
//!
//! # From elsewhere
//!
//! Whoever comes from Python's `logging`, from tracing-subscriber with `EnvFilter` and tracing-appender, from log4rs, or from
//! `env_logger`, `flexi_logger`, fern and slog finds a page each in `guide`: the calls and keys of there beside those of here, and
//! what differs.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `log` | yes | records of the `log` crate, with their own target, file and line |
//! | `yaml` | yes | configs in YAML, as PyYAML reads it |
//! | `toml` | no | configs in TOML |
//! | `schema` | no | JSON Schema of configs, for editors |
//! | `compress` | no | the key `compress: gz` or `zst` of files that roll |
//! | `appender` | no | `tracing-appender`'s writers as handlers, and handlers as writers of `tracing-subscriber`'s fmt layer |
//! | `watch` | no | a config that is read again when its file changes; signals that reload, reopen and flush |
//! | `regex` | no | regular expressions in the filters `logtree.FieldFilter` and `logtree.RedactFilter` |
//! | `prefork` | no | the queue between processes (Linux) |
#![forbid(unsafe_code)]

#[cfg(feature = "appender")]
mod appender;
mod basic_config;
mod builder;
mod config;
mod error;
mod guard;
// For readers alone: there is no code in it.
#[cfg(any(doc, doctest))]
pub mod guide;
mod install;
mod layer;
#[cfg(all(feature = "prefork", target_os = "linux"))]
mod listening;
#[cfg(feature = "log")]
mod log_events;
mod logger;
mod panics;
#[cfg(feature = "prefork")]
pub mod prefork;
mod registry;
mod reload;
#[cfg(target_os = "linux")]
mod report;
mod sharing;
mod spawn;
mod stats;
pub mod testing;
#[cfg(feature = "watch")]
mod watch;

#[cfg(feature = "appender")]
pub use appender::WriterHandler;
pub use basic_config::{BasicConfig, basic_config};
pub use builder::{Builder, builder, handler};
pub use config::{Config, from_file, from_str, from_value};
pub use error::Error;
pub use guard::Guard;
pub use layer::TreeLayer;
#[cfg(feature = "log")]
pub use log_events::log_as_events;
pub use logger::{LoggerHandle, disable, explain, get_logger};
pub use logtree_core::{
    AppendFile, Argument, ArgumentError, BuildError, Callsite, Destination, Direct, Directives, EmitError, Explanation,
    Field, FieldName, Fields, FieldsBuf, FieldsIter, FileEnd, Filter, FilterStage, FormatError, Formatter, FoundValue,
    Handler, HandlerEntry, HandlerErrors, HandlerPlan, HandlerStage, HeldRecords, Kwargs, Level, LevelName, LevelNames,
    Logger, Moves, NameFilter, Names, Needs, Object, Origin, Outcome, Outlets, QueueListener, Record, Registry,
    Replacement, Route, Source, SpanDirective, SpanEvents, SpanRef, Spans, SpansBuf, Stage, StdStream, Steps,
    Timestamp, Tree, TreeBuilder, Value, Verdict,
};
#[cfg(feature = "schema")]
pub use logtree_dictconfig::schema;
pub use logtree_dictconfig::{Color, Exception, Format, Place, Problem, Problems};
#[doc(inline)]
pub use logtree_formatters as formatters;
#[doc(inline)]
pub use logtree_handlers as handlers;
/// A handler as the writer of tracing-subscriber's fmt layer. Behind a cross-process queue, the lines of many processes are
/// written by its one listener, each exactly once and as fmt made them; the file behind it should have no formatter.
///
/// Of a program that keeps its fmt layer:
///
/// ```no_run
/// use std::sync::Arc;
/// use logtree::{Config, Format, HandlerWriter};
///
/// let config = r#"{
///     "version": 1,
///     "handlers": {
///         "file": {"class": "logging.handlers.RotatingFileHandler", "filename": "app.log", "maxBytes": 10000000,
///                  "backupCount": 7},
///         "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
///                   "handlers": ["file"]}
///     },
///     "root": {"handlers": ["queue"]}
/// }"#;
/// let tree = Config::parse(config, Format::Json, &logtree::registry())?.tree()?;
/// let queue = tree.handlers().iter().find(|handler| handler.name == "queue").unwrap();
/// // Before workers are forked: they have the writer, and lanes of their own.
/// tracing_subscriber::fmt().with_writer(HandlerWriter::new(Arc::clone(queue))).init();
/// tracing::info!("from any process");
/// # Ok::<(), logtree::Error>(())
/// ```
#[cfg(feature = "appender")]
pub use logtree_layer::HandlerWriter;
/// Has a function called wherever a listener begins, for the log to tell who writes it.
///
/// ```
/// logtree::on_listener_start(|| tracing::info!(process = std::process::id(), "listens"));
/// ```
#[cfg(all(feature = "prefork", target_os = "linux"))]
pub use logtree_prefork::on_listener_start;
pub use panics::log_panics;
pub use registry::registry;
pub use stats::{HandlerStats, Stats};
/// For [`critical!`], whose caller need not have it.
#[doc(hidden)]
pub use tracing as __tracing;
#[cfg(feature = "watch")]
pub use watch::Watch;
