//! What is measured, and who takes part.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use crate::round::{Calls, Pace};
use crate::{logtree_side, peers};

/// Contestants that do the same job, logtree first.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
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
pub(crate) struct Running {
    pub(crate) call: Calls,
    /// Writes what is not yet written.
    pub(crate) finish: Box<dyn FnOnce()>,
}

impl Running {
    /// Nothing is left to write after a call.
    pub(crate) fn direct(call: impl FnMut(u32) + 'static) -> Self {
        Self { call: Box::new(call), finish: Box::new(|| ()) }
    }
}

/// The file that a contestant writes, if it writes one.
pub(crate) const LOG_FILE: &str = "bench.log";

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "queue",
        title: "`info!` with three fields into the cross-process queue, one thread, paced",
        how: "40 bursts of 64 records a round, 300 µs of sleep between bursts, in which the listener (a process) or the \
              worker (a thread) writes them to a file. What is timed is the producer's side; p99 is of single calls, the \
              clock's own cost taken off. `NonBlocking` as it comes: lossy, 128,000 lines.",
        pace: Pace::Bursts { bursts: 40, calls: 64, pause: Duration::from_micros(300) },
        contestants: &[
            Contestant { name: "logtree, multiprocessing.Queue", start: logtree_side::queue, target: None },
            Contestant { name: "fmt + NonBlocking", start: peers::non_blocking, target: Some(0.5) },
        ],
    },
    Case {
        name: "refused",
        title: "a callsite refused by the tree, exclusive mode",
        how: "`debug!` with three fields under a logger at INFO, while another logger is at DEBUG, so that the level alone \
              does not decide. Beside it `Targets` with the same levels over fmt.",
        pace: Pace::Steady { calls: 1_000_000 },
        contestants: &[
            Contestant { name: "logtree, install()", start: logtree_side::refused_exclusive, target: None },
            Contestant { name: "Targets", start: peers::targets, target: Some(1.2) },
        ],
    },
    Case {
        name: "refused-shared",
        title: "a callsite refused by the tree, shared mode",
        how: "The same beside other layers, for which the callsite stays on. Beside it a layer that does nothing at all.",
        pace: Pace::Steady { calls: 100_000 },
        contestants: &[
            Contestant { name: "logtree, layer()", start: logtree_side::refused_shared, target: None },
            Contestant { name: "an empty Layer", start: peers::empty_layer, target: Some(1.3) },
        ],
    },
    Case {
        name: "text",
        title: "text with three fields and the time, to a null sink",
        how: "The story's format, `%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-\
              [%(lineno)d] - %(message)s`, into memory; fmt's own format into `io::sink`.",
        pace: Pace::Steady { calls: 20_000 },
        contestants: &[
            Contestant { name: "logtree", start: logtree_side::null_sink, target: None },
            Contestant { name: "fmt", start: peers::fmt_sink, target: Some(0.35) },
        ],
    },
    Case {
        name: "file",
        title: "the same to a file, unbuffered",
        how: "`logging.FileHandler`, one write(2) a record; fmt over `Mutex<File>`; and a line of the same length written \
              by `File::write_all` and nothing else.",
        pace: Pace::Steady { calls: 5_000 },
        contestants: &[
            Contestant { name: "logtree, FileHandler", start: logtree_side::file, target: None },
            Contestant { name: "fmt, Mutex<File>", start: peers::fmt_file, target: None },
            Contestant { name: "write(2)", start: peers::bare_write, target: Some(1.25) },
        ],
    },
];
