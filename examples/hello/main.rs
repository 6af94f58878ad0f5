//! The program of the README, word for word: it is run and its output compared by the tests.
//!
//! Its config is beside it: run it there, `cd examples/hello && cargo run --example hello`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a program says on stderr why it does not start")]

use std::process::ExitCode;
use tracing::{info, warn};

fn main() -> ExitCode {
    let _guard = match logtree::from_file("logging.json").and_then(logtree::Config::install) {
        Ok(guard) => guard,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::FAILURE;
        }
    };
    info!(target: "shop::orders", order = 17, "paid");
    warn!(target: "shop::stock", item = "green tea", left = 2, "running low");
    ExitCode::SUCCESS
}
