//! 1,200 mutated configs and CPython's answers to them: accepted and refused alike, with the same message.
//!
//! `mutate.py` draws them, with a fixed seed. Where CPython 3.13 is at hand, the corpus is drawn again and must be the
//! same; elsewhere the corpus is used as it is.

use logtree_dictconfig::Problem;
use serde_json::Value;

use super::drawn::{draw, draw_again};
use super::parse;

const CORPUS: &str = include_str!("../data/mutations.jsonl");

/// Where logtree refuses what CPython accepts, by the last key of a problem's path, and why.
///
/// DIFFERENCE, each of them: CPython takes such a value and fails at every record, or when it opens the file.
const REFUSED: &[(&str, &str)] = &[
    ("datefmt", "a date format is a string"),
    ("defaults", "defaults are a dict"),
    ("name", "the name of a filter is a string"),
    ("terminator", "a terminator is a string"),
    ("encoding", "an encoding is one of those that there are"),
    ("errors", "what becomes of characters that an encoding lacks is one of Python's ways"),
    ("format", "a format is a string"),
    ("listener", "a listener is a QueueListener"),
    ("default_msec_format", "a format is a string"),
    ("default_time_format", "a format is a string"),
    ("handlers", "the handlers behind a queue are a list"),
    ("mode", "a mode is one of Python's"),
    ("backupCount", "a number of files is a number"),
];

/// The same by what a problem says: CPython takes whatever a call returns, and a path may lead into a string.
const SAID: &[&str] = &[
    "is not a class of handlers",
    "is not a class of formatters",
    "is not a class of filters",
    "does not make a queue",
    "'str' object is not subscriptable",
];

/// What CPython says to a config, and what we say: `OK`, or the exception that leaves dictConfig.
struct Answers<'a> {
    config: String,
    cpython: &'a str,
    /// Every problem of ours, where CPython stops at the first; and whether it is one of [`REFUSED`].
    ours: Vec<(String, bool)>,
}

impl<'a> Answers<'a> {
    fn new(line: &'a Value) -> Self {
        let config = line["config"].as_str().unwrap().to_owned();
        let outcome = parse(&config);
        let problems = outcome.as_ref().err().into_iter().flatten().filter(|problem| problem.is_error());
        let is_chosen = |problem: &Problem| {
            SAID.iter().any(|said| problem.headline().contains(said))
                || REFUSED
                    .iter()
                    .any(|(key, _)| problem.path().rsplit(['.', '[', ']']).find(|key| !key.is_empty()) == Some(key))
        };
        let said = |problem: &Problem| {
            (format!("{}: {}", problem.exception().unwrap(), problem.message()), is_chosen(problem))
        };
        let ours = problems.map(said).collect();
        Self { config, cpython: line["cpython"].as_str().unwrap(), ours }
    }

    /// Whether the first thing that both say, but for what is [`REFUSED`], is the same.
    fn are_the_same(&self) -> bool {
        // What is no handler is never one that a MemoryHandler waits for.
        let is_no_handler = |(ours, is_chosen): &(String, bool)| *is_chosen && ours.contains("configure handler");
        if self.ours.first().is_some_and(is_no_handler) && self.cpython.contains("configure handler") {
            return true;
        }
        for (ours, is_chosen) in &self.ours {
            // What iterating over standard output says is not worth knowing.
            let is_stream = self.cpython == "UnsupportedOperation: not readable" && ours.ends_with("is not iterable");
            // A path that leads into a string gives CPython one of its characters, and that is then the name of an entry.
            let is_character = ours.ends_with("is not subscriptable") && names_a_character(self.cpython);
            if ours == self.cpython || is_stream || is_character {
                return true;
            }
            if !is_chosen {
                return false;
            }
        }
        self.cpython == "OK"
    }
}

/// Whether the entry that CPython says it cannot configure has a name of one character.
fn names_a_character(said: &str) -> bool {
    let name = said.rsplit_once(" '").and_then(|(_, name)| name.strip_suffix('\''));
    said.contains("Unable to configure") && name.is_some_and(|name| name.chars().count() == 1)
}

fn compare(corpus: &str) -> usize {
    let lines: Vec<Value> = corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answers: Vec<Answers<'_>> = lines.iter().map(Answers::new).collect();
    let differing: Vec<&Answers<'_>> = answers.iter().filter(|answers| !answers.are_the_same()).collect();
    let show = |answers: &&Answers<'_>| {
        format!("{}\nCPython: {}\nlogtree: {:?}", answers.config, answers.cpython, answers.ours)
    };
    let shown: Vec<String> = differing.iter().take(10).map(show).collect();
    assert!(differing.is_empty(), "{} of {} differ:\n{}", differing.len(), answers.len(), shown.join("\n\n"));
    answers.len()
}

#[test]
fn mutated_configs_are_answered_as_by_cpython() {
    assert_eq!(compare(CORPUS), 1200);
    let refused = CORPUS.lines().filter(|line| !line.ends_with("\"cpython\": \"OK\"}")).count();
    assert!((400..1000).contains(&refused), "{refused} are refused");
}

/// `LOGTREE_CASES=10000 LOGTREE_SEED=7 cargo test -p logtree-dictconfig -- --ignored --nocapture fresh_mutations`
#[test]
#[ignore = "takes as long as it is asked to: LOGTREE_CASES, LOGTREE_SEED"]
fn fresh_mutations() {
    let asked = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let (seed, cases) = (asked("LOGTREE_SEED", "7"), asked("LOGTREE_CASES", "2000"));
    let drawn = draw("mutate.py", "", &["--seed", &seed, "--cases", &cases]);
    let compared = compare(&drawn.expect("CPython 3.13 is needed to draw configs"));
    assert_eq!(compared.to_string(), cases);
    println!("{compared} mutated configs of seed {seed}: the same answers");
}

#[test]
fn the_corpus_is_what_cpython_says_today() {
    draw_again("mutate.py", "", CORPUS);
}
