//! The command `logtree`: what a logging config says, and what it does.
//!
//! | file | is |
//! |---|---|
//! | `check` | `logtree check`: every problem of a config |
//! | `config` | the config that a command is about |
//! | `emit` | `logtree emit`: records through a config, as its loggers would handle them |
//! | `event` | one line of `emit`'s input: from JSON to a record, by the rules of `logging.makeLogRecord` |
//! | `explain` | `logtree explain`: what a record would pass |
//! | `listen` | `logtree listen`: the listener of a queue as a service |
//! | `python` | JSON as Python reads it, and how Python prints it |
//! | `schema` | `logtree schema`: JSON Schema of configs, for editors |
//! | `stat` | `logtree stat`: what goes on in the queues between processes |
//! | `tree` | `logtree tree`: the loggers and handlers of a config, drawn |
#![forbid(unsafe_code)]

mod check;
mod config;
mod emit;
mod event;
mod explain;
#[cfg(target_os = "linux")]
mod listen;
mod python;
mod schema;
#[cfg(target_os = "linux")]
mod stat;
mod tree;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use logtree::{Color, Error};

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
    Tree(tree::Tree),
    Explain(explain::Explain),
    Emit(emit::Emit),
    Schema(schema::Schema),
    #[cfg(target_os = "linux")]
    Listen(listen::Listen),
    #[cfg(target_os = "linux")]
    Stat(stat::Stat),
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
        Command::Tree(tree) => tree.run(),
        Command::Explain(explain) => explain.run(),
        Command::Emit(emit) => emit.run(),
        Command::Schema(schema) => schema.run(),
        #[cfg(target_os = "linux")]
        Command::Listen(listen) => listen.run(),
        #[cfg(target_os = "linux")]
        Command::Stat(stat) => stat.run(),
    };
    ExitCode::from(outcome as u8)
}

/// Standard output, with colours only on a terminal. Whoever stops reading has seen enough; the exit code says the rest.
fn answer(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// Standard error, with colours only on a terminal. If it is closed, nobody is left to tell.
fn say(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Says why there is no logging of a config, which comes to this.
fn say_why(error: &Error) -> Outcome {
    say(&match error.problems() {
        Some(problems) => problems.render(Color::Always),
        None => format!("logtree: {error}\n"),
    });
    Outcome::Refused
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_make_sense() {
        super::Cli::command().debug_assert();
    }
}
