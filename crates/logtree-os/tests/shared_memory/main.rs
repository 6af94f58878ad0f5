//! The shared memory of a queue, between real processes.

#![cfg(all(target_os = "linux", not(loom)))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

mod attach;
mod corruption;
mod definitions;
mod kills;
mod lanes;
mod life;
mod limits;
mod segments;
mod shrinking;
mod spills;
mod transactions;
mod waking;
#[path = "../../examples/without.rs"]
#[allow(dead_code)]
mod without;
