//! Random events through configs with python-json-logger's formatters: the same bytes as by that package.
//!
//! `json_corpus.jsonl` holds 200 cases with its answers; where it is installed the corpus is made again and must be the
//! same.

use std::process::Command;

use crate::differential::{Compared, run};

const CORPUS: &str = include_str!("json_corpus.jsonl");

/// How many cases it has.
const CASES: usize = 200;

#[test]
fn the_corpus_is_answered_as_by_python_json_logger() {
    assert_eq!(Compared::of(CORPUS).the_same(), CASES);
}

#[test]
fn the_corpus_is_python_json_loggers() {
    let version = "import importlib.metadata as m; print(m.version('python-json-logger'))";
    // A version manager's shim asks for the variable; nobody else minds.
    let output = Command::new("python3.13").args(["-c", version]).env("PYENV_VERSION", "3.13.0").output();
    let fresh = output.ok().filter(|output| output.stdout == b"4.2.0\n").and_then(|_| run("json_corpus.py", &[]));
    let Some(fresh) = fresh else {
        println!("no CPython 3.13 with python-json-logger 4.2.0 here: the corpus was used as it is");
        return;
    };
    let different = fresh.lines().zip(CORPUS.lines()).find(|(fresh, kept)| fresh != kept);
    assert_eq!((different, fresh.lines().count()), (None, CASES), "run json_corpus.py again");
    println!("python-json-logger was asked again and said the same");
}
