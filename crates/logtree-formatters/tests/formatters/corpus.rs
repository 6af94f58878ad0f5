//! The corpus, and the interpreter that it comes from.

use std::process::Command;

use logtree_core::{Argument, Formatter};
use serde_json::Value as Json;

use crate::specimen::Specimen;

pub(crate) const TEXT: &str = include_str!("corpus.jsonl");

/// One case a line.
pub(crate) fn corpus() -> Vec<Json> {
    TEXT.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What stands under `key` in the one line that has nothing else.
pub(crate) fn of_kind<'a>(corpus: &'a [Json], key: &str) -> &'a Json {
    corpus.iter().find_map(|case| case.get(key).filter(|_| case.as_object().unwrap().len() == 1)).unwrap()
}

/// A JSON object as the arguments of a config.
pub(crate) fn arguments(json: &Json) -> Vec<(String, Argument)> {
    let object = json.as_object().cloned().unwrap_or_default();
    object.iter().map(|(name, value)| (name.clone(), argument(value))).collect()
}

fn argument(json: &Json) -> Argument {
    match json {
        Json::Null => Argument::None,
        Json::Bool(value) => Argument::Bool(*value),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Argument::Float(number.as_f64().unwrap()), Argument::Int)
        }
        Json::String(text) => Argument::Str(text.clone()),
        Json::Array(items) => Argument::List(items.iter().map(argument).collect()),
        Json::Object(_) => Argument::Map(arguments(json)),
    }
}

/// How CPython 3.13 is called here.
#[derive(Clone, Copy)]
pub(crate) struct Python(&'static str);

impl Python {
    pub(crate) fn command(self) -> Command {
        let mut command = Command::new(self.0);
        // A version manager's shim asks for it; nobody else minds.
        command.env("PYENV_VERSION", "3.13.0");
        command
    }
}

/// A CPython 3.13, if there is one.
pub(crate) fn python() -> Option<Python> {
    let is_right = |python: &Python| {
        let version = python.command().args(["-c", "import sys; print(sys.version_info[:2])"]).output();
        version.is_ok_and(|output| output.status.success() && output.stdout == b"(3, 13)\n")
    };
    ["python3.13", "python3"].into_iter().map(Python).find(is_right)
}

/// All differences, so that one run shows them all.
#[derive(Default)]
pub(crate) struct Differences {
    cases: usize,
    found: Vec<String>,
}

impl Differences {
    pub(crate) fn compare(&mut self, case: impl Fn() -> String, ours: &Json, theirs: &Json) {
        self.cases += 1;
        if ours != theirs {
            self.found.push(format!("{}\n    logtree {ours}\n    CPython {theirs}", case()));
        }
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        println!("{} cases", self.cases);
        if !std::thread::panicking() {
            let shown = self.found.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
            assert!(self.found.is_empty(), "{} of {} differ:\n{shown}", self.found.len(), self.cases);
            assert!(self.cases > 0, "no case was looked at");
        }
    }
}

/// Text, or the exception in a list of its own, as the scripts have it.
pub(crate) fn answer(formatter: &dyn Formatter, specimen: &Specimen) -> Json {
    let mut out = String::from("before ");
    match formatter.format(&specimen.record(), &mut out) {
        Ok(()) => Json::from(out.strip_prefix("before ").unwrap()),
        Err(error) => {
            assert_eq!(out, "before ", "an error leaves nothing behind");
            Json::from(vec![error.to_string()])
        }
    }
}

/// Lets the interpreter answer again and compares.
pub(crate) fn assert_is_fresh(python: Python, script: &str, kept: &str) {
    let output = python.command().arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let fresh = String::from_utf8(output.stdout).unwrap();
    let different = fresh.lines().zip(kept.lines()).find(|(fresh, kept)| fresh != kept);
    assert_eq!((different, fresh.lines().count()), (None, kept.lines().count()), "run {script} again");
    println!("CPython 3.13 was asked again and said the same");
}
