//! A master that forks workers, and new ones for those that were killed; the workers log as fast as they may.
//!
//! What its processes say of themselves stands in the file `witness`, sixteen bytes for each worker: its process id, and how
//! many records it has published; it marks a record when the logging call has returned. The first sixteen are the
//! master's: whether it is over, and the process that listens where there is one that has no name.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logtree::prefork::{Fork, fork};
use rustix::process::{WaitOptions, waitpid};
use serde_json::json;
use tracing_appender::non_blocking::NonBlockingBuilder;

use super::random::Random;

/// How a contestant logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// `multiprocessing.Queue` before a `RotatingFileHandler`.
    Logtree,
    /// CPython's QueueHandler, multiprocessing.Queue and a listener process.
    Cpython,
    /// Each worker writes for itself, O_APPEND, one write(2) a record.
    Append,
    /// tracing-appender's NonBlocking in each worker, over a file of O_APPEND.
    NonBlocking,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Logtree => "logtree",
            Self::Cpython => "cpython",
            Self::Append => "append",
            Self::NonBlocking => "non-blocking",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Logtree => "logtree, multiprocessing.Queue",
            Self::Cpython => "CPython QueueHandler + multiprocessing.Queue + listener process",
            Self::Append => "each worker by O_APPEND",
            Self::NonBlocking => "tracing-appender NonBlocking in each worker",
        }
    }
}

/// What a run is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Run {
    /// Where everything of it lies.
    #[arg(long, hide = true, default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Where its log files lie.
    #[arg(long, hide = true, default_value = ".")]
    pub(crate) logs: PathBuf,
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: u32,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Files roll at so many bytes, where they roll.
pub(crate) const MAX_BYTES: u64 = 400_000;
/// What is queued is written by then, or never.
const PATIENCE: Duration = Duration::from_secs(60);

const PATTERN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The record of that number of a worker.
pub(crate) fn line(slot: u64, number: u64) -> String {
    let (start, length) = ((slot * 7 + number * 13) % 62, (slot * 31 + number * 17) % 200);
    let payload: String = PATTERN.chars().cycle().skip(start as usize).take(length as usize).collect();
    format!("{slot} {number} {payload}")
}

pub(crate) struct Witness(File);

impl Witness {
    pub(crate) fn of(run: &Run) -> Self {
        let path = run.directory.join("witness");
        Self(File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap())
    }

    fn mark(&self, slot: u64, word: u64, value: u64) {
        self.0.write_all_at(&value.to_ne_bytes(), slot * 16 + word * 8).unwrap();
    }

    fn is_over(&self) -> bool {
        self.slots()[0].0 != 0
    }

    pub(crate) fn begin(&self) {
        self.0.set_len(0).unwrap();
        self.mark(0, 0, 0);
    }

    /// Tells the workers to end.
    pub(crate) fn end(&self) {
        self.mark(0, 0, 1);
    }

    /// For each worker its process id and how many records it has published; first those of the master.
    pub(crate) fn slots(&self) -> Vec<(u64, u64)> {
        let mut bytes = vec![0; self.0.metadata().unwrap().len() as usize];
        self.0.read_exact_at(&mut bytes, 0).unwrap();
        let (words, _) = bytes.as_chunks::<8>();
        let word = |at: usize| u64::from_ne_bytes(words.get(at).copied().unwrap_or_default());
        (0..words.len().div_ceil(2).max(1)).map(|slot| (word(2 * slot), word(2 * slot + 1))).collect()
    }
}

/// The master's life. An heir has no workers: it comes when all have been killed, and leaves when it has flushed.
pub(crate) fn run(kind: Kind, run: &Run, is_heir: bool) {
    let log = run.logs.join("app.log");
    let guard = (kind == Kind::Logtree).then(|| install(&log));
    let witness = Witness::of(run);
    let mut random = Random::of(run.seed);
    let (mut pids, mut slot) = (Vec::new(), 1);
    while !is_heir && !witness.is_over() {
        pids.retain(|pid| waitpid(Some(*pid), WaitOptions::NOHANG).is_ok_and(|ended| ended.is_none()));
        let missing = (run.workers as usize).saturating_sub(pids.len());
        // Now and then many at once, which leave soon.
        let storm = if missing > 0 && random.below(10) == 0 { 8 } else { 0 };
        for number in 0..missing + storm {
            let most = if number < missing { u64::MAX } else { 50 };
            match fork().unwrap() {
                Fork::Parent(pid) => pids.push(pid),
                Fork::Child => {
                    work(kind, run, &witness, slot, most, guard.as_ref());
                    std::process::exit(0);
                }
            }
            slot += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for pid in pids {
        let _ = waitpid(Some(pid), WaitOptions::empty());
    }
    assert!(guard.is_none_or(|guard| guard.flush(PATIENCE)));
}

fn install(log: &Path) -> logtree::Guard {
    let config = json!({
        "version": 1,
        "formatters": {"bare": {"format": "%(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.handlers.RotatingFileHandler", "formatter": "bare", "filename": log,
                "maxBytes": MAX_BYTES, "backupCount": 100_000,
            },
            "queue": {
                "class": "logging.handlers.QueueHandler",
                "queue": {"()": "multiprocessing.Queue", "overflow": "block", "timeout": 60},
                "listener": "logging.handlers.QueueListener", "handlers": ["file"],
            },
        },
        "root": {"level": "INFO", "handlers": ["queue"]},
    });
    logtree::from_value(config).unwrap().install().unwrap()
}

fn work(kind: Kind, run: &Run, witness: &Witness, slot: u64, most: u64, guard: Option<&logtree::Guard>) {
    witness.mark(slot, 0, std::process::id().into());
    let open = || File::options().append(true).create(true).open(run.logs.join("app.log")).unwrap();
    let mut file = open();
    let non_blocking = (kind == Kind::NonBlocking).then(|| {
        // Not lossy: what it loses, it loses by being killed.
        let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(open());
        let bare = tracing_subscriber::fmt().with_ansi(false).without_time().with_level(false).with_target(false);
        bare.with_writer(writer).init();
        guard
    });
    let mut random = Random::of(run.seed << 20 | slot);
    let mut number = 0;
    while number < most && !witness.is_over() {
        for _ in 0..random.below(100) {
            let line = line(slot, number);
            match kind {
                Kind::Append => {
                    // A record that cannot be written is lost, as in most programs.
                    let _ = file.write_all(format!("{line}\n").as_bytes());
                }
                _ => tracing::info!("{line}"),
            }
            number += 1;
            witness.mark(slot, 1, number);
        }
        std::thread::sleep(Duration::from_micros(random.below(3000)));
    }
    drop(non_blocking);
    assert!(guard.is_none_or(|guard| guard.flush(PATIENCE)));
}
