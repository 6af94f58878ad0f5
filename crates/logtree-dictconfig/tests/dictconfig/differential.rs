//! 800 mutated configs and CPython's answers to them: accepted and refused alike, with the same message.
//!
//! `mutate.py` draws them, with a fixed seed. Where CPython 3.13 is at hand, the corpus is drawn again and must be the
//! same; elsewhere the corpus is used as it is.

use logtree_dictconfig::Problem;
use serde_json::Value;

use super::drawn::draw_again;
use super::parse;

const CORPUS: &str = include_str!("../data/mutations.jsonl");

/// Where logtree refuses what CPython accepts, by the path of its problem, and why.
///
/// DIFFERENCE, each of them: CPython takes such a value and fails at every record.
const REFUSED: &[(&str, &str)] = &[
    ("formatters.f.datefmt", "a date format is a string"),
    ("filters.x.name", "the name of a filter is a string"),
    ("handlers.s[.].terminator", "a terminator is a string"),
];

/// What CPython says to a config, and what we say: `OK`, or the exception that leaves dictConfig.
#[derive(Debug)]
struct Answers {
    config: String,
    cpython: String,
    /// Every one, where CPython stops at the first; without those of [`REFUSED`].
    ours: Vec<String>,
}

fn answers() -> Vec<Answers> {
    let answers = CORPUS.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let config = line["config"].as_str().unwrap().to_owned();
        let outcome = parse(&config);
        let problems = outcome.as_ref().err().into_iter().flatten().filter(|problem| problem.is_error());
        let is_chosen = |problem: &&Problem| {
            REFUSED.iter().any(|(path, _)| problem.path() == *path) && problem.causes()[0].kind == "TypeError"
        };
        let problems = problems.filter(|problem| !is_chosen(problem));
        let ours = problems.map(|problem| format!("{}: {}", problem.exception().unwrap(), problem.message()));
        let ours = ours.collect();
        Answers { config, cpython: line["cpython"].as_str().unwrap().to_owned(), ours }
    });
    answers.collect()
}

#[test]
fn mutated_configs_are_answered_as_by_cpython() {
    let answers = answers();
    assert_eq!(answers.len(), 800);
    let differs = |answers: &&Answers| match (&*answers.cpython, answers.ours.first()) {
        ("OK", first) => first.is_some(),
        (cpython, Some(first)) if first == cpython => false,
        // CPython puts a handler off until those are made that it names, and so may fail at another one first.
        (cpython, _) => {
            let names_handlers = ["MemoryHandler", "QueueHandler"].iter().any(|class| answers.config.contains(class));
            // It also meets a handler that stands elsewhere, but nowhere, at the first one that names it.
            let stands_nowhere = answers.config.contains("\"s\": \"cfg://") && !answers.ours.is_empty();
            !(names_handlers && (stands_nowhere || answers.ours.iter().any(|ours| ours == cpython)))
        }
    };
    let differing: Vec<&Answers> = answers.iter().filter(differs).collect();
    assert!(differing.is_empty(), "{} differ: {differing:#?}", differing.len());
}

#[test]
fn the_corpus_is_what_cpython_says_today() {
    draw_again("mutate.py", "", CORPUS);
}
