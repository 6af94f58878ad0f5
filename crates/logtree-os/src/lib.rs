//! The operating system under logtree: fork detection, shared memory, lanes, claims and wake-ups.
//!
//! This is the one crate of logtree that contains `unsafe` code, in small modules with safe faces. It knows nothing of
//! records, handlers or configs: what it moves between processes is bytes.
//!
//! | to | take |
//! |---|---|
//! | know that a `fork` lies between then and now | [`ForkGeneration`] |
//! | guard a value that children of `fork` use too | [`ForkLock`] |
#![cfg_attr(
    target_os = "linux",
    doc = "| start a process that the host does not see | [`helper`] |
| fork workers from a process with one thread | [`fork_single_threaded`] |
| know a process again, and know that it is dead | [`ProcessIdentity`] |
| have one of many processes listen | [`election`] |
| have processes meet at a log file | [`claim`] |
| write to the standard streams | [`streams`] |"
)]
//!
//! [`ForkGeneration`] and [`ForkLock`] work on every Unix; everything else is for Linux.

mod fork;
mod lock;

#[cfg(target_os = "linux")]
pub mod claim;
#[cfg(target_os = "linux")]
pub mod election;
#[cfg(target_os = "linux")]
pub mod helper;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
pub mod streams;

pub use fork::ForkGeneration;
pub use lock::{ForkLock, ForkLockGuard, ForkReset};

#[cfg(target_os = "linux")]
pub use helper::{Fork, fork_single_threaded};
#[cfg(target_os = "linux")]
pub use process::{Death, ProcessIdentity, current_thread_id, current_thread_name, thread_count};
