//! Random configs and events through `logtree emit` and through CPython: the same bytes in every file.
//!
//! `corpus.jsonl` holds 2,000 cases with CPython's answers, so that the test needs no Python. Where CPython 3.13 is at hand
//! the corpus is made again and must be the same. More cases, of any seed:
//!
//! ```text
//! LOGTREE_CASES=100000 LOGTREE_SEED=7 cargo test --release -p logtree-cli --test cli -- --ignored --nocapture fresh_cases
//! ```

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value as Json;

use crate::support::{Place, Said};

const CORPUS: &str = include_str!("corpus.jsonl");

/// How many cases `corpus.jsonl` has.
const CASES: usize = 2000;

/// Everything that is compared.
#[derive(Debug, PartialEq)]
struct Answer {
    code: Option<i32>,
    files: BTreeMap<String, String>,
    stdout: String,
    /// `None` where CPython would have printed a traceback.
    stderr: Option<String>,
}

impl Answer {
    fn of_cpython(case: &Json) -> Self {
        let text = |key: &str| case[key].as_str().map(str::to_owned);
        let file = |(name, text): (&String, &Json)| (name.clone(), text.as_str().unwrap().to_owned());
        Self {
            code: case["code"].as_i64().map(|code| code as i32),
            files: case["files"].as_object().into_iter().flatten().map(file).collect(),
            stdout: text("stdout").unwrap_or_default(),
            stderr: text("stderr"),
        }
    }

    fn of_logtree(case: &Json, is_stderr_compared: bool) -> Self {
        let (inputs, place) = (Place::new(), Place::new());
        let name = format!("config.{}", case["format"].as_str().unwrap());
        inputs.write(&name, case["config"].as_str().unwrap());
        let config = inputs.path(&name);
        let lines: String =
            case["events"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned() + "\n").collect();
        let mut command = place.command(&["emit", config.to_str().unwrap()]);
        let said = Said::of(command.env("TZ", case["tz"].as_str().unwrap()), &lines);
        let file = |name: String| (name.clone(), as_text(&place.read(&name)));
        let may_be_missing =
            |name: &str| case["empty"].as_array().is_some_and(|empty| empty.iter().any(|of| of == name));
        Self {
            code: said.code,
            files: place
                .files()
                .into_iter()
                .map(file)
                .filter(|(name, text)| !text.is_empty() || !may_be_missing(name))
                .collect(),
            stdout: as_text(&said.stdout),
            stderr: is_stderr_compared.then(|| as_text(&said.stderr)),
        }
    }
}

/// Bytes as the characters of the same numbers, as the corpus has them.
fn as_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What differs, and of how many cases.
#[derive(Default)]
pub(crate) struct Compared {
    cases: usize,
    differing: Vec<String>,
}

impl Compared {
    pub(crate) fn of(corpus: &str) -> Self {
        let cases: Vec<Json> = corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let difference = |case: &Json| {
            let theirs = Answer::of_cpython(case);
            let ours = Answer::of_logtree(case, theirs.stderr.is_some());
            (ours != theirs).then(|| format!("{case:#}\nlogtree: {ours:#?}\nCPython: {theirs:#?}"))
        };
        Self { cases: cases.len(), differing: cases.iter().filter_map(difference).collect() }
    }

    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.differing.extend(other.differing);
    }

    /// The number of cases, if all are the same.
    pub(crate) fn the_same(self) -> usize {
        let first = self.differing.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(self.differing.is_empty(), "{} of {} cases differ:\n{first}", self.differing.len(), self.cases);
        self.cases
    }
}

/// So many cases are drawn or compared in one go.
const CHUNK: usize = 250;

/// Does something with chunks of so many cases, on every core, and answers with what came of each, in order.
fn in_chunks<T: Send>(cases: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(CHUNK, Ordering::Relaxed);
                    if first >= cases {
                        break;
                    }
                    let outcome = work(first..cases.min(first + CHUNK));
                    done.lock().unwrap().insert(first, outcome);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

#[test]
fn the_corpus_is_answered_as_by_cpython() {
    let lines: Vec<&str> = CORPUS.lines().collect();
    let mut compared = Compared::default();
    in_chunks(lines.len(), |range| Compared::of(&lines[range].join("\n")))
        .into_iter()
        .for_each(|part| compared.add(part));
    assert_eq!(compared.the_same(), CASES);
}

#[test]
fn the_corpus_says_something() {
    // A generator whose records all end at some level would pass any emitter.
    let has = |case: &Json, key: &str| case[key].as_str().is_some_and(|text| !text.is_empty());
    let written = |case: &Json| case["files"].as_object().is_some_and(|files| files.values().any(|text| text != ""));
    let cases: Vec<Json> = CORPUS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.iter().filter(|case| written(case)).count() > CASES / 4);
    assert!(cases.iter().filter(|case| has(case, "stdout")).count() > CASES / 8);
    assert!(cases.iter().filter(|case| has(case, "stderr")).count() > CASES / 8);
    for code in 0..=2 {
        assert!(cases.iter().filter(|case| case["code"] == code).count() >= CASES / 100, "exit code {code}");
    }
    // What a config may say is said in cases in which something is written.
    for said in [
        "logging.FileHandler",
        "logging.handlers.MemoryHandler",
        "logging.handlers.RotatingFileHandler",
        "logging.handlers.WatchedFileHandler",
        "logging.handlers.TimedRotatingFileHandler",
        "logging.handlers.QueueHandler",
        "logging.NullHandler",
        "\"style\":\"{\"",
        "\"style\":\"$\"",
        "\"defaults\":",
        "\"datefmt\":",
        "default_time_format",
        "default_msec_format",
        "\"terminator\":",
        "\"propagate\":false",
        "\"disable_existing_loggers\":",
        "\"()\":\"logging.Formatter\"",
        "\"()\":\"logging.Filter\"",
        "\"()\":\"logging.FileHandler\"",
        "cfg://shared.level",
        "cfg://where[",
        "ext://logging.INFO",
        "\"errors\":",
    ] {
        let is_said =
            |case: &&Json| case["config"].as_str().unwrap().replace(": ", ":").replace('\'', "\"").contains(said);
        let seen = cases.iter().filter(is_said).filter(|case| written(case) || has(case, "stdout")).count();
        assert!(seen >= CASES / 200, "{said} was seen at work {seen} times");
    }
}

#[test]
fn the_corpus_is_cpythons() {
    let Some(fresh) = draw_all(1, CASES) else {
        println!("no CPython 3.13 here: the corpus was used as it is");
        return;
    };
    let different = fresh.lines().zip(CORPUS.lines()).find(|(fresh, kept)| fresh != kept);
    assert_eq!((different, fresh.lines().count()), (None, CASES), "run corpus.py again");
    println!("CPython 3.13 was asked again and said the same");
}

#[test]
#[ignore = "takes as long as it is asked to: LOGTREE_CASES, LOGTREE_SEED"]
fn fresh_cases() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<usize>().ok());
    let (seed, cases) = (asked("LOGTREE_SEED").unwrap_or(2), asked("LOGTREE_CASES").unwrap_or(2000));
    let begun = Instant::now();
    let mut compared = Compared::default();
    for part in
        in_chunks(cases, |range| Compared::of(&draw(seed, range).expect("CPython 3.13 is needed to draw cases")))
    {
        compared.add(part);
    }
    let cases = compared.the_same();
    println!("{cases} cases of seed {seed}: the same bytes, in {} s", begun.elapsed().as_secs());
}

/// All cases of a seed up to a number, drawn on every core.
fn draw_all(seed: usize, cases: usize) -> Option<String> {
    in_chunks(cases, |range| draw(seed, range)).into_iter().collect()
}

/// Cases that CPython 3.13 draws and answers, if it is there.
fn draw(seed: usize, range: Range<usize>) -> Option<String> {
    let cases = format!("{}:{}", range.start, range.end);
    run("corpus.py", &["--seed", &seed.to_string(), "--cases", &cases])
}

/// What a script beside this file prints in CPython 3.13, if it is there.
pub(crate) fn run(script: &str, arguments: &[&str]) -> Option<String> {
    // A version manager's shim asks for the variable; nobody else minds.
    let python =
        |arguments: &[&str]| Command::new("python3.13").args(arguments).env("PYENV_VERSION", "3.13.0").output();
    python(&["--version"]).ok().filter(|output| output.status.success())?;
    let script = format!("{}/tests/cli/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = python(&[&[&*script], arguments].concat()).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
