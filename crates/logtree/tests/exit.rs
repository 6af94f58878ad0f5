//! The end of a program: what was logged is written, however it ends, if it is not killed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;

use logtree::Format;
use serde_json::json;

/// Records that are held back, in every way there is within a process.
const RECORDS: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, way, directory] = arguments.as_slice()
        && WAYS.contains(&way.as_str())
    {
        return end(way, Path::new(directory));
    }
    for way in WAYS {
        let directory = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).arg(way).arg(directory.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(if *way == "panic" { 101 } else { 7 }), "{way}: {output:?}");
        for name in ["queue.log", "memory.log", "buffer.log"] {
            assert_eq!(lines_of(&directory.path().join(name)), RECORDS, "{way}: {name}");
        }
        assert_eq!(std::fs::read_to_string(directory.path().join("discarded.log")).unwrap(), "", "{way}");
    }
    println!("exit: ok");
}

fn lines_of(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap().lines().count()
}

const WAYS: &[&str] = &["guard", "exit", "exit in a thread", "panic"];

fn end(way: &str, directory: &Path) {
    let file = |name: &str| json!({"class": "logging.FileHandler", "filename": directory.join(name)});
    let mut buffer = file("buffer.log");
    buffer["buffering"] = json!("1 MiB");
    let memory = |target: &str, flush_on_close: bool| {
        let class = "logging.handlers.MemoryHandler";
        json!({"class": class, "capacity": 100_000, "target": target, "flushOnClose": flush_on_close})
    };
    let config = json!({
        "version": 1,
        "handlers": {
            "f1": file("queue.log"), "f2": file("memory.log"), "f3": file("discarded.log"), "buffer": buffer,
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": ["f1"]},
            "memory": memory("f2", true), "discarded": memory("f3", false),
        },
        "root": {"level": "INFO", "handlers": ["queue", "memory", "buffer", "discarded"]},
    });
    let guard = logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap();
    (0..RECORDS).for_each(|number| tracing::info!(number, "before the end"));
    match way {
        "guard" => {
            drop(guard);
            // By its end alone: that of the process would write them too.
            for name in ["queue.log", "buffer.log"] {
                assert_eq!(lines_of(&directory.join(name)), RECORDS, "{name}");
            }
            std::process::exit(7);
        }
        "exit" => {
            std::mem::forget(guard);
            std::process::exit(7);
        }
        "exit in a thread" => {
            std::mem::forget(guard);
            std::thread::spawn(|| std::process::exit(7)).join().unwrap();
        }
        _ => panic!("as told"),
    }
}
