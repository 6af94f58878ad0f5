//! The operating system under logtree: fork detection, shared memory, lanes, claims and wake-ups.
//!
//! This is the one crate of logtree that contains `unsafe` code, in small modules with safe faces. It knows nothing of
//! records, handlers or configs: what it moves between processes is bytes.
//!
//! | to | take |
//! |---|---|
//! | know that a `fork` lies between then and now | [`ForkGeneration`] |
//! | guard a value that children of `fork` use too | [`ForkLock`] |
//! | let others know that a file is open | [`mark`], [`is_marked`] |
//! | write to a file that may grow no more, and live on | [`without_sigxfsz`], [`limits_file_size`] |
//! | do something when the process ends | [`at_exit`] |
//! | do something again in each child that logs | [`at_first_record_of_child`] |
//! | write to the standard streams | [`streams`] |
#![cfg_attr(feature = "signals", doc = "| have a thread act on signals | [`signals`] |")]
#![cfg_attr(target_os = "linux", doc = "| know that nobody can write to a file any more | [`has_writers`] |")]
#![cfg_attr(
    all(target_os = "linux", feature = "queue"),
    doc = "| start a process that the host does not see | [`helper`] |
| fork workers from a process with one thread | [`fork_single_threaded`] |
| know a process again, and know that it is dead | [`ProcessIdentity`] |
| have one of many processes listen | [`election`] |
| have processes meet at a log file | [`claim`] |
| share memory between processes | [`Segment`], [`Attachment`] |
| hand records to a listener, one lane a thread | [`LaneProducer`], [`LaneReader`] |
| say once what many records name | [`DefinitionWriter`] |
| say what will be done to files before it is done | [`Transactions`], [`Interrupted`] |
| let the listener sleep, and wake it | [`Sleeper`] |
| give memory back that a burst needed | [`Shrinker`] |"
)]
//!
//! What the first lines name works on every Unix; everything else is for Linux, and what processes share asks for the feature
//! `queue`.

#[cfg(not(unix))]
compile_error!("logtree is for Unix systems: Linux has all of it, others everything but the feature `prefork`");

/// A place where a test kills the process, under `--cfg logtree_kill_points`; else nothing.
#[cfg(all(target_os = "linux", feature = "queue", logtree_kill_points))]
#[macro_export]
macro_rules! kill_point {
    ($name:literal) => {
        $crate::kill_points::pass($name)
    };
}

/// A place where a test kills the process, under `--cfg logtree_kill_points`; else nothing.
#[cfg(not(all(target_os = "linux", feature = "queue", logtree_kill_points)))]
#[macro_export]
macro_rules! kill_point {
    ($name:literal) => {};
}

mod address_map;
mod clock;
mod exit;
mod first_record;
mod fork;
#[cfg(target_os = "linux")]
mod limits;
mod lock;
mod mark;
#[cfg(feature = "signals")]
pub mod signals;
#[cfg(all(test, feature = "signals", target_os = "linux"))]
// Two copies are what it tests.
#[allow(clippy::duplicate_mod)]
mod signals_twice;
mod size_limit;
mod standard_numbers;

#[cfg(all(target_os = "linux", feature = "queue"))]
pub mod claim;
#[cfg(all(target_os = "linux", feature = "queue"))]
pub mod election;
#[cfg(all(target_os = "linux", feature = "queue"))]
pub mod helper;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod process;
pub mod streams;

#[cfg(all(target_os = "linux", feature = "queue", logtree_kill_points))]
pub mod kill_points;

// The shared memory of a queue.
#[cfg(all(target_os = "linux", feature = "queue"))]
mod attach;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod closing;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod definitions;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod index;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod lane;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod layout;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod memory;
#[cfg(target_os = "linux")]
#[cfg_attr(not(feature = "queue"), allow(dead_code, reason = "a mark needs less"))]
mod ofd_lock;
#[cfg(not(target_os = "linux"))]
#[path = "ofd_lock/none.rs"]
mod ofd_lock;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod segment;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod shrink;
#[cfg(all(target_os = "linux", feature = "queue", not(loom)))]
mod spill;
#[cfg(all(target_os = "linux", feature = "queue", loom))]
#[path = "spill/model.rs"]
mod spill;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod sync;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod text;
#[cfg(target_os = "linux")]
mod thread;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod transaction;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod units;
#[cfg(all(target_os = "linux", feature = "queue"))]
mod wake;
#[cfg(target_os = "linux")]
mod writers;

pub use address_map::AddressMap;
pub use clock::{coarse_real_time_ns, coarse_time_ms, later, real_time_ns};
pub use exit::at_exit;
pub use first_record::{at_first_record_of_child, first_record};
pub use fork::ForkGeneration;
pub use lock::{ForkLock, ForkLockGuard, ForkReadGuard, ForkReset};
pub use mark::{is_marked, mark};
pub use size_limit::{limits_file_size, without_sigxfsz};
pub use standard_numbers::beyond_standard_numbers;

#[cfg(all(target_os = "linux", feature = "queue"))]
pub use helper::{Fork, fork_single_threaded};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use process::{Death, ProcessIdentity, is_ending, is_running, thread_count};

#[cfg(all(target_os = "linux", feature = "queue"))]
pub use attach::{AttachError, Attachment, ProcessState, ProcessView};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use closing::SegmentState;
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use definitions::{DefineError, DefinitionWriter, MAX_DEFINITION_BYTES};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use index::{LaneIndex, SlotIndex};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use lane::{
    ClaimLaneError, CorruptLane, DropCounts, DropReason, LaneHead, LaneProducer, LaneReader, LaneRecord, LaneState,
    LaneTicket, LaneView, MAX_RECORD_BYTES, Published, PushError, RecordHead, Reserve,
};
#[cfg(all(target_os = "linux", feature = "queue", not(loom)))]
pub use segment::{LaneFill, SegmentError, SegmentLook, SegmentOptions, SegmentSight, default_directory};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use segment::{Segment, SegmentId};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use shrink::Shrinker;
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use spill::MAX_SPILLED_BYTES;
#[cfg(all(target_os = "linux", feature = "queue", fuzzing, not(loom)))]
pub use sync::before_looks;
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use text::MAX_TEXT_BYTES;
#[cfg(target_os = "linux")]
pub use thread::{current_thread_id, current_thread_name, let_others_go_before, spawn_masked};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use transaction::{
    Committed, Interrupted, MAX_TRANSACTION_BYTES, Staging, Told, TransactionTooLarge, Transactions,
};
#[cfg(all(target_os = "linux", feature = "queue"))]
pub use wake::{Sleep, Sleeper};
#[cfg(target_os = "linux")]
pub use writers::has_writers;
