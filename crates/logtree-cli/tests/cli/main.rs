//! The command as it is built: what it prints, what it writes, how it exits.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that is asked how it went says so")]

mod check;
#[cfg(target_os = "linux")]
mod colors;
mod differential;
mod emit;
mod env_levels;
mod ini;
mod json;
#[cfg(target_os = "linux")]
mod listen;
mod schema;
#[cfg(target_os = "linux")]
mod stat;
mod support;
mod tree;
mod wild;

/// CPython's own tests of logging, as cases of ours.
mod test_logging {
    mod config_dict;
    mod file_config;
    mod loggers;
    mod memory;
    mod support;
    mod table;
}
