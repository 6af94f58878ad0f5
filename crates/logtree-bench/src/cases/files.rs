//! What a record costs on its way to a file, what a reload costs, and what memory; and who takes part.

use std::error::Error;

use super::{Case, Contestant, Running};
use crate::queued_peers::{self, Waits};
use crate::round::Pace;
use crate::{calls, foreign, log_peers, logtree_side, peers};

type Started = Result<Running, Box<dyn Error>>;

/// A contestant that takes records of the `log` crate, at rest.
fn log_at_rest(started: Started) -> Started {
    Ok(started?.calling(calls::on_threads_that_stay(calls::log_requests)))
}

/// A contestant that takes events, on two threads.
fn on_two_threads(started: Started) -> Started {
    Ok(started?.calling(calls::numbered_on_threads(2, calls::numbered_event)))
}

/// A contestant that takes records of the `log` crate, on two threads.
fn log_on_two_threads(started: Started) -> Started {
    Ok(started?.calling(calls::numbered_on_threads(2, calls::numbered_log_record)))
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "file",
        title: "text to a file, unbuffered",
        how: "One write(2) a record: `logging.FileHandler`; fmt over `Mutex<File>`; and a line of the same length written \
              by `File::write_all` and nothing else. One asks before each write where the descriptor stands, which is \
              the least by which anybody can know that it still is the file's. The last row is logtree's text, which goes to write(2) \
              without anything else that a FileHandler sees to.",
        variant: "`tracing`, three fields: ",
        pace: Pace::Steady { calls: 5_000 },
        contestants: &[
            Contestant { name: "logtree, FileHandler", start: logtree_side::file, target: None },
            Contestant { name: "fmt, Mutex<File>", start: peers::fmt_file, target: Some(1.0) },
            Contestant { name: "write(2)", start: peers::bare_write, target: Some(1.25) },
            Contestant { name: "lseek(2) and write(2)", start: peers::asked_write, target: None },
            Contestant { name: "by hand: write! and write(2)", start: peers::written_by_hand, target: None },
            Contestant {
                name: "a handler of text and write(2) alone",
                start: logtree_side::text_and_write,
                target: None,
            },
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
        name: "file-threads",
        title: "text to a file, unbuffered, two threads",
        how: "The same on two threads at once, each record with a number of its own, by which lines are counted; time on the clock \
              for each record of both. fmt has the file once behind a lock and once without: the system keeps apart what is \
              written by one write(2) each.",
        variant: "`tracing`: ",
        pace: Pace::Threaded { calls: 20_000 },
        contestants: &[
            Contestant {
                name: "logtree, FileHandler",
                start: |directory| on_two_threads(logtree_side::file(directory)),
                target: None,
            },
            Contestant {
                name: "fmt, Mutex<File>",
                start: |directory| on_two_threads(peers::fmt_file(directory)),
                target: Some(1.0),
            },
            Contestant {
                name: "fmt, Arc<File>",
                start: |directory| on_two_threads(peers::fmt_shared_file(directory)),
                target: Some(1.0),
            },
        ],
    },
    Case {
        name: "file-threads-log",
        title: "text to a file, unbuffered, two threads",
        how: "",
        variant: "`log`: ",
        pace: Pace::Threaded { calls: 20_000 },
        contestants: &[
            Contestant {
                name: "logtree, FileHandler",
                start: |directory| log_on_two_threads(logtree_side::log_file(directory)),
                target: None,
            },
            Contestant {
                name: "log4rs",
                start: |directory| log_on_two_threads(log_peers::log4rs_file(directory)),
                target: Some(1.0),
            },
            Contestant {
                name: "flexi_logger",
                start: |directory| log_on_two_threads(log_peers::flexi_file(directory)),
                target: Some(1.0),
            },
            Contestant {
                name: "fern",
                start: |directory| log_on_two_threads(log_peers::fern_file(directory)),
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
