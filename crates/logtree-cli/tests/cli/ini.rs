//! Random configs in INI and events through `logtree emit` and through CPython's fileConfig: the same bytes in every file.

use serde_json::Value as Json;

use crate::differential::{Compared, run};

const CORPUS: &str = include_str!("ini_corpus.jsonl");

#[test]
fn the_corpus_is_answered_as_by_cpython() {
    assert_eq!(Compared::of(CORPUS).the_same(), 250);
    // A generator whose records all end at some level would pass any emitter.
    let is_written = |case: &Json| {
        let files = case["files"].as_object().into_iter().flatten();
        files
            .map(|(_, text)| text)
            .chain([&case["stdout"]])
            .any(|text| text.as_str().is_some_and(|text| !text.is_empty()))
    };
    let cases: Vec<Json> = CORPUS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.iter().filter(|case| is_written(case)).count() > 100);
}

#[test]
fn the_corpus_is_cpythons() {
    match run("ini_corpus.py", &[]) {
        Some(fresh) => assert!(fresh == CORPUS, "run ini_corpus.py again"),
        None => println!("no CPython 3.13 here: the corpus was used as it is"),
    }
}
