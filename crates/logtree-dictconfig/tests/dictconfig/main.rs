//! How configs are read, held against CPython.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "a test that is asked how it went says so")]

mod absent;
mod build;
mod configs;
mod differential;
mod drawn;
mod explain;
mod formats;
mod ini;
mod large;
mod problems;
mod properties;
mod registry;
mod resolve;
mod span_events;
mod verdicts;

use logtree_dictconfig::{Config, Format, Plan, Problem, Problems, registry};

/// Reads a config with Python's own classes.
fn parse(text: &str) -> Result<Plan, Problems> {
    Config::new(&registry()).parse(text, Format::Json, "logging.json")
}

/// The one-line forms of all problems of a refused config.
fn lines(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The one-line forms of the warnings of an accepted config.
fn warnings(text: &str) -> Vec<String> {
    parse(text).unwrap().warnings().iter().map(ToString::to_string).collect()
}

/// The exceptions of a problem as CPython prints them, outermost first.
fn chain(problem: &Problem) -> Vec<String> {
    let outer = format!("{}: {}", problem.exception().unwrap_or("none"), problem.message());
    std::iter::once(outer).chain(problem.causes().iter().map(ToString::to_string)).collect()
}
