//! Random configs and events through `logtree emit` and through CPython: the same bytes in every file.
//!
//! `corpus.jsonl` holds 500 cases with CPython's answers, so that the test needs no Python. Where CPython 3.13 is at hand
//! the corpus is made again and must be the same. More cases, of any seed:
//!
//! ```text
//! LOGTREE_CASES=5000 LOGTREE_SEED=7 cargo test -p logtree-cli --test cli -- --ignored --nocapture fresh_cases
//! ```

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{Place, Said};

const CORPUS: &str = include_str!("corpus.jsonl");

/// How many cases `corpus.jsonl` has.
const CASES: usize = 500;

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
        inputs.write("config.json", case["config"].as_str().unwrap());
        let config = inputs.path("config.json");
        let lines: String =
            case["events"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned() + "\n").collect();
        let mut command = place.command(&["emit", config.to_str().unwrap()]);
        let said = Said::of(command.env("TZ", case["tz"].as_str().unwrap()), &lines);
        let file = |name: String| (name.clone(), as_text(&place.read(&name)));
        Self {
            code: said.code,
            files: place.files().into_iter().map(file).collect(),
            stdout: as_text(&said.stdout),
            stderr: is_stderr_compared.then(|| as_text(&said.stderr)),
        }
    }
}

/// Bytes as the characters of the same numbers, as the corpus has them.
fn as_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn compare(corpus: &str) -> usize {
    let cases: Vec<Json> = corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let differing = cases.iter().filter_map(|case| {
        let theirs = Answer::of_cpython(case);
        let ours = Answer::of_logtree(case, theirs.stderr.is_some());
        (ours != theirs).then(|| format!("{case:#}\nlogtree: {ours:#?}\nCPython: {theirs:#?}"))
    });
    let differing: Vec<String> = differing.collect();
    let first = differing.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(differing.is_empty(), "{} of {} cases differ:\n{first}", differing.len(), cases.len());
    cases.len()
}

#[test]
fn the_corpus_is_answered_as_by_cpython() {
    assert_eq!(compare(CORPUS), CASES);
}

#[test]
fn the_corpus_says_something() {
    // A generator whose records all end at some level would pass any emitter.
    let has = |case: &Json, key: &str| case[key].as_str().is_some_and(|text| !text.is_empty());
    let written = |case: &Json| case["files"].as_object().is_some_and(|files| files.values().any(|text| text != ""));
    let cases: Vec<Json> = CORPUS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.iter().filter(|case| written(case)).count() > 150);
    assert!(cases.iter().filter(|case| has(case, "stdout")).count() > 80);
    assert!(cases.iter().filter(|case| has(case, "stderr")).count() > 80);
    for code in 0..=2 {
        assert!(cases.iter().filter(|case| case["code"] == code).count() >= 10, "exit code {code}");
    }
}

#[test]
fn the_corpus_is_cpythons() {
    let Some(fresh) = draw(1, CASES) else {
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
    let fresh = draw(seed, cases).expect("CPython 3.13 is needed to draw cases");
    println!("{} cases of seed {seed}: the same bytes", compare(&fresh));
}

/// Cases that CPython 3.13 draws and answers, if it is there.
fn draw(seed: usize, cases: usize) -> Option<String> {
    // A version manager's shim asks for the variable; nobody else minds.
    let python =
        |arguments: &[&str]| Command::new("python3.13").args(arguments).env("PYENV_VERSION", "3.13.0").output();
    python(&["--version"]).ok().filter(|output| output.status.success())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/corpus.py");
    let output = python(&[script, "--seed", &seed.to_string(), "--cases", &cases.to_string()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
