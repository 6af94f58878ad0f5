//! The behaviour of handlers: what all keep to, and what each does besides.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

mod buffering;
mod calls;
mod child;
mod classes;
#[cfg(feature = "compress")]
mod compression;
mod concurrent;
mod contract;
mod cpython;
mod failures;
mod file;
mod filters;
mod forked;
mod full_disk;
mod immovable;
mod memory;
mod owners;
mod programs;
mod queue;
mod retention;
mod rotating;
mod specimen;
mod stream;
mod timed;
mod watched;
