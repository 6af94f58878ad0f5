//! `logtree check`: every problem of a config, with its place in the text.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use logtree_dictconfig::{Color, Config, Exception, Problem};
use serde_json::{Value, json};

use crate::config::Assumed;
use crate::{Outcome, answer};

/// Check configs: print every problem with its source line. Nothing is opened or created
///
/// Exit code: 0 if all are accepted, 1 if there are warnings and --strict is given, 2 if one is refused.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Config files; the extension tells the format
    #[arg(required = true, value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    /// Let warnings count: exit with 1 if there are any
    #[arg(long)]
    strict: bool,
    /// How to print the problems
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    #[command(flatten)]
    assumed: Assumed,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum OutputFormat {
    /// For people, in colour on a terminal
    #[default]
    Text,
    /// For programs: an array with an object for each config
    Json,
}

/// What became of one config.
struct Checked<'a> {
    config: &'a Path,
    is_accepted: bool,
    problems: Vec<Problem>,
}

impl Check {
    pub(crate) fn run(&self) -> Outcome {
        let registry = logtree::registry();
        let reader = self.assumed.reader(&registry);
        let checked: Vec<Checked<'_>> = self.configs.iter().map(|config| Checked::new(&reader, config)).collect();

        let text = match self.format {
            OutputFormat::Text => checked.iter().map(Checked::text).collect::<Vec<_>>().join("\n"),
            OutputFormat::Json => format!("{:#}\n", checked.iter().map(Checked::json).collect::<Value>()),
        };
        answer(&text);
        checked.iter().map(|checked| checked.outcome(self.strict)).max().unwrap_or(Outcome::Good)
    }
}

impl<'a> Checked<'a> {
    fn new(reader: &Config<'_>, config: &'a Path) -> Self {
        let (is_accepted, problems) = match reader.load(config) {
            Ok(plan) => (true, plan.warnings().to_vec()),
            Err(problems) => (false, problems.iter().cloned().collect()),
        };
        Self { config, is_accepted, problems }
    }

    fn outcome(&self, is_strict: bool) -> Outcome {
        match self.is_accepted {
            false => Outcome::Refused,
            true if is_strict && !self.problems.is_empty() => Outcome::Flawed,
            true => Outcome::Good,
        }
    }

    /// The problems as paragraphs, then the verdict. The colours are taken out again where nobody would see them.
    fn text(&self) -> String {
        let problems = self.problems.iter().map(|problem| problem.render(Color::Always) + "\n").collect::<String>();
        let verdict = if self.is_accepted { "accepted" } else { "refused" };
        let errors = self.problems.iter().filter(|problem| problem.is_error()).count();
        let count = |number: usize, what: &str| match number {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{number} {what}s")),
        };
        let counts = [count(errors, "error"), count(self.problems.len() - errors, "warning")];
        let counts: Vec<String> = std::iter::once(verdict.to_owned()).chain(counts.into_iter().flatten()).collect();
        format!("{problems}{}: {}\n{}", self.config.display(), counts.join(", "), self.advice())
    }

    /// How to check a config without the classes that only its program has, if it names any.
    fn advice(&self) -> &'static str {
        let is_unknown = |problem: &Problem| problem.causes().iter().any(|cause| cause.kind == "ModuleNotFoundError");
        match self.problems.iter().any(is_unknown) {
            true => {
                "  what the program registers can be assumed: --assume-class NAME, or 'PACKAGE.*' for all below it\n"
            }
            false => "",
        }
    }

    fn json(&self) -> Value {
        json!({
            "config": self.config.display().to_string(),
            "accepted": self.is_accepted,
            "problems": self.problems.iter().map(problem_json).collect::<Value>(),
        })
    }
}

fn problem_json(problem: &Problem) -> Value {
    json!({
        "severity": if problem.is_error() { "error" } else { "warning" },
        "path": problem.path(),
        "line": problem.place().map(|place| place.line),
        "column": problem.place().map(|place| place.column),
        "message": problem.message(),
        "exception": problem.exception(),
        "causes": problem.causes().iter().map(Exception::to_string).collect::<Vec<_>>(),
        "expected": problem.expected(),
        "guess": problem.guess(),
        "text": problem.to_string(),
    })
}
