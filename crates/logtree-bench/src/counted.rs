//! What callgrind counts of a call: instructions, whose they are, and how often it asks for memory.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::Write as _;
use std::ops::AddAssign;
use std::process::{Command, Stdio};

use crate::cases::Case;
use crate::contest::{Score, Standing};
use crate::round::Pace;

/// So many calls a round: valgrind takes fifty times as long as the processor.
const CALLS: u32 = 1_000;

/// What is counted, of one call outside the kernel.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// By the crate in whose source they stand, wherever they were inlined.
    pub(crate) instructions: BTreeMap<String, f64>,
    pub(crate) allocations: f64,
}

impl Counted {
    pub(crate) fn sum(&self) -> f64 {
        self.instructions.values().sum()
    }

    /// One call's, from what one round and three rounds took: what comes before the calls is in both.
    fn of_call(one: &Self, three: &Self) -> Self {
        let calls = f64::from(2 * CALLS);
        let of = |name: &String, count: &f64| (count - one.instructions.get(name).copied().unwrap_or(0.0)) / calls;
        let instructions = three.instructions.iter().map(|(name, count)| (name.clone(), of(name, count)));
        Self { instructions: instructions.collect(), allocations: (three.allocations - one.allocations) / calls }
    }
}

/// One call of each contestant of this program whose calls follow each other; none where valgrind is not at hand.
///
/// # Errors
/// If valgrind does not write what its manual says.
pub(crate) fn count(case: &Case, scores: &[Score]) -> Result<Vec<Option<Counted>>, Box<dyn Error>> {
    let of_call = |(number, score): (usize, &Score)| match (case.pace, &score.standing) {
        (Pace::Steady { .. } | Pace::Threaded { .. }, Standing::Here) => {
            let (one, three) = (run(case, number, 1)?, run(case, number, 3)?);
            Ok(one.zip(three).map(|(one, three)| Counted::of_call(&one, &three)))
        }
        // Who sleeps between calls, and has another process or thread at work, counts other things than calls.
        _ => Ok(None),
    };
    scores.iter().enumerate().map(of_call).collect()
}

/// Everything that the contestant does in so many rounds.
fn run(case: &Case, number: usize, rounds: usize) -> Result<Option<Counted>, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let profile = directory.path().join("profile");
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(std::env::current_exe()?).args(["--contestant", &format!("{}/{number}", case.name)]);
    command.args(["--calls", &CALLS.to_string()]).current_dir(directory.path());
    let Ok(mut process) = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn() else {
        return Ok(None);
    };
    process.stdin.take().ok_or("no pipe")?.write_all("\n".repeat(rounds).as_bytes())?;
    let output = process.wait_with_output()?;
    match std::fs::read_to_string(&profile) {
        Ok(profile) if output.status.success() => Ok(Some(parse(&profile)?)),
        _ => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

/// Reads the format of callgrind's manual, chapter "Callgrind Format Specification": lines of a cost each, below a line
/// that names the file they stand in; and a call's, which the callee has too.
fn parse(profile: &str) -> Result<Counted, Box<dyn Error>> {
    let (mut counted, mut files, mut functions) = (Counted::default(), Names::default(), Names::default());
    let (mut home, mut owner) = (String::new(), String::new());
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.split_once('=') else {
            if line.starts_with(['*', '+', '-']) || line.starts_with(|first: char| first.is_ascii_digit()) {
                let cost: f64 = line.split(' ').nth(1).ok_or("a line without its cost")?.parse()?;
                counted.instructions.entry(owner.clone()).or_default().add_assign(cost);
            }
            continue;
        };
        match key {
            "fl" => {
                home = owner_of(files.resolve(value));
                owner.clone_from(&home);
            }
            // Until the function ends, or until the next of these.
            "fi" | "fe" => owner = owner_of(files.resolve(value)),
            "fn" => {
                functions.resolve(value);
                owner.clone_from(&home);
            }
            "cfi" | "cfl" => {
                files.resolve(value);
            }
            "cfn" => {
                let is_allocation =
                    matches!(functions.resolve(value), "malloc" | "calloc" | "realloc" | "posix_memalign");
                let times = lines.next().and_then(|calls| calls.strip_prefix("calls=")?.split(' ').next());
                if is_allocation {
                    counted.allocations += times.ok_or("a call without how often")?.parse::<f64>()?;
                }
                // The callee's own cost.
                lines.next();
            }
            _ => (),
        }
    }
    Ok(counted)
}

/// Names that are written once, as `(id) name`, and then as `(id)`.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    fn resolve(&mut self, value: &'a str) -> &'a str {
        match value.split_once(' ') {
            Some((id, name)) => {
                self.0.insert(id, name);
                name
            }
            None => self.0.get(value).copied().unwrap_or(value),
        }
    }
}

/// The crate that a source file belongs to, or what else stands for it.
fn owner_of(file: &str) -> String {
    let below = |root: &str| file.split_once(root)?.1.split('/').next().map(str::to_owned);
    let is_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    if let Some(package) = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split('/').nth(1)) {
        // `tracing-core-0.1.36`
        let end =
            package.match_indices('-').find(|(at, _)| is_digit(&package[at + 1..])).map_or(package.len(), |(at, _)| at);
        return package[..end].to_owned();
    }
    // As rustc names the standard library's, and as the binaries of a distribution do.
    let std = below("/library/").filter(|name| ["alloc", "core", "std"].contains(&name.as_str()));
    std.or_else(|| below("crates/")).unwrap_or_else(|| "libc and what has no source".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After the example of the manual, with files of crates.
    const PROFILE: &str = "\
events: Ir

fl=(1) crates/logtree-core/src/tree.rs
fn=(1) logtree_core::tree::handle
16 20
cfi=(2) /r/registry/src/index-17/tracing-core-0.1.36/src/event.rs
cfn=(2) tracing_core::event
calls=1 50
16 400
fi=(3) /rustc/59807616/library/core/src/fmt/mod.rs
+2 7
fe=(1)
* 3
cfn=(3) malloc
calls=4 0
* 90
fi=(3)
* 1

fn=(4) logtree_core::tree::route
20 1000

fl=(2)
fn=(2)
51 100
-1 300
";

    #[test]
    fn a_cost_is_its_own_file_s_and_a_call_s_is_the_callee_s() -> Result<(), Box<dyn Error>> {
        let counted = parse(PROFILE)?;
        let instructions = [("core", 8.0), ("logtree-core", 1023.0), ("tracing-core", 400.0)];
        let instructions = instructions.map(|(name, count)| (name.to_owned(), count)).into();
        assert_eq!(counted, Counted { instructions, allocations: 4.0 });
        Ok(())
    }

    #[test]
    fn what_came_before_the_calls_does_not_count() {
        let counted = |ir: f64, allocations| Counted { instructions: [("std".to_owned(), ir)].into(), allocations };
        let of_call = Counted::of_call(&counted(5_000.0, 30.0), &counted(9_000.0, 2_030.0));
        assert_eq!(of_call, counted(2.0, 1.0));
    }
}
