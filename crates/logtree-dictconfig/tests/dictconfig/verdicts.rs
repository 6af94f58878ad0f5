//! The 99 configs of `data/verdicts.json` with CPython 3.13's answers: accepted and refused alike, with the same
//! exceptions.

use std::collections::BTreeSet;

use logtree_dictconfig::{Config, Format, registry};
use serde_json::Value;

use super::chain;

/// Where logtree answers otherwise than CPython, and why.
///
/// DIFFERENCE, each of them.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "formatter () bad kwarg",
        "the TypeError that made CPython try `fmt` for `format` is about nothing the user wrote",
    ),
    ("file missing dir", "a check opens nothing; the build refuses it, see build.rs"),
    ("memory chain a->b->c", "handlers are made in the order of their needs, so that a name cannot spoil a chain"),
];

/// A case in which CPython and we do not say the same, and both answers.
#[derive(Debug, PartialEq)]
struct Difference {
    case: String,
    cpython: Vec<String>,
    ours: Vec<String>,
}

#[test]
fn every_verdict_is_cpythons_but_for_the_listed() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/verdicts.json")).unwrap();
    assert_eq!(cases.len(), 99);
    let differing: Vec<Difference> = cases.iter().filter_map(difference).collect();
    let names: BTreeSet<&str> = differing.iter().map(|difference| difference.case.as_str()).collect();
    let listed: BTreeSet<&str> = DIFFERENCES.iter().map(|(case, _)| *case).collect();
    assert_eq!(names, listed, "{differing:#?}");
}

fn difference(case: &Value) -> Option<Difference> {
    let cpython = match &case["cpython_3_13"] {
        Value::Array(chain) => chain.iter().map(|e| e.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    };
    let text = case["config"].to_string();
    // JSON is YAML too, in which keys may be numbers.
    let ours = match case["case"].as_str() {
        Some("logger name int") => answer(&text.replace("\"5\":", "5: "), Format::Yaml),
        _ => answer(&text, Format::Json),
    };
    (cpython != ours).then(|| Difference { case: case["case"].as_str().unwrap().to_owned(), cpython, ours })
}

/// The exceptions of the first problem, outermost first; none if the config is accepted and can be built.
fn answer(text: &str, format: Format) -> Vec<String> {
    let registry = registry();
    match Config::new(&registry).parse(text, format, "verdict") {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().find(|problem| problem.is_error()).map(chain).unwrap_or_default(),
    }
}
