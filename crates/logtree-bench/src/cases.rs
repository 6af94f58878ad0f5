//! What is measured, and who takes part.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::logtree_side::By;
use crate::queued_peers::{self, Waits};
use crate::round::{Calls, Pace};
use crate::{calls, foreign, log_peers, logtree_side, peers};

/// Contestants that do the same job, logtree first.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Cases of one title that follow each other share a table.
    pub(crate) title: &'static str,
    /// What tells it from the others of its title.
    pub(crate) variant: &'static str,
    /// What one has to know to read the figures.
    pub(crate) how: &'static str,
    pub(crate) pace: Pace,
    pub(crate) contestants: &'static [Contestant],
}

/// One way to do the job.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// Sets it up in a process and a directory of its own.
    pub(crate) start: fn(&Path) -> Result<Running, Box<dyn Error>>,
    /// At most so much of what it takes is logtree to take.
    pub(crate) target: Option<f64>,
}

/// A contestant at work.
pub(crate) enum Running {
    /// In this process.
    Here {
        call: Calls,
        /// Writes what is not yet written.
        finish: Box<dyn FnOnce()>,
    },
    /// As a program of its own, which keeps to the rules of `contest` by itself.
    Elsewhere {
        program: Command,
        /// Clears away what it needed.
        finish: Box<dyn FnOnce()>,
    },
}

impl Running {
    /// Nothing is left to write after a call.
    pub(crate) fn direct(call: impl FnMut(u32) + 'static) -> Self {
        Self::Here { call: Box::new(call), finish: Box::new(|| ()) }
    }

    /// The same with other calls.
    pub(crate) fn calling(self, call: Calls) -> Self {
        match self {
            Self::Here { finish, .. } => Self::Here { call, finish },
            elsewhere @ Self::Elsewhere { .. } => elsewhere,
        }
    }
}

/// Why a contestant cannot take part on this machine; the table says so in its place.
#[derive(Debug)]
pub(crate) struct Absent(pub(crate) &'static str);

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Absent {}

/// A contestant that takes records of the `log` crate, at rest.
fn log_at_rest(started: Result<Running, Box<dyn Error>>) -> Result<Running, Box<dyn Error>> {
    Ok(started?.calling(calls::on_threads_that_stay(calls::log_requests)))
}

/// The file that a contestant writes, if it writes one.
pub(crate) const LOG_FILE: &str = "bench.log";

/// Text with so many fields inside so many open spans, to nowhere.
macro_rules! text {
    ($name:literal, $fields:literal, $spans:literal, $target:expr) => {
        Case {
            name: $name,
            title: "text with the time, to a null sink",
            how: "The story's format, `%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-\
                  [%(lineno)d] - %(message)s`, into memory; inside spans also their path and the fields of the innermost. \
                  fmt's own formats into `io::sink`, which show the fields of all spans.",
            variant: concat!($fields, " fields, ", $spans, " spans: "),
            pace: Pace::Steady { calls: 10_000 },
            contestants: &[
                Contestant { name: "logtree", start: |_| logtree_side::text($fields, $spans), target: None },
                Contestant { name: "fmt", start: |_| peers::fmt_text($fields, $spans), target: $target },
                Contestant { name: "fmt, compact", start: |_| peers::compact_text($fields, $spans), target: None },
            ],
        }
    };
}

const REFUSED: &str = "a refused callsite, exclusive mode";

/// An event that nobody wants, where logtree is alone.
macro_rules! refused {
    ($name:literal, $variant:literal, $by:expr, $peer:literal, $start:path) => {
        Case {
            name: $name,
            title: REFUSED,
            how: "`debug!` with three fields, which its logger refuses while another one is at DEBUG, so that the level alone \
                  does not decide; or every logger; or its logger's handler, while that of another logger would not. Beside \
                  it what does the same before fmt: `Targets` with the same levels, `LevelFilter`, two layers each with a \
                  filter of its own. CPython's `logger.debug` with three arguments.",
            variant: $variant,
            pace: Pace::Steady { calls: 1_000_000 },
            contestants: &[
                Contestant { name: "logtree, install()", start: |_| logtree_side::refused_exclusive($by), target: None },
                Contestant { name: $peer, start: $start, target: Some(1.2) },
            ],
        }
    };
}

/// The same beside other layers.
macro_rules! refused_shared {
    ($name:literal, $variant:literal, $by:expr) => {
        Case {
            name: $name,
            title: "a refused callsite, shared mode",
            how: "The same beside other layers, for which the callsite stays on. Beside it a layer that does nothing at all.",
            variant: $variant,
            pace: Pace::Steady { calls: 100_000 },
            contestants: &[
                Contestant { name: "logtree, layer()", start: |_| logtree_side::refused_shared($by), target: None },
                Contestant { name: "an empty Layer", start: peers::empty_layer, target: Some(1.3) },
            ],
        }
    };
}

/// The same with many loggers in the config and with few.
macro_rules! loggers {
    ($name:literal, $variant:literal, $how:literal, $start:path) => {
        Case {
            name: $name,
            title: "many loggers, to a handler that does nothing",
            how: $how,
            variant: $variant,
            pace: Pace::Steady { calls: 100_000 },
            contestants: &[
                Contestant { name: "100,000 loggers", start: |_| $start(100_000), target: None },
                Contestant { name: "10 loggers", start: |_| $start(10), target: Some(1.1) },
                Contestant { name: "1,000 loggers", start: |_| $start(1_000), target: None },
            ],
        }
    };
}

/// JSON with so many fields inside so many open spans, to nowhere.
macro_rules! objects {
    ($name:literal, $fields:literal, $spans:literal, $target:expr) => {
        Case {
            name: $name,
            title: "JSON with the time, to a null sink",
            how: "`logtree.JsonFormatter` as it comes, into memory: the event's fields, and all spans with theirs; three each. \
                  fmt's `json()` as it comes into `io::sink`, which has the innermost span twice.",
            variant: concat!($fields, " fields, ", $spans, " spans: "),
            pace: Pace::Steady { calls: 10_000 },
            contestants: &[
                Contestant { name: "logtree", start: |_| logtree_side::json($fields, $spans), target: None },
                Contestant { name: "fmt json()", start: |_| peers::fmt_json($fields, $spans), target: $target },
            ],
        }
    };
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "queue",
        title: "`info!` with three fields into the cross-process queue, one thread, paced",
        how: "40 bursts of 64 records a round, 300 µs of sleep between bursts, in which the listener (a process) or the \
              worker (a thread) writes them to a file. What is timed is the producer's side; p99 is of single calls, the \
              clock's own cost taken off. `NonBlocking` as it comes: lossy, 128,000 lines. LTTng-UST has a tracepoint of the \
              same payload, its buffers as they come, which lose what does not fit; CPython a `QueueHandler` before a \
              `multiprocessing.Queue`, and a `QueueListener` in a process.",
        variant: "",
        pace: Pace::Bursts { bursts: 40, calls: 64, pause: Duration::from_micros(300) },
        contestants: &[
            Contestant { name: "logtree, multiprocessing.Queue", start: logtree_side::queue, target: None },
            Contestant { name: "fmt + NonBlocking", start: peers::non_blocking, target: Some(0.3) },
            Contestant { name: "LTTng-UST tracepoint", start: foreign::lttng, target: Some(2.0) },
            Contestant {
                name: "CPython, QueueHandler",
                start: |directory| foreign::cpython(directory, "processes"),
                target: Some(0.025),
            },
        ],
    },
    Case {
        name: "queue-thread",
        title: "`info!` with three fields into a queue within the process, one thread, paced",
        how: "The same with `queue.Queue`, whose listener is a thread. ftlog (by `log::info!`, with its own file) and slog-async \
              (slog's macro with three fields, `File`) wait when their queues of 100,000 are full, so they lose nothing. \
              CPython has a `QueueHandler` before a `queue.Queue`.",
        variant: "",
        pace: Pace::Bursts { bursts: 40, calls: 64, pause: Duration::from_micros(300) },
        contestants: &[
            Contestant { name: "logtree, queue.Queue", start: logtree_side::thread_queue, target: None },
            Contestant { name: "fmt + NonBlocking", start: peers::non_blocking, target: Some(0.4) },
            Contestant {
                name: "ftlog",
                start: |directory| queued_peers::ftlog_file(directory, Waits::UntilQueued),
                target: Some(1.0),
            },
            Contestant {
                name: "slog-async",
                start: |directory| queued_peers::slog_async_file(directory, Waits::UntilQueued),
                target: Some(1.0),
            },
            Contestant {
                name: "CPython, QueueHandler",
                start: |directory| foreign::cpython(directory, "queue"),
                target: Some(1.0),
            },
        ],
    },
    refused!("refused", "by its logger: ", By::Logger, "Targets", peers::targets),
    refused!("refused-all", "by all loggers: ", By::All, "LevelFilter", peers::level_filter),
    refused!("refused-handler", "by its handler: ", By::Handler, "filters of layers", peers::layer_filters),
    Case {
        name: "refused-cpython",
        title: REFUSED,
        how: "",
        variant: "by its logger, again: ",
        pace: Pace::Steady { calls: 100_000 },
        contestants: &[
            Contestant {
                name: "logtree, install()",
                start: |_| logtree_side::refused_exclusive(By::Logger),
                target: None,
            },
            Contestant {
                name: "CPython",
                start: |directory| foreign::cpython(directory, "refused"),
                target: Some(1.0),
            },
        ],
    },
    refused_shared!("refused-shared", "by its logger: ", By::Logger),
    refused_shared!("refused-shared-handler", "by its handler: ", By::Handler),
    loggers!(
        "route",
        "the route alone: ",
        "What so many loggers cost, of each of which the config says something else, so that no two share a route. The route \
         alone is what is left where callsite and record are known: thresholds and the call of a handler that does nothing, \
         for eight loggers by turns; at most 10 ns. `info!` is the whole event at eight callsites, without a field.",
        logtree_side::routes
    ),
    loggers!("loggers", "`info!`: ", "", logtree_side::many_loggers),
    Case {
        name: "handlers",
        title: "many handlers, text with the time, each to a null sink",
        how: "`info!` with three fields through one logger to so many handlers of one formatter, each of which makes the text; \
              beside it so many layers of fmt over `io::sink`. What logtree takes with 32, beside others.",
        variant: "",
        pace: Pace::Steady { calls: 2_000 },
        contestants: &[
            Contestant { name: "logtree, 32 handlers", start: |_| logtree_side::handlers(32), target: None },
            Contestant { name: "logtree, 8 handlers", start: |_| logtree_side::handlers(8), target: None },
            Contestant { name: "logtree, 1 handler", start: |_| logtree_side::handlers(1), target: None },
            Contestant { name: "fmt, 32 layers", start: |_| peers::fmt_layers(32), target: None },
            Contestant { name: "fmt, 8 layers", start: |_| peers::fmt_layers(8), target: None },
            Contestant { name: "fmt, 1 layer", start: |_| peers::fmt_layers(1), target: None },
        ],
    },
    text!("text-3-0", 3, 0, Some(0.35)),
    text!("text-0-0", 0, 0, None),
    text!("text-10-0", 10, 0, None),
    text!("text-0-1", 0, 1, None),
    text!("text-3-1", 3, 1, None),
    text!("text-10-1", 10, 1, None),
    text!("text-0-3", 0, 3, None),
    text!("text-3-3", 3, 3, None),
    text!("text-10-3", 10, 3, None),
    Case {
        name: "log",
        title: "records of the `log` crate, text with the time, to a null sink",
        how: "`log::info!` with three values in its message. All write the story's line, by their own pattern or, where they \
              leave it to the program, by `write!`; LogTracer + fmt writes fmt's own format; spdlog-rs and slog by their own \
              macros, slog with fields. ftlog and slog-async write on a thread of their own; a round ends when it has written \
              all, and what they take is time on the clock, of up to two processors. CPython has a `StreamHandler` before a \
              stream that does nothing.",
        variant: "",
        pace: Pace::Steady { calls: 20_000 },
        contestants: &[
            Contestant {
                name: "logtree",
                start: |_| logtree_side::null_sink(Box::new(calls::log_requests)),
                target: None,
            },
            Contestant {
                name: "LogTracer + fmt",
                start: |_| peers::fmt_sink(Box::new(calls::log_requests)),
                target: Some(0.4),
            },
            Contestant { name: "log4rs", start: log_peers::log4rs_sink, target: Some(1.0) },
            Contestant { name: "flexi_logger", start: log_peers::flexi_sink, target: Some(1.0) },
            Contestant { name: "fern", start: log_peers::fern_sink, target: Some(1.0) },
            Contestant { name: "spdlog-rs", start: log_peers::spdlog_sink, target: Some(1.0) },
            Contestant { name: "ftlog", start: queued_peers::ftlog_sink, target: Some(1.0) },
            Contestant { name: "slog", start: queued_peers::slog_sink, target: Some(1.0) },
            Contestant { name: "slog + slog-async", start: queued_peers::slog_async_sink, target: Some(1.0) },
            Contestant { name: "CPython", start: |directory| foreign::cpython(directory, "sink"), target: Some(1.0) },
        ],
    },
    Case {
        name: "spans",
        title: "a span of three fields: new, enter, exit, close",
        how: "No event inside, but a format that names the fields. fmt formats them when the span is made.",
        variant: "",
        pace: Pace::Steady { calls: 20_000 },
        contestants: &[
            Contestant { name: "logtree", start: logtree_side::spans, target: None },
            Contestant { name: "fmt", start: |_| peers::fmt_sink(Box::new(calls::spans)), target: Some(0.6) },
        ],
    },
    Case {
        name: "threads",
        title: "many threads to one null sink",
        how: "Text with three fields; nanoseconds of one processor an event. What logtree takes on eight threads, beside others.",
        variant: "",
        pace: Pace::Steady { calls: 50_000 },
        contestants: &[
            Contestant {
                name: "logtree, 8 threads",
                start: |_| logtree_side::null_sink(calls::on_threads(8)),
                target: None,
            },
            Contestant {
                name: "logtree, 1 thread",
                start: |_| logtree_side::null_sink(calls::on_threads(1)),
                target: Some(1.3),
            },
            Contestant {
                name: "logtree, 2 threads",
                start: |_| logtree_side::null_sink(calls::on_threads(2)),
                target: None,
            },
            Contestant { name: "fmt, 1 thread", start: |_| peers::fmt_sink(calls::on_threads(1)), target: None },
            Contestant { name: "fmt, 8 threads", start: |_| peers::fmt_sink(calls::on_threads(8)), target: None },
        ],
    },
    objects!("json", 3, 1, Some(0.2)),
    objects!("json-0-0", 0, 0, None),
    objects!("json-3-0", 3, 0, None),
    objects!("json-10-0", 10, 0, None),
    objects!("json-10-3", 10, 3, None),
    Case {
        name: "file",
        title: "text to a file, unbuffered",
        how: "One write(2) a record: `logging.FileHandler`; fmt over `Mutex<File>`; and a line of the same length written \
              by `File::write_all` and nothing else. The last asks before each write where the descriptor stands, which is \
              the least by which anybody can know that it still is the file's: what is left to logtree is formatting.",
        variant: "`tracing`, three fields: ",
        pace: Pace::Steady { calls: 5_000 },
        contestants: &[
            Contestant { name: "logtree, FileHandler", start: logtree_side::file, target: None },
            Contestant { name: "fmt, Mutex<File>", start: peers::fmt_file, target: Some(1.0) },
            Contestant { name: "write(2)", start: peers::bare_write, target: Some(1.25) },
            Contestant { name: "lseek(2) and write(2)", start: peers::asked_write, target: None },
        ],
    },
    Case {
        name: "file-log",
        title: "text to a file, unbuffered",
        how: "",
        variant: "`log`: ",
        pace: Pace::Steady { calls: 5_000 },
        contestants: &[
            Contestant { name: "logtree, FileHandler", start: logtree_side::log_file, target: None },
            Contestant { name: "LogTracer + fmt, Mutex<File>", start: peers::log_file, target: Some(1.0) },
            Contestant { name: "log4rs", start: log_peers::log4rs_file, target: Some(1.0) },
            Contestant { name: "flexi_logger", start: log_peers::flexi_file, target: Some(1.0) },
            Contestant { name: "fern", start: log_peers::fern_file, target: Some(1.0) },
            Contestant { name: "spdlog-rs", start: log_peers::spdlog_file, target: Some(1.0) },
            Contestant { name: "slog", start: queued_peers::slog_file, target: Some(1.0) },
            Contestant {
                name: "slog + slog-async",
                start: |directory| queued_peers::slog_async_file(directory, Waits::UntilWritten),
                target: Some(1.0),
            },
            Contestant {
                name: "CPython, FileHandler",
                start: |directory| foreign::cpython(directory, "file"),
                target: Some(1.0),
            },
        ],
    },
    Case {
        name: "file-buffered",
        title: "text to a file, buffered",
        how: "`logging.FileHandler` with `buffering: 8 KiB`; spdlog-rs's file sink, which has a buffer of that size, as has \
              ftlog's, which a thread fills; its rounds end when that has written all.",
        variant: "`log`: ",
        pace: Pace::Steady { calls: 20_000 },
        contestants: &[
            Contestant { name: "logtree, FileHandler", start: logtree_side::buffered_log_file, target: None },
            Contestant { name: "spdlog-rs", start: log_peers::spdlog_buffered_file, target: Some(1.0) },
            Contestant {
                name: "ftlog",
                start: |directory| queued_peers::ftlog_file(directory, Waits::UntilWritten),
                target: Some(1.0),
            },
        ],
    },
    Case {
        name: "reload",
        title: "reload under load",
        how: "Two threads log to a file, unbuffered, while a third one reloads with a millisecond of pause between: \
              `Guard::reload` of a changed file, which is read, parsed, built and swapped in; `reload::Layer` around fmt over \
              `Arc<File>`, which is given a new layer. Time on the clock for each event of both threads, beside a quiet run. \
              Each record has a number of its own, by which lines are counted.",
        variant: "",
        pace: Pace::Accompanied { calls: 10_000 },
        contestants: &[
            Contestant {
                name: "logtree, reloading",
                start: |directory| logtree_side::reloading(directory, true),
                target: None,
            },
            Contestant {
                name: "logtree, quiet",
                start: |directory| logtree_side::reloading(directory, false),
                target: None,
            },
            Contestant {
                name: "fmt, reloading",
                start: |directory| peers::reloading(directory, true),
                target: Some(1.0),
            },
            Contestant { name: "fmt, quiet", start: |directory| peers::reloading(directory, false), target: None },
        ],
    },
    Case {
        name: "memory",
        title: "memory at rest",
        how: "What the process has resident once logging to a file is set up, before the first record, and what each of 64 \
              threads adds that has logged once and lives on. Helper processes are counted with it; programs and libraries \
              are not, which are files. *logtree takes* is memory here. A thread alone takes what it takes where nobody logs.",
        variant: "",
        pace: Pace::AtRest { threads: 64 },
        contestants: &[
            Contestant {
                name: "logtree, 10 loggers",
                start: |directory| logtree_side::at_rest(directory, 10),
                target: None,
            },
            Contestant {
                name: "logtree, 1,000 loggers",
                start: |directory| logtree_side::at_rest(directory, 1_000),
                target: None,
            },
            Contestant {
                name: "logtree, 100,000 loggers",
                start: |directory| logtree_side::at_rest(directory, 100_000),
                target: None,
            },
            Contestant {
                name: "logtree, queue.Queue",
                start: |directory| logtree_side::queue_at_rest(directory, "queue.Queue"),
                target: None,
            },
            Contestant {
                name: "logtree, multiprocessing.Queue",
                start: |directory| logtree_side::queue_at_rest(directory, "multiprocessing.Queue"),
                target: None,
            },
            Contestant { name: "nobody logs", start: peers::nobody_at_rest, target: None },
            Contestant { name: "fmt, Mutex<File>", start: peers::fmt_at_rest, target: None },
            Contestant { name: "fmt + NonBlocking", start: peers::non_blocking_at_rest, target: None },
            Contestant {
                name: "log4rs",
                start: |directory| log_at_rest(log_peers::log4rs_file(directory)),
                target: None,
            },
            Contestant {
                name: "flexi_logger",
                start: |directory| log_at_rest(log_peers::flexi_file(directory)),
                target: None,
            },
            Contestant { name: "fern", start: |directory| log_at_rest(log_peers::fern_file(directory)), target: None },
            Contestant { name: "spdlog-rs", start: log_peers::spdlog_at_rest, target: None },
            Contestant {
                name: "ftlog",
                start: |directory| log_at_rest(queued_peers::ftlog_file(directory, Waits::UntilQueued)),
                target: None,
            },
            Contestant { name: "slog", start: queued_peers::slog_at_rest, target: None },
            Contestant { name: "slog + slog-async", start: queued_peers::slog_async_at_rest, target: None },
            Contestant {
                name: "CPython, FileHandler",
                start: |directory| foreign::cpython(directory, "file"),
                target: None,
            },
        ],
    },
];
