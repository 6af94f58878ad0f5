//! The end of a program: what was logged is written, however it ends, if it is not killed; whether logtree is installed or a
//! layer beside others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;

use logtree::Format;
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

/// Records that are held back, in every way there is within a process.
const RECORDS: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, set_up, way, directory] = arguments.as_slice()
        && WAYS.contains(&way.as_str())
    {
        return end(set_up, way, Path::new(directory));
    }
    #[cfg(feature = "compress")]
    if let [_, what, directory] = arguments.as_slice()
        && what == COMPRESSING
    {
        return end_while_it_compresses(Path::new(directory));
    }
    for (set_up, way) in ["install", "layer"].into_iter().flat_map(|set_up| WAYS.iter().map(move |way| (set_up, *way)))
    {
        let directory = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).args([set_up, way]).arg(directory.path()).output().unwrap();
        let code = if way == "panic" { 101 } else { 7 };
        assert_eq!(output.status.code(), Some(code), "{set_up}, {way}: {output:?}");
        for name in [FLUSHED, &["memory.log"]].concat() {
            assert_eq!(lines_of(&directory.path().join(name)), RECORDS, "{set_up}, {way}: {name}");
        }
        let discarded = std::fs::read_to_string(directory.path().join("discarded.log")).unwrap();
        assert_eq!(discarded, "", "{set_up}, {way}");
    }
    #[cfg(feature = "compress")]
    a_file_that_is_getting_its_compressed_form_is_waited_for();
    println!("exit: ok");
}

/// Deleting the other form takes a while, as strace(1) sees to it.
#[cfg(feature = "compress")]
fn a_file_that_is_getting_its_compressed_form_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=unlink", "-e", "inject=unlink:delay_enter=300000", "-e", "signal=none"]);
    strace.args(["-o", "/dev/null"]).arg(std::env::current_exe().unwrap()).arg(COMPRESSING).arg(directory.path());
    let Ok(output) = strace.output() else {
        println!("passed over: no strace");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let mut names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["app.log", "app.log.1.gz"]);
}

#[cfg(feature = "compress")]
const COMPRESSING: &str = "compressing";

/// Ends when the compressed file has its name.
#[cfg(feature = "compress")]
fn end_while_it_compresses(directory: &Path) {
    let log = directory.join("app.log");
    let file = json!({"class": "logging.handlers.RotatingFileHandler", "filename": log, "maxBytes": 20, "backupCount": 2,
        "compress": "gz"});
    let config = json!({"version": 1, "handlers": {"file": file}, "root": {"level": "INFO", "handlers": ["file"]}});
    let _guard = logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap();
    (0..2).for_each(|number| tracing::info!(number, "it is rolled"));
    while !log.with_extension("log.1.gz").exists() {
        std::thread::yield_now();
    }
}

fn lines_of(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap().lines().count()
}

/// What is written when logging is flushed, and not only at the end.
const FLUSHED: &[&str] = &[
    "queue.log",
    "buffer.log",
    #[cfg(feature = "prefork")]
    "shared.log",
];

const WAYS: &[&str] = &["guard", "unwinding", "no subscriber any more", "exit", "exit in a thread", "panic"];

fn end(set_up: &str, way: &str, directory: &Path) {
    let file = |name: &str| json!({"class": "logging.FileHandler", "filename": directory.join(name)});
    let mut buffer = file("buffer.log");
    buffer["buffering"] = json!("1 MiB");
    let memory = |target: &str, flush_on_close: bool| {
        let class = "logging.handlers.MemoryHandler";
        json!({"class": class, "capacity": 100_000, "target": target, "flushOnClose": flush_on_close})
    };
    let mut config = json!({
        "version": 1,
        "handlers": {
            "f1": file("queue.log"), "f2": file("memory.log"), "f3": file("discarded.log"), "buffer": buffer,
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "queue.Queue"}, "handlers": ["f1"]},
            "memory": memory("f2", true), "discarded": memory("f3", false),
        },
        "root": {"level": "INFO", "handlers": ["queue", "memory", "buffer", "discarded"]},
    });
    if cfg!(feature = "prefork") {
        config["handlers"]["f4"] = file("shared.log");
        config["handlers"]["shared"] = config["handlers"]["queue"].clone();
        config["handlers"]["shared"]["queue"] = json!({"()": "multiprocessing.Queue"});
        config["handlers"]["shared"]["handlers"] = json!(["f4"]);
        config["root"]["handlers"].as_array_mut().unwrap().push(json!("shared"));
    }
    let config = logtree::from_str(&config.to_string(), Format::Json).unwrap();
    let log = || (0..RECORDS).for_each(|number| tracing::info!(number, "before the end"));
    let guard = match (set_up, way) {
        ("layer", "no subscriber any more") => {
            let layer = config.layer().unwrap();
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
            assert_written(directory);
            std::process::exit(7);
        }
        ("layer", _) => {
            let layer = config.layer().unwrap();
            let guard = matches!(way, "guard" | "unwinding").then(|| layer.guard());
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
            guard
        }
        _ => Some(config.install().unwrap()),
    };
    log();
    match way {
        "guard" | "unwinding" | "no subscriber any more" => {
            let end = || {
                let _guard = guard;
                if way == "unwinding" {
                    std::panic::resume_unwind(Box::new("as told"));
                }
            };
            assert_eq!(std::panic::catch_unwind(AssertUnwindSafe(end)).is_err(), way == "unwinding");
            assert_written(directory);
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

/// Before the end of the process, which would write them too.
fn assert_written(directory: &Path) {
    for name in FLUSHED {
        assert_eq!(lines_of(&directory.join(name)), RECORDS, "{name}");
    }
}
