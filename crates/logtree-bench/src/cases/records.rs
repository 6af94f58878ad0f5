//! What a record costs on its way to a queue or to memory, and who takes part.

use std::time::Duration;

use super::{Case, Contestant};
use crate::logtree_side::By;
use crate::queued_peers::{self, Waits};
use crate::round::Pace;
use crate::{calls, foreign, log_peers, logtree_side, peers};

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
                  does not decide; or every logger; or its logger's handler, while that of another logger would not; or a \
                  filter of every handler. Beside it what does the same before fmt: `Targets` with the same levels, \
                  `LevelFilter`, two layers each with a filter of its own. CPython's `logger.debug` with three arguments.",
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
                Contestant { name: "1 logger", start: |_| $start(1), target: None },
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

pub(super) const CASES: &[Case] = &[
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
    refused!("refused-filter", "by a filter of its handler: ", By::Filter, "filters of layers", peers::layer_filters),
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
    refused_shared!("refused-shared-all", "by all loggers: ", By::All),
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
        how: "Text with three fields; nanoseconds of one processor an event. What logtree takes on eight threads, beside others. \
              A round is long beside the start of its threads, and beside what one processor waits at its end for the other.",
        variant: "",
        pace: Pace::Threaded { calls: 200_000 },
        contestants: &[
            Contestant {
                name: "logtree, 8 threads",
                start: |_| logtree_side::null_sink(calls::on_threads(8, calls::requests)),
                target: None,
            },
            Contestant {
                name: "logtree, 1 thread",
                start: |_| logtree_side::null_sink(calls::on_threads(1, calls::requests)),
                target: Some(1.3),
            },
            Contestant {
                name: "logtree, 2 threads",
                start: |_| logtree_side::null_sink(calls::on_threads(2, calls::requests)),
                target: None,
            },
            Contestant {
                name: "logtree, 4 threads",
                start: |_| logtree_side::null_sink(calls::on_threads(4, calls::requests)),
                target: None,
            },
            Contestant {
                name: "fmt, 1 thread",
                start: |_| peers::fmt_sink(calls::on_threads(1, calls::requests)),
                target: None,
            },
            Contestant {
                name: "fmt, 8 threads",
                start: |_| peers::fmt_sink(calls::on_threads(8, calls::requests)),
                target: None,
            },
        ],
    },
    objects!("json", 3, 1, Some(0.2)),
    objects!("json-0-0", 0, 0, None),
    objects!("json-3-0", 3, 0, None),
    objects!("json-10-0", 10, 0, None),
    objects!("json-0-1", 0, 1, None),
    objects!("json-10-1", 10, 1, None),
    objects!("json-0-3", 0, 3, None),
    objects!("json-3-3", 3, 3, None),
    objects!("json-10-3", 10, 3, None),
];
