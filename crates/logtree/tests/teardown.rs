//! What the destructors of thread-locals log is written: the last that a thread has to say, whichever of its locals are gone.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use logtree::Format;
use serde_json::json;

fn main() {
    if let Some(directory) = std::env::args().nth(1) {
        return log_to_the_last(Path::new(&directory));
    }
    what_destructors_of_thread_locals_log_is_written();
    println!("teardown: ok");
}

fn what_destructors_of_thread_locals_log_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap()).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // Each once: while the thread lives, and then by an event, by `log`, and by name.
    let by = ["before", "before by name", "event", "log", "named"];
    let threads = ["late", "early", "late in a span", "early in a span", "main"];
    let expected: BTreeMap<String, usize> =
        threads.iter().flat_map(|thread| by.map(|by| (format!("{by} of {thread}"), 1))).collect();
    for name in NAMES {
        let text = std::fs::read_to_string(directory.path().join(name)).unwrap();
        let mut found = BTreeMap::new();
        for line in text.lines() {
            let message = line.split('<').nth(1).and_then(|rest| rest.split('>').next()).unwrap_or(line);
            *found.entry(message.to_owned()).or_insert(0) += 1;
            // It is still known whose it is.
            let thread = message.split_once(" of ").map_or("", |(_, thread)| thread).replace("main", "MainThread");
            assert!(line.contains(&format!("({thread})")) || line.contains(&format!("\"{thread}\"")), "{name}: {line}");
        }
        assert_eq!(found, expected, "{name}: {output:?}");
    }
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// Files behind handlers that have locals of their own, or formatters that have.
const NAMES: &[&str] = &[
    "text.log",
    "json.log",
    "queue.log",
    "memory.log",
    "buffer.log",
    "rolling.log",
    #[cfg(feature = "prefork")]
    "shared.log",
];

fn log_to_the_last(directory: &Path) {
    let file =
        |name: &str| json!({"class": "logging.FileHandler", "filename": directory.join(name), "formatter": "text"});
    let (mut buffer, mut json) = (file("buffer.log"), file("json.log"));
    buffer["buffering"] = json!("1 MiB");
    json["formatter"] = json!("json");
    let mut handlers = json!({
        "text": file("text.log"), "json": json, "buffer": buffer,
        "rolling": {
            "class": "logging.handlers.TimedRotatingFileHandler", "filename": directory.join("rolling.log"), "when": "midnight",
            "formatter": "text",
        },
        "behind queue": file("queue.log"), "behind memory": file("memory.log"),
        "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": ["behind queue"]},
        "memory": {"class": "logging.handlers.MemoryHandler", "capacity": 1000, "target": "behind memory"},
    });
    let mut names = vec!["text", "json", "buffer", "rolling", "queue", "memory"];
    if cfg!(feature = "prefork") {
        handlers["behind shared"] = file("shared.log");
        let class = "logging.handlers.QueueHandler";
        handlers["shared"] =
            json!({"class": class, "queue": {"()": "multiprocessing.Queue"}, "handlers": ["behind shared"]});
        names.push("shared");
    }
    let config = json!({
        "version": 1,
        "formatters": {
            "text": {"format": "%(asctime)s (%(threadName)s) %(name)s %(message)s %(spans)s"},
            "json": {"()": "logtree.JsonFormatter", "format": "%(asctime)s %(message)s %(spans)s %(threadName)s"},
        },
        "handlers": handlers,
        "root": {"level": "INFO", "handlers": names},
    });
    let guard = logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap();
    for thread in ["late", "early", "late in a span", "early in a span"] {
        let body = move || {
            let is_early = thread.starts_with("early");
            if is_early {
                LAST.set(Some(LogsAtTheEnd(thread)));
            }
            // Makes the locals that logging has: the last that are made are the first to go.
            let span = if thread.ends_with("span") { tracing::info_span!("span") } else { tracing::Span::none() };
            span.in_scope(|| log_before(thread));
            if !is_early {
                LAST.set(Some(LogsAtTheEnd(thread)));
            }
        };
        std::thread::Builder::new().name(thread.to_owned()).spawn(body).unwrap().join().unwrap();
    }
    LAST.set(Some(LogsAtTheEnd("main")));
    log_before("main");
    // Its end is not to be what writes them: main's are later.
    drop(guard);
}

fn log_before(thread: &str) {
    tracing::info!("<before of {thread}>");
    logtree::get_logger("before").info(format_args!("<before by name of {thread}>"));
}

thread_local!(static LAST: RefCell<Option<LogsAtTheEnd>> = const { RefCell::new(None) });

/// Logs when its thread ends, in all the ways there are. A span would panic, in the registry of tracing-subscriber, which asks for
/// a local that is gone before any layer is asked (sharded-slab 0.1.7).
struct LogsAtTheEnd(&'static str);

impl Drop for LogsAtTheEnd {
    fn drop(&mut self) {
        let thread = self.0;
        tracing::info!("<event of {thread}>");
        log::info!("<log of {thread}>");
        logtree::get_logger("last").info(format_args!("<named of {thread}>"));
    }
}
