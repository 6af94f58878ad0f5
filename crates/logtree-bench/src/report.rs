//! Medians and ratios, as markdown.

use std::fmt::Write as _;
use std::process::Command;

use crate::cases::{self, Case};
use crate::contest::{Score, Standing};
use crate::counted::Counted;
use crate::foreign;
use crate::plot::Bar;
use crate::round::{Pace, Round, quantile};

/// What stands above the tables: the machine, the versions, the date.
pub(crate) fn head(rounds: usize) -> String {
    let mut out = String::from("# logtree and its peers\n\n");
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let models: Vec<&str> = cpus.lines().filter(|line| line.starts_with("model name")).collect();
    let model = models.first().and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
    let others = [foreign::python(), Command::new("lttng"), Command::new("valgrind")];
    let others = others.map(|mut other| version(&mut other));
    let facts = [
        ("Date", jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()),
        ("CPU", format!("{model}, {} of it", models.len())),
        ("System", format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim())),
        ("Compiler", version(&mut Command::new("rustc"))),
        ("Versions", versions()),
        ("Beside them", others.join(", ")),
    ];
    for (what, fact) in facts {
        let _ = writeln!(out, "- {what}: {fact}");
    }
    let _ = writeln!(
        out,
        "\nWritten by `cargo run --release -p logtree-bench -- --write`. Each contestant is a process of its own; those of a \
         case take turns, {rounds} rounds each, and are started anew ten times meanwhile; who works on one thread shares a \
         processor with the others, by turns each of them. Figures are nanoseconds a call: \
         the median of the rounds, and the middle half of them. *logtree takes* is logtree's time divided by the \
         contestant's, taken round by round; a target is that of the project's issues. Instructions are those of a call outside the kernel, allocations how often it \
         asks for memory or for more, both counted by valgrind; \
         peak MiB is the most memory that the process had resident, its program and libraries included.\n\n\
         ![What logtree takes, as bars](results.svg)"
    );
    out
}

/// What a program says of its version.
fn version(program: &mut Command) -> String {
    let output = program.arg("--version").output();
    output.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The versions that were measured, from the lock file that chose them.
fn versions() -> String {
    let lock = include_str!("../../../Cargo.lock");
    let packages = lock.split("[[package]]").filter_map(|package| {
        let value =
            |key: &str| package.lines().find_map(|line| line.strip_prefix(key)).map(|text| text.trim_matches('"'));
        Some((value("name = ")?, value("version = ")?))
    });
    let named = packages.filter(|(name, _)| {
        let tracing = ["tracing", "tracing-core", "tracing-subscriber", "tracing-appender", "tracing-log"];
        let peers = ["fern", "flexi_logger", "ftlog", "log", "log4rs", "slog", "slog-async", "spdlog-rs"];
        *name == "logtree" || tracing.contains(name) || peers.contains(name)
    });
    named.map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
}

/// The table of one case, or its rows in the table of the one before.
pub(crate) fn table(case: &Case, is_first: bool, scores: &[Score], counted: &[Option<Counted>]) -> String {
    let mut out = String::new();
    let is_counted = matches!(case.pace, Pace::Steady { .. } | Pace::Threaded { .. });
    let (cost, beside, has_beside, has_peak) = match case.pace {
        Pace::AtRest { .. } => ("MiB at rest", "KiB a thread more", true, false),
        Pace::Bursts { .. } => ("ns a call", "p99", true, true),
        Pace::Steady { .. } | Pace::Threaded { .. } | Pace::Accompanied { .. } => ("ns a call", "", false, true),
    };
    let has_files = has_peak && scores.iter().any(|score| score.missing.is_some());
    let has_numbers = scores.iter().any(|score| score.repeated.is_some());
    let mut row = |[name, cost, beside, instructions, allocations, peak, missing, repeated, ratio]: [String; 9]| {
        let optional = [
            (has_beside, beside),
            (is_counted, instructions),
            (is_counted, allocations),
            (has_peak, peak),
            (has_files, missing),
            (has_numbers, repeated),
        ];
        let optional = optional.into_iter().filter(|(is_shown, _)| *is_shown).map(|(_, cell)| cell);
        let cells: Vec<String> = [name, cost].into_iter().chain(optional).chain([ratio]).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    if is_first {
        let (lost, twice) = ("lines missing", "repeated");
        row(["", cost, beside, "instructions", "allocations", "peak MiB", lost, twice, "logtree takes"]
            .map(str::to_owned));
        row(["---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---"].map(str::to_owned));
    }
    for ((contestant, score), counted) in case.contestants.iter().zip(scores).zip(counted) {
        if let Standing::Absent(why) = &score.standing {
            let name = format!("{}{}", case.variant, contestant.name);
            let empty = String::new;
            row([name, format!("skipped: {why}"), empty(), empty(), empty(), empty(), empty(), empty(), empty()]);
            continue;
        }
        let of_rounds = |of: fn(&Round) -> f64| Spread::of(score.rounds.iter().map(of));
        let ratio = ratio(scores, score);
        let target = contestant.target.map(|target| format!(", target ≤ {target}")).unwrap_or_default();
        let is_ours = contestant.name == case.contestants[0].name;
        row([
            format!("{}{}", case.variant, contestant.name),
            of_rounds(|round| round.cost).number(),
            of_rounds(|round| round.beside).number(),
            counted.as_ref().map(|counted| format!("{:.0}", counted.sum())).unwrap_or_default(),
            // Those of a thread's start are so few a call that none is meant.
            counted.as_ref().map(|counted| format!("{:.1}", counted.allocations)).unwrap_or_default(),
            format!("{:.1}", score.peak_kib as f64 / 1024.0),
            score.missing.map(|missing| missing.to_string()).unwrap_or_default(),
            score.repeated.map(|repeated| repeated.to_string()).unwrap_or_default(),
            if is_ours { String::new() } else { format!("× {}{target}", ratio.factor()) },
        ]);
    }
    let head = if is_first { format!("\n## {}\n\n{}\n\n", case.title, case.how) } else { String::new() };
    head + &out
}

/// Where a target is missed: whose the instructions of a call are, and what was tried.
pub(crate) fn missed(case: &Case, scores: &[Score], counted: &[Option<Counted>]) -> String {
    let whose = |number: usize| {
        let (name, counted) = (case.contestants[number].name, counted[number].as_ref());
        let mut parts: Vec<_> = counted.iter().flat_map(|counted| &counted.instructions).collect();
        parts.sort_by(|one, other| other.1.total_cmp(one.1));
        // What is less than one is what differs from run to run.
        let parts =
            parts.iter().filter(|(_, count)| **count >= 0.5).map(|(owner, count)| format!("{owner} {count:.0}"));
        format!("| {name} | {} |\n", parts.collect::<Vec<_>>().join(", "))
    };
    let mut out = String::new();
    for (number, contestant) in case.contestants.iter().enumerate() {
        let ratio = ratio(scores, &scores[number]);
        let Some(target) = contestant.target.filter(|target| ratio.median > *target) else { continue };
        let (title, variant, name) = (case.title, case.variant, contestant.name);
        let _ = writeln!(out, "\n### {title}; {variant}{name}: × {} where at most {target} is due\n", ratio.factor());
        let tried = cases::TRIED.iter().find(|(of, beside, _)| *of == case.name && *beside == name);
        let _ = tried.map(|(_, _, why)| writeln!(out, "{why}\n"));
        if counted[0].is_some() {
            let _ = write!(out, "|  | instructions |\n| --- | --- |\n{}{}", whose(0), whose(number));
        }
    }
    out
}

/// What logtree takes of what the others of the case take, for the plot, which is about time.
pub(crate) fn bars(case: &Case, scores: &[Score]) -> Vec<Bar> {
    if matches!(case.pace, Pace::AtRest { .. }) {
        return Vec::new();
    }
    let others = case.contestants.iter().zip(scores).skip(1);
    let bar = others.map(|(contestant, score)| Bar {
        title: case.title.replace('`', ""),
        label: format!("{}{}", case.variant, contestant.name).replace('`', ""),
        ratio: ratio(scores, score).median,
        target: contestant.target,
    });
    bar.collect()
}

/// The first one's time divided by another's, round by round.
fn ratio(scores: &[Score], other: &Score) -> Spread {
    let pairs = scores.iter().take(1).flat_map(|ours| ours.rounds.iter().zip(&other.rounds));
    Spread::of(pairs.map(|(ours, theirs)| ours.cost / theirs.cost))
}

/// The median of some values, and the middle half of them.
#[derive(Clone, Copy, Debug)]
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        let mut at = |part| quantile(&mut values, part);
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }

    fn number(self) -> String {
        let Self { low, median, high } = self;
        // Hundredths are told from noise only where there is little.
        let digits = if median < 20.0 { 2 } else { 0 };
        format!("**{median:.digits$}** ({low:.digits$} to {high:.digits$})")
    }

    fn factor(self) -> String {
        let Self { low, median, high } = self;
        let digits = if median < 0.1 { 3 } else { 2 };
        format!("**{median:.digits$}** ({low:.digits$} to {high:.digits$})")
    }
}
