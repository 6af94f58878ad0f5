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
//! | `counted` | instructions and allocations of a call |
//! | `build` | how long a program that logs takes to build |
//! | `memory` | what a process and its helpers have resident |
//! | `report` | medians and ratios, as markdown |
//! | `plot` | the ratios as bars |
#![forbid(unsafe_code)]

mod build;
mod calls;
mod cases;
mod contest;
mod counted;
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
use std::process::ExitCode;

use clap::Parser;

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
    /// Make them on that processor
    #[arg(long, hide = true)]
    processor: Option<usize>,
}

/// A build takes as long as many rounds.
const ROUNDS_A_BUILD: usize = 20;

/// Where the table is kept.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");

/// Where the plot is, to which the table has a link.
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results.svg");

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(times) = std::env::var_os(build::TIMES) {
        return build::compile(&times);
    }
    let arguments = Arguments::parse();
    if let Some(contestant) = &arguments.contestant {
        return contest::take_part(contestant, arguments.calls, arguments.processor).map(|()| ExitCode::SUCCESS);
    }
    let is_known = |name: &String| is_called(build::NAME, name) || cases::all().any(|case| is_called(case.name, name));
    if let Some(unknown) = arguments.cases.iter().find(|name| !is_known(name)) {
        return Err(format!("no case is called {unknown}").into());
    }
    let is_asked = |name| arguments.cases.is_empty() || arguments.cases.iter().any(|asked| is_called(name, asked));
    let (mut tables, mut missed, mut bars) = (String::new(), String::new(), Vec::new());
    let mut title = "";
    for case in cases::all().filter(|case| is_asked(case.name)) {
        let scores = contest::hold(case, arguments.rounds)?;
        let counted = counted::count(case, &scores)?;
        show(&mut tables, &report::table(case, case.title != title, &scores, &counted))?;
        missed.push_str(&report::missed(case, &scores, &counted));
        bars.extend(report::bars(case, &scores));
        title = case.title;
    }
    if is_asked(build::NAME) {
        let (table, why) = build::table(arguments.rounds.div_ceil(ROUNDS_A_BUILD))?;
        show(&mut tables, &table)?;
        missed.push_str(&why);
    }
    if !missed.is_empty() {
        show(&mut tables, &format!("\n## Where a target is missed\n{missed}"))?;
    }
    if arguments.write {
        std::fs::write(PLOT, plot::svg(&bars)?)?;
        std::fs::write(RESULTS, report::head(arguments.rounds) + &tables)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_called(name: &str, asked: &str) -> bool {
    name.starts_with(asked)
}

/// Prints a table at once, and keeps it.
fn show(tables: &mut String, table: &str) -> std::io::Result<()> {
    tables.push_str(table);
    std::io::stdout().write_all(table.as_bytes())
}
