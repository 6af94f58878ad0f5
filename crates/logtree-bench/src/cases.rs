//! What a case is.

mod files;
mod records;

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::round::{Calls, Pace};

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

/// What is measured, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    records::CASES.iter().chain(files::CASES)
}

/// What was tried where a target is missed: the case, the contestant, and why it is missed still.
pub(crate) const TRIED: &[(&str, &str, &str)] = &[
    (
        "file",
        "write(2)",
        "lseek(2) asks before each record whether the descriptor's number is still the file's, as a host that closes all of \
         its descriptors uses the numbers again. The rest is what text and write(2) take more together than each by itself: \
         whatever runs between two writes, the processor fetches and decodes anew, and the kernel's own code too. Tried for \
         the first: a number above the limit for files, which nobody can be given, but fork(2) copies a table as long; and \
         pwrite(2) far behind the end, which only ext4 refuses for another file. For the second: to be smaller (opt-level s \
         is slower) and to be linked as one (LTO, which helps little).",
    ),
    ("refused-shared", "an empty Layer", REFUSED_SHARED),
    ("refused-shared-all", "an empty Layer", REFUSED_SHARED),
    ("refused-shared-handler", "an empty Layer", REFUSED_SHARED),
    (
        "file-threads",
        "fmt, Arc<File>",
        "Both wait for the system's lock of the file, and which thread has it next is luck, as the spread shows. Tried: a lock of \
         our own before it, with which a record took twice as long.",
    ),
    (
        "reload",
        "fmt, reloading",
        "What is timed are records on their way to the file, for whose lock in the system both wait; beside it a reload is little. \
         Tried: a tree that leaves was compiled once more for its last flush, and took a tenth longer; its routes are shared now.",
    ),
];

const REFUSED_SHARED: &str = "For the others' sake the callsite stays on, so that each event is looked up: by the address of \
    its callsite in a table, and whether the tree of now wants its level. Tried: a table whose first part stands in the map \
    itself, and whose further probes stand in a function of their own, which took 21 of 181 instructions away.";

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

/// The file that a contestant writes, if it writes one.
pub(crate) const LOG_FILE: &str = "bench.log";
