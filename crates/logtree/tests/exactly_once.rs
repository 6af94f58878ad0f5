//! Each record once in every file behind one queue, whatever stands before the files, while listeners are killed: through
//! the whole stack, from a config. On a console that is behind the same queue none is missing.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[cfg(feature = "appender")]
use logtree::Config;
use logtree::Format;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const ROUNDS: usize = 12;
const RECORDS: usize = 500;
/// So many records of a round are logged before files are rolled by hand.
const BEFORE_ROLL: usize = 250;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, way, directory] = arguments.as_slice()
        && let Some((_, run)) = WAYS.iter().find(|(name, _)| name == way)
    {
        return run(Path::new(directory));
    }
    for (way, _) in WAYS {
        let directory = tempfile::tempdir().unwrap();
        let console = directory.path().join("console");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(way).arg(directory.path()).stdout(fs::File::create(&console).unwrap());
        assert!(command.status().unwrap().success(), "{way}");
        let whole: Vec<usize> = (0..ROUNDS * RECORDS).collect();
        for name in ["plain.log", "memory.log", "buffer.log", "rolled.log", "by_hand.log"] {
            let numbers = files_of(&directory.path().join(name)).concat();
            assert_eq!(numbers.len(), whole.len(), "{way}: {name}");
            assert!(numbers == whole, "{way}: {name} is out of order");
        }
        let by_hand = files_of(&directory.path().join("by_hand.log"));
        let begins: Vec<_> = by_hand.iter().skip(1).map(|numbers| numbers[0]).collect();
        let rolls: Vec<_> = (0..ROUNDS).map(|round| round * RECORDS + BEFORE_ROLL).collect();
        assert_eq!(begins, rolls, "{way}: rolled once each, behind what was logged before");
        // What a listener was killed in is written again, behind what of it stands there.
        let mut on_console: Vec<_> = text_of(&console).lines().filter_map(number_in).collect();
        on_console.sort_unstable();
        on_console.dedup();
        assert!(on_console == whole, "{way}: {} of {} records on the console", on_console.len(), whole.len());
    }
    println!("exactly once: ok");
}

/// Its name, and what is done in a directory.
type Way = (&'static str, fn(&Path));

/// The ways into the queue.
const WAYS: &[Way] = &[
    ("tracing", through_the_tree),
    #[cfg(feature = "appender")]
    ("fmt", through_fmt),
];

fn config(directory: &Path) -> Value {
    let file = |name: &str| json!({"class": "logging.FileHandler", "filename": directory.join(name)});
    let mut buffer = file("buffer.log");
    buffer["buffering"] = json!("64 KiB");
    json!({
        "version": 1,
        "handlers": {
            "plain": file("plain.log"),
            "held": file("memory.log"),
            "memory": {"class": "logging.handlers.MemoryHandler", "capacity": 700, "target": "held"},
            "buffer": buffer,
            "rolled": {
                "class": "logging.handlers.RotatingFileHandler", "filename": directory.join("rolled.log"),
                "maxBytes": 10_000, "backupCount": 1000,
            },
            "by_hand": {
                "class": "logging.handlers.RotatingFileHandler", "filename": directory.join("by_hand.log"),
                "backupCount": 1000,
            },
            "console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
            "queue": {
                "class": "logging.handlers.QueueHandler",
                // A number that is missing is a record that was lost.
                "queue": {"()": "multiprocessing.Queue", "overflow": "block", "timeout": 60},
                "handlers": ["console", "plain", "memory", "buffer", "rolled", "by_hand"],
            },
        },
        "root": {"level": "INFO", "handlers": ["queue"]},
    })
}

fn through_the_tree(directory: &Path) {
    let guard = logtree::from_str(&config(directory).to_string(), Format::Json).unwrap().install().unwrap();
    log_and_kill(|| guard.roll());
    assert!(guard.flush(PATIENCE));
}

/// The lines of tracing-subscriber's own fmt layer travel the queue as they are.
#[cfg(feature = "appender")]
fn through_fmt(directory: &Path) {
    let tree =
        Config::parse(&config(directory).to_string(), Format::Json, &logtree::registry()).unwrap().tree().unwrap();
    let entry = tree.handlers().iter().find(|entry| entry.name == "queue").unwrap();
    let writer = logtree::HandlerWriter::new(std::sync::Arc::clone(entry));
    let fmt = tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(writer.clone());
    tracing::subscriber::with_default(fmt.finish(), || log_and_kill(|| entry.roll(&mut logtree_core::Direct)));
    assert!(writer.flush(Instant::now() + PATIENCE));
    let first = fs::read_to_string(directory.join("plain.log")).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(first, " INFO exactly_once: logged number=0 end=1", "as fmt has written it");
}

/// Logs numbers, and rolls files; each round the listener is killed in its work, once there is another one to follow it.
fn log_and_kill(roll: impl Fn()) {
    for round in 0..ROUNDS {
        for number in 0..RECORDS {
            if number == BEFORE_ROLL {
                roll();
            }
            tracing::info!(number = round * RECORDS + number, end = 1, "logged");
        }
        let standby = wait_for("a standby", || helper("logtree-standby"));
        let listener = wait_for("a listener", || helper("logtree-listen").filter(|pid| *pid != standby));
        kill_process(listener, Signal::KILL).unwrap();
        // It gives itself the other name when it has the seat.
        wait_for("a successor", || helper("logtree-listen").filter(|pid| *pid == standby));
    }
}

fn wait_for(what: &str, look: impl Fn() -> Option<Pid>) -> Pid {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "there is not {what}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// This process's living helper of that name.
fn helper(name: &str) -> Option<Pid> {
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_it = |pid: &i32| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let stat = read("stat");
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let is_alive = fields.next().is_some_and(|state| state != "Z");
        let parent = fields.next().and_then(|parent| parent.parse().ok());
        read("comm").trim_end() == name && is_alive && parent == Some(std::process::id())
    };
    numbers.filter(is_it).find_map(Pid::from_raw)
}

/// The numbers of the lines of a file's, and before it of those that it was rolled to, in the order in which they stand.
fn files_of(log: &Path) -> Vec<Vec<usize>> {
    let rolled = (1..).map(|number| format!("{}.{number}", log.display())).take_while(|path| Path::new(path).exists());
    let mut files: Vec<_> = rolled.collect();
    files.reverse();
    files.push(log.display().to_string());
    let number = |line: &str| number_in(line).unwrap_or_else(|| panic!("a torn or foreign line: {line:?}"));
    files.iter().map(|file| text_of(Path::new(file)).lines().map(number).collect()).collect()
}

fn text_of(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

fn number_in(line: &str) -> Option<usize> {
    line.split("number=").nth(1)?.strip_suffix(" end=1")?.parse().ok()
}
