//! What python-json-logger's `JsonFormatter` answers, case by case: `json_corpus.jsonl`, written by `json_corpus.py`.

use std::process::Command;
use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Formatter, Kwargs, Object};
use logtree_formatters::PythonJsonFormatterConfig;
use serde_json::Value as Json;

use crate::corpus::{self, Differences, answer};
use crate::specimen::{Specimen, Tagged, members};

const TEXT: &str = include_str!("json_corpus.jsonl");

/// The zone in which `json_corpus.py` formats.
const ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn argument(json: &Json) -> Argument {
    match json {
        Json::Array(items) => Argument::List(items.iter().map(argument).collect()),
        Json::Object(tagged) => {
            if let Some(items) = tagged.get("map") {
                return Argument::Map(arguments(items));
            }
            if let Some(name) = tagged.get("object") {
                return Argument::Object(Object::new(name.as_str().unwrap(), ()));
            }
            match Tagged::new(json) {
                // DIFFERENCE: no integer of a config is larger; they all fit but this.
                Tagged::Signed(number) => i64::try_from(number).map_or(Argument::Float(number as f64), Argument::Int),
                Tagged::Float(number) => Argument::Float(number),
                other => panic!("{other:?}"),
            }
        }
        Json::Null => Argument::None,
        Json::Bool(value) => Argument::Bool(*value),
        Json::String(text) => Argument::Str(text.clone()),
        Json::Number(_) => panic!("{json}"),
    }
}

fn arguments(pairs: &Json) -> Vec<(String, Argument)> {
    members(pairs).into_iter().map(|(name, value)| (name, argument(&value))).collect()
}

fn formatter(arguments: Vec<(String, Argument)>) -> Result<Arc<dyn Formatter>, ArgumentError> {
    let kwargs = Kwargs::new("BaseJsonFormatter.__init__()", arguments);
    PythonJsonFormatterConfig::from_kwargs(kwargs)?.build()
}

/// A process has one time zone: it gets one of its own, this program with another `TZ`.
#[test]
fn objects_are_python_json_loggers() {
    let arguments = ["json_python::in_the_zone", "--exact", "--ignored", "--nocapture"];
    let child = Command::new(std::env::current_exe().unwrap()).args(arguments).env("TZ", ZONE).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}{child:?}");
    print!("{said}");
}

#[test]
#[ignore = "objects_are_python_json_loggers runs it, in the right time zone"]
fn in_the_zone() {
    let mut differences = Differences::default();
    let mut lines = TEXT.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let records = lines.next().unwrap();
    let records: Vec<Specimen> = records["records"].as_array().unwrap().iter().map(Specimen::of_json).collect();
    for case in lines {
        let formatter = formatter(arguments(&case["arguments"]));
        for (at, theirs) in case["at"].as_array().unwrap().iter().zip(case["results"].as_array().unwrap()) {
            let specimen = &records[at.as_u64().unwrap() as usize];
            let ours = match &formatter {
                Ok(formatter) => answer(&**formatter, specimen),
                Err(error) => Json::from(vec![error.to_string()]),
            };
            if is_renamed(&case) {
                // dictConfig gives the class its format under this name, and takes the error for a reason to say `fmt`.
                assert!(ours.is_string() && theirs.is_array());
                continue;
            }
            differences.compare(|| format!("{} {specimen:?}", case["arguments"]), &ours, theirs);
        }
    }
}

fn is_renamed(case: &Json) -> bool {
    members(&case["arguments"]).iter().any(|(name, _)| name == "format")
}

/// Where there is the package, it is asked again: the corpus is what it says, whatever we make of it.
#[test]
fn the_corpus_is_python_json_loggers() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formatters/json_corpus.py");
    let version = "import importlib.metadata as m; print(m.version('python-json-logger'))";
    let python = corpus::python().filter(|python| {
        let output = python.command().args(["-c", version]).output().unwrap();
        output.stdout == b"4.2.0\n"
    });
    let Some(python) = python else {
        println!("no CPython 3.13 with python-json-logger 4.2.0 here: the corpus was used as it is");
        return;
    };
    corpus::assert_is_fresh(python, script, TEXT);
}
