//! The command `logtree`: what a logging config says, and what it does.
//!
//! | file | is |
//! |---|---|
//! | `check` | `logtree check`: every problem of a config |
//! | `emit` | `logtree emit`: records through a config, as its loggers would handle them |
//! | `event` | one line of `emit`'s input: from JSON to a record, by the rules of `logging.makeLogRecord` |
//! | `python` | JSON as Python reads it, and how Python prints it |
#![forbid(unsafe_code)]

mod check;
mod emit;
mod event;
mod python;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Python's logging for Rust's tracing: configs checked and tried out.
#[derive(Debug, Parser)]
#[command(name = "logtree", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Emit(emit::Emit),
}

/// What a command comes to, as exit codes; clap's own for wrong usage is 2 as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// All is well.
    Good = 0,
    /// Not all is: warnings that count, events that could not be read.
    Flawed = 1,
    /// The config is refused.
    Refused = 2,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check(check) => check.run(),
        Command::Emit(emit) => emit.run(),
    };
    ExitCode::from(outcome as u8)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_make_sense() {
        super::Cli::command().debug_assert();
    }
}
