//! The arguments of handlers that logtree does not have: `data/absent.jsonl`, what CPython 3.13 says to them.

use serde_json::Value;

use super::drawn::draw_again;
use super::parse;

const CORPUS: &str = include_str!("../data/absent.jsonl");

#[test]
fn arguments_of_handlers_that_are_not_there_are_answered_as_by_cpython() {
    let mut refused = 0;
    for line in CORPUS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let config = serde_json::json!({"version": 1, "handlers": {"h": case["handler"]}}).to_string();
        // DIFFERENCE: CPython's own classes of lists and dicts have names of theirs, and it tries `strm` for `stream`.
        let said = |said: &Value| {
            let said = said.as_str().unwrap().replace("'strm'", "'stream'");
            said.replace("ConvertingList", "list").replace("ConvertingDict", "dict")
        };
        let cpython: Vec<String> = case["cpython"].as_array().unwrap().iter().map(said).collect();
        let outcome = parse(&config);
        let first = outcome.as_ref().err().and_then(|problems| problems.iter().find(|problem| problem.is_error()));
        assert_eq!(first.map(super::chain).unwrap_or_default(), cpython, "{config}");
        if let Ok(plan) = &outcome {
            // Of the classes that CPython was asked about some are there by now.
            if plan.handlers()[0].is_available() {
                continue;
            }
            let problems = outcome.unwrap().build().unwrap_err();
            assert!(
                problems.is_not_built() && problems.to_string().contains("is not available"),
                "{config}: {problems}"
            );
        } else {
            refused += 1;
        }
    }
    assert!(refused > 50 && refused < CORPUS.lines().count() - 50);
}

#[test]
fn the_corpus_of_arguments_is_cpythons() {
    draw_again("../data/absent.py", "", CORPUS);
}

#[test]
fn a_facility_that_syslog_does_not_have_is_a_warning() {
    // CPython 3.13 takes it, and raises KeyError at each record.
    let text = r#"{"version": 1, "handlers": {"h": {"class": "logging.handlers.SysLogHandler", "facility": "locl0"}}}"#;
    let warnings = super::warnings(text);
    let expected = "logging.json:1:90: handlers.h.facility: warning: SysLogHandler has no facility 'locl0', and so loses \
                    each record (did you mean 'local0'?)";
    assert_eq!(warnings[0], expected);
    assert!(super::warnings(&text.replace("locl0", "local0")).iter().all(|warning| !warning.contains("facility")));
}
