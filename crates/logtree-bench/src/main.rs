//! logtree and its peers side by side: one command, one table.
//!
//! ```text
//! cargo run --release -p logtree-bench             # all cases, to standard output
//! cargo run --release -p logtree-bench -- --write  # and into RESULTS.md, with a plot
//! cargo run --release -p logtree-bench -- queue    # one case, or those whose names begin so
//! ```
//!
//! A process has one global subscriber, so each contestant is a process of its own: this program, started again. All
//! contestants of a case live at once and take turns, a short round each, so that whatever else the machine does meets
//! them alike. The figures are medians over the rounds; ratios are taken round by round.
//!
//! | file | is |
//! |---|---|
//! | `cases` | what is measured, and who takes part |
//! | `logtree_side`, `peers`, `log_peers`, `queued_peers` | the contestants: how each is set up |
//! | `foreign` | those that are no Rust: CPython and LTTng-UST |
//! | `calls` | the logging calls, the same code for all |
//! | `round` | how a round is timed |
//! | `contest` | contestants as processes that take turns |
//! | `memory` | what a process and its helpers have resident |
//! | `report` | medians and ratios, as markdown |
//! | `plot` | the ratios as bars |
#![forbid(unsafe_code)]

mod calls;
mod cases;
mod contest;
mod foreign;
mod log_peers;
mod logtree_side;
mod memory;
mod peers;
mod plot;
mod queued_peers;
mod report;
mod round;

use std::error::Error;
use std::io::Write as _;

use clap::Parser;

use crate::cases::Case;

/// Measure logtree beside its peers and print a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Cases to run; all without one
    cases: Vec<String>,
    /// Rounds of each contestant
    #[arg(long, default_value_t = 60)]
    rounds: usize,
    /// Write the table to RESULTS.md and the plot to results.svg as well
    #[arg(long)]
    write: bool,
    /// Be a contestant: `case/name`
    #[arg(long, hide = true)]
    contestant: Option<String>,
    /// Make so many calls a round as a contestant
    #[arg(long, hide = true)]
    calls: Option<u32>,
}

/// Where the table is kept.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");

/// Where the plot is, to which the table has a link.
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results.svg");

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(contestant) = &arguments.contestant {
        return contest::take_part(contestant, arguments.calls);
    }
    let is_named = |case: &Case, name: &String| case.name.starts_with(name.as_str());
    if let Some(unknown) = arguments.cases.iter().find(|name| !cases::all().any(|case| is_named(case, name))) {
        return Err(format!("no case is called {unknown}").into());
    }
    let mut tables = String::new();
    let mut bars = Vec::new();
    let mut title = "";
    for case in cases::all() {
        if arguments.cases.is_empty() || arguments.cases.iter().any(|name| is_named(case, name)) {
            let scores = contest::hold(case, arguments.rounds)?;
            let instructions = contest::instructions(case, &scores)?;
            let table = report::table(case, case.title != title, &scores, &instructions);
            std::io::stdout().write_all(table.as_bytes())?;
            tables.push_str(&table);
            bars.extend(report::bars(case, &scores));
            title = case.title;
        }
    }
    let text = format!("{}{tables}", report::head(arguments.rounds));
    if arguments.write {
        std::fs::write(PLOT, plot::svg(&bars)?)?;
        std::fs::write(RESULTS, text)?;
    }
    Ok(())
}
