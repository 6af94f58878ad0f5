//! A prefork HTTP service whose workers log through `tracing`, and whose one listener writes the file.
//!
//! ```text
//! master ── binds the socket, installs logging.json, forks, replaces workers that die
//!   ├ worker ── axum on a runtime of its own; GET /test logs a record ──┐
//!   ├ worker ── …                                                       ├─ lanes in shared memory
//!   └ listener (a helper that logtree made) ◄───────────────────────────┘  ──► service.log, stdout
//! ```
//!
//! | file | is |
//! |---|---|
//! | `args.rs` | the command line |
//! | `service.rs` | the service: `service/master.rs`, `service/worker.rs` |
//! | `drive.rs` | `--requests N`: another process of this program drives the service from outside and judges its log |
//!
//! `GET /test` logs one record; `GET /test?log=N` logs N; `GET /test?id=N` adds the field `id`, by which each line of the
//! log file can be told from all others.
#![forbid(unsafe_code)]

mod args;
mod drive;
mod service;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use args::Args;
use clap::Parser;

/// Why the program ends: a message for the person who started it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.requests {
        Some(requests) => drive::run(&args, requests),
        None => service::run(&args),
    };
    outcome.unwrap_or_else(|failure| {
        complain(failure);
        ExitCode::FAILURE
    })
}

/// Prints a line for the user. That nobody reads it any more is no reason to stop serving.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// As [`say`], where errors are looked for.
fn complain(message: impl Display) {
    let _ = writeln!(std::io::stderr(), "prefork: {message}");
}
