//! The process half of logtree-os against the real system: forks, kills, clones and locks of many processes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod claim;
mod election;
mod fork;
mod helper;
mod identity;
mod lock;
mod read_lock;
mod streams;
mod support;
mod thread;
