//! logtree's contestants.

use std::cell::RefCell;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logtree::{Config, EmitError, Format, Formatter, Handler, Record, Registry, Steps};
use logtree_core::{Direct, with_own_record};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::calls;
use crate::cases::{LOG_FILE, Running};
use crate::round::{Calls, again_and_again};

type Started = Result<Running, Box<dyn Error>>;

/// The format of the story in which logtree's examples are set.
pub(crate) const STORY: &str =
    "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s";

/// The same with what is to be seen of spans.
const STORY_IN_SPANS: &str = "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - \
    %(spans)s[%(depth)s %(method)s %(path)s] %(message)s";

/// What was queued must be written before it is counted.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn queue(directory: &Path) -> Started {
    before_file(directory, "multiprocessing.Queue")
}

pub(crate) fn thread_queue(directory: &Path) -> Started {
    before_file(directory, "queue.Queue")
}

fn before_file(directory: &Path, queue: &str) -> Started {
    let queue = json!({
        "class": "logging.handlers.QueueHandler", "queue": {"()": queue},
        "listener": "logging.handlers.QueueListener", "handlers": ["file"], "respect_handler_level": true,
    });
    let config = with_handlers(json!({"file": file_handler(directory), "queue": queue}), "queue");
    let guard = config_of(&config, &logtree::registry())?.install()?;
    let finish = move || {
        guard.flush(FLUSH_TIMEOUT);
    };
    Ok(Running::Here { call: Box::new(calls::requests), finish: Box::new(finish) })
}

/// Who refuses an event at DEBUG.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// Its logger, while another logger would not.
    Logger,
    /// Every logger there is.
    All,
    /// Its handler, while another logger's would not.
    Handler,
    /// A filter of every handler, while it would not refuse another logger's.
    Filter,
}

pub(crate) fn refused_exclusive(by: By) -> Started {
    let guard = config_of(&refusing(by), &registry())?.install()?;
    Ok(Running::Here { call: Box::new(calls::refused), finish: Box::new(|| drop(guard)) })
}

pub(crate) fn refused_shared(by: By) -> Started {
    let layer = config_of(&refusing(by), &registry())?.layer()?;
    tracing_subscriber::registry().with(layer).try_init()?;
    Ok(Running::direct(calls::refused))
}

/// Into memory, by a format that names the spans and their fields if there are any.
pub(crate) fn text(fields: usize, spans: usize) -> Started {
    let format = if spans > 0 { STORY_IN_SPANS } else { STORY };
    let guard = formatted(format)?;
    Ok(Running::Here { call: calls::texts(fields, spans), finish: Box::new(|| drop(guard)) })
}

fn formatted(format: &str) -> Result<logtree::Guard, Box<dyn Error>> {
    let mut config = with_handlers(json!({"sink": sink()}), "sink");
    config["formatters"]["story"]["format"] = json!(format);
    Ok(config_of(&config, &registry())?.install()?)
}

pub(crate) fn null_sink(call: Calls) -> Started {
    let guard = config_of(&with_handlers(json!({"sink": sink()}), "sink"), &registry())?.install()?;
    Ok(Running::Here { call, finish: Box::new(|| drop(guard)) })
}

/// Through one logger to so many sinks.
pub(crate) fn handlers(count: usize) -> Started {
    let names: Vec<String> = (0..count).map(|number| format!("sink_{number}")).collect();
    let sinks = names.iter().map(|name| (name.clone(), sink())).collect::<serde_json::Map<_, _>>();
    let mut config = with_handlers(Value::Object(sinks), "");
    config["root"]["handlers"] = json!(names);
    let guard = config_of(&config, &registry())?.install()?;
    Ok(Running::Here { call: Box::new(calls::requests), finish: Box::new(|| drop(guard)) })
}

/// Hands one record to the routes of eight loggers by turns.
pub(crate) fn routes(loggers: usize) -> Started {
    let layer = config_of(&many(loggers), &registry())?.layer()?;
    let tree = layer.tree();
    let indices = calls::BUSY_LOGGERS.map(|name| tree.route_index(name));
    Ok(Running::direct(move |count| {
        with_own_record("bench", "request answered", |record| {
            for number in 0..count as usize {
                let route = tree.route(indices[number % indices.len()]);
                if route.wants(black_box(record.level)) {
                    route.handle(record, &mut Direct);
                }
            }
        });
    }))
}

/// Logs at eight callsites, each of another logger.
pub(crate) fn many_loggers(loggers: usize) -> Started {
    let guard = config_of(&many(loggers), &registry())?.install()?;
    Ok(Running::Here { call: Box::new(calls::busy_loggers), finish: Box::new(|| drop(guard)) })
}

/// Nothing is logged inside the spans, but a format names their fields.
pub(crate) fn spans(_: &Path) -> Started {
    let guard = formatted(STORY_IN_SPANS)?;
    Ok(Running::Here { call: Box::new(calls::spans), finish: Box::new(|| drop(guard)) })
}

pub(crate) fn log_file(directory: &Path) -> Started {
    Ok(file(directory)?.calling(Box::new(calls::log_requests)))
}

pub(crate) fn buffered_log_file(directory: &Path) -> Started {
    let mut handler = file_handler(directory);
    handler["buffering"] = json!("8 KiB");
    let guard = config_of(&with_handlers(json!({"file": handler}), "file"), &registry())?.install()?;
    Ok(Running::Here { call: Box::new(calls::log_requests), finish: Box::new(|| drop(guard)) })
}

pub(crate) fn json(fields: usize, spans: usize) -> Started {
    let mut config = with_handlers(json!({"sink": sink()}), "sink");
    config["formatters"]["story"] = json!({"()": "logtree.JsonFormatter"});
    let guard = config_of(&config, &registry())?.install()?;
    Ok(Running::Here { call: calls::texts(fields, spans), finish: Box::new(|| drop(guard)) })
}

/// At rest, with so many loggers before a file.
pub(crate) fn at_rest(directory: &Path, loggers: usize) -> Started {
    let mut config = with_handlers(json!({"file": file_handler(directory)}), "file");
    config["loggers"] = many(loggers)["loggers"].take();
    let guard = config_of(&config, &logtree::registry())?.install()?;
    let call = calls::on_threads_that_stay(calls::requests);
    Ok(Running::Here { call, finish: Box::new(|| drop(guard)) })
}

/// At rest, with a queue before the file.
pub(crate) fn queue_at_rest(directory: &Path, queue: &str) -> Started {
    Ok(before_file(directory, queue)?.calling(calls::on_threads_that_stay(calls::requests)))
}

/// Logs on two threads, while a third one may read the config again and again: each time another logger's level is another.
pub(crate) fn reloading(directory: &Path, is_reloaded: bool) -> Started {
    let mut config = with_handlers(json!({"file": file_handler(directory)}), "file");
    let path = directory.join("logging.json");
    let mut write = {
        let (path, mut turn) = (path.clone(), 0_usize);
        move || {
            turn += 1;
            let level = if turn.is_multiple_of(2) { "DEBUG" } else { "ERROR" };
            config["loggers"] = json!({"other": {"level": level}});
            std::fs::write(&path, config.to_string())
        }
    };
    write()?;
    let guard = logtree::from_file(&path)?.install()?;
    let call = calls::numbered_on_threads(2, calls::numbered_event);
    if !is_reloaded {
        return Ok(Running::Here { call, finish: Box::new(|| drop(guard)) });
    }
    let stop = again_and_again(move || {
        write()?;
        Ok(guard.reload()?)
    });
    Ok(Running::Here { call, finish: Box::new(stop) })
}

pub(crate) fn file(directory: &Path) -> Started {
    let config = with_handlers(json!({"file": file_handler(directory)}), "file");
    let guard = config_of(&config, &registry())?.install()?;
    Ok(Running::Here { call: Box::new(calls::requests), finish: Box::new(|| drop(guard)) })
}

fn config_of(config: &Value, registry: &Registry) -> Result<Config, logtree::Error> {
    Config::parse(&config.to_string(), Format::Json, registry)
}

fn with_handlers(handlers: Value, of_root: &str) -> Value {
    json!({
        "version": 1,
        "formatters": {"story": {"format": STORY}},
        "handlers": handlers,
        "root": {"level": "INFO", "handlers": [of_root]},
    })
}

fn file_handler(directory: &Path) -> Value {
    json!({"class": "logging.FileHandler", "filename": directory.join(LOG_FILE), "formatter": "story"})
}

fn sink() -> Value {
    json!({"class": "bench.SinkHandler", "formatter": "story"})
}

fn refusing(by: By) -> Value {
    let mut config = with_handlers(json!({"sink": sink()}), "sink");
    match by {
        By::Logger => config["loggers"] = json!({"other": {"level": "DEBUG"}}),
        By::All => {}
        By::Handler => {
            config["root"]["level"] = json!("DEBUG");
            config["handlers"]["sink"]["level"] = json!("INFO");
            config["handlers"]["second"] = sink();
            config["loggers"] = json!({"other": {"handlers": ["second"]}});
        }
        By::Filter => {
            config["root"]["level"] = json!("DEBUG");
            config["handlers"]["sink"]["filters"] = json!(["levels"]);
            config["filters"] = json!({"levels": {"()": "logtree.DirectivesFilter", "directives": "info,other=debug"}});
        }
    }
    config
}

/// So many loggers of different levels, those that are logged to spread among the others.
fn many(loggers: usize) -> Value {
    let others = (0..loggers.saturating_sub(calls::BUSY_LOGGERS.len())).map(|number| {
        let above = calls::BUSY_LOGGERS[number % calls::BUSY_LOGGERS.len()].trim_end_matches("busy");
        format!("{above}part_{number}")
    });
    let names = calls::BUSY_LOGGERS.map(str::to_owned).into_iter().chain(others);
    let levels = names.take(loggers).enumerate().map(|(number, name)| (name, json!({"level": -1 - number as i64})));
    json!({
        "version": 1,
        "handlers": {"null": {"class": "logging.NullHandler"}},
        "loggers": levels.collect::<serde_json::Map<_, _>>(),
        "root": {"level": "INFO", "handlers": ["null"]},
    })
}

fn registry() -> Registry {
    let mut registry = logtree::registry();
    registry.handler("bench.SinkHandler", |kwargs| {
        kwargs.finish()?;
        Ok(Box::new(|_| Ok(Box::new(SinkHandler { file: None }))))
    });
    registry
}

/// As FileHandler, but for everything that a FileHandler sees to: the text goes to write(2), and that is all.
pub(crate) fn text_and_write(directory: &Path) -> Started {
    let file = Arc::new(File::options().append(true).create(true).open(directory.join(LOG_FILE))?);
    let mut registry = logtree::registry();
    registry.handler("bench.SinkHandler", move |kwargs| {
        kwargs.finish()?;
        let file = Some(Arc::clone(&file));
        Ok(Box::new(|_| Ok(Box::new(SinkHandler { file }))))
    });
    let guard = config_of(&with_handlers(json!({"sink": sink()}), "sink"), &registry)?.install()?;
    Ok(Running::Here { call: Box::new(calls::requests), finish: Box::new(|| drop(guard)) })
}

/// Makes the text and forgets it, which is what `io::sink` is to fmt; or writes it to a file before.
struct SinkHandler {
    file: Option<Arc<File>>,
}

impl Handler for SinkHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        thread_local!(static TEXT: RefCell<String> = const { RefCell::new(String::new()) });
        TEXT.with_borrow_mut(|text| {
            text.clear();
            formatter.format(record, text)?;
            if let Some(mut file) = self.file.as_deref() {
                text.push('\n');
                file.write_all(text.as_bytes())?;
            }
            black_box(text);
            Ok(())
        })
    }
}
