//! What CPython's `logging.Formatter` answers, case by case: `corpus.jsonl`, written by `corpus.py`.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use logtree_core::{Argument, Formatter, Kwargs, Value};
use logtree_formatters::{FormatterConfig, Style};
use serde_json::Value as Json;

use crate::corpus::{self, Differences, answer, arguments, corpus, of_kind};
use crate::specimen::{Specimen, Tagged};

fn formatter(style: Style, format: &str, datefmt: Option<&str>, defaults: &Json) -> Arc<dyn Formatter> {
    let config = FormatterConfig {
        style,
        format: Some(format.to_owned()),
        datefmt: datefmt.map(str::to_owned),
        validate: false,
        defaults: arguments(defaults),
        ..FormatterConfig::default()
    };
    config.build().unwrap()
}

/// The style of a case's format.
fn style(case: &Json) -> Style {
    match case.get("style").map(|style| style.as_str().unwrap()) {
        Some("{") => Style::Brace,
        Some("$") => Style::Dollar,
        _ => Style::Percent,
    }
}

#[test]
fn conversions() {
    values_in_style(Style::Percent, "values");
}

#[test]
fn format_specs() {
    values_in_style(Style::Brace, "spec_values");
}

fn values_in_style(of: Style, values: &str) {
    let corpus = corpus();
    let mut differences = Differences::default();
    let values: Vec<Tagged> = of_kind(&corpus, values).as_array().unwrap().iter().map(Tagged::new).collect();
    let is_of_values = |case: &&Json| case.get("at").is_some() && case.get("format").is_some() && style(case) == of;
    for case in corpus.iter().filter(is_of_values) {
        let format = case["format"].as_str().unwrap();
        let formatter = formatter(of, format, None, &Json::Null);
        for (at, theirs) in case["at"].as_array().unwrap().iter().zip(case["results"].as_array().unwrap()) {
            let value = values[at.as_u64().unwrap() as usize].value();
            let mut specimen = Specimen::python();
            specimen.field("x", value);
            differences.compare(|| format!("{format:?} of {value:?}"), &answer(&*formatter, &specimen), theirs);
        }
    }
}

#[test]
fn broken_formats() {
    let mut differences = Differences::default();
    let mut specimen = Specimen::python();
    specimen.message = "the message".into();
    specimen.field("x", Value::I64(42));
    specimen.field("s", Value::Str("text"));
    let corpus = corpus();
    let mut story = Specimen::of_json(&of_kind(&corpus, "records")[0]);
    let numbers = [("x", 42), ("w", 7), ("p", 2)].map(|(name, number)| (name, Value::I64(number)));
    for (name, value) in numbers.into_iter().chain([("s", Value::Str("text")), ("e", Value::Str(""))]) {
        story.field(name, value);
    }
    for case in corpus.iter().filter(|case| case.get("broken").is_some()) {
        let (style, format) = (style(case), case["broken"].as_str().unwrap());
        let config = FormatterConfig { style, format: Some(format.to_owned()), ..FormatterConfig::default() };
        let refused = config.build().err().map_or(Json::Null, |error| Json::from(error.message));
        differences.compare(|| format!("Formatter({format:?}, style={style:?})"), &refused, &case["refused"]);
        // DIFFERENCE: a conversion without a name, which prints the dict of all attributes in Python, is an error.
        if !case["result"].is_null() {
            let specimen = if style == Style::Percent { &specimen } else { &story };
            let ours = answer(&*formatter(style, format, None, &Json::Null), specimen);
            differences.compare(|| format!("{format:?} in {style:?}"), &ours, &case["result"]);
        }
    }
}

/// A process has one time zone: each zone gets a process of its own, this program with another `TZ`.
#[test]
fn records_and_times_in_each_zone() {
    let corpus = corpus();
    let zones: BTreeSet<&str> = corpus.iter().filter_map(|case| case.get("zone")?.as_str()).collect();
    assert!(zones.contains(RECORDS_ZONE) && zones.len() > 5);
    for zone in zones {
        let arguments = ["cpython::in_one_zone", "--exact", "--ignored", "--nocapture"];
        let child = Command::new(std::env::current_exe().unwrap()).args(arguments).env("TZ", zone).output().unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "TZ={zone}\n{said}{child:?}");
    }
}

/// The zone in which `corpus.py` formats its records.
const RECORDS_ZONE: &str = "UTC0";

#[test]
#[ignore = "records_and_times_in_each_zone runs it, once for each zone"]
fn in_one_zone() {
    let zone = std::env::var("TZ").unwrap();
    let corpus = corpus();
    times(&corpus, &zone);
    time_attributes(&corpus, &zone);
    if zone == RECORDS_ZONE {
        records(&corpus);
    }
}

fn times(corpus: &[Json], zone: &str) {
    let mut differences = Differences::default();
    let instants: Vec<i64> = of_kind(corpus, "instants").as_array().unwrap().iter().filter_map(Json::as_i64).collect();
    for case in corpus.iter().filter(|case| case["zone"] == zone && case.get("datefmt").is_some()) {
        let datefmt = case["datefmt"].as_str().unwrap();
        let formatter = formatter(Style::Percent, "%(asctime)s", Some(datefmt), &Json::Null);
        for (at, theirs) in case["at"].as_array().unwrap().iter().zip(case["results"].as_array().unwrap()) {
            let second = instants[at.as_u64().unwrap() as usize];
            let mut specimen = Specimen::python();
            specimen.attribute("created", Value::F64(second as f64));
            differences.compare(
                || format!("{datefmt:?} at {second} in {zone}"),
                &answer(&*formatter, &specimen),
                theirs,
            );
        }
    }
}

fn time_attributes(corpus: &[Json], zone: &str) {
    let mut differences = Differences::default();
    let records = specimens(corpus, "time_records");
    for case in corpus.iter().filter(|case| case["zone"] == zone && case.get("made").is_some()) {
        let format = Argument::Str(case["format"].as_str().unwrap().to_owned());
        let arguments = vec![("fmt".into(), format), ("validate".into(), Argument::Bool(false))];
        let kwargs = Kwargs::new("Formatter()", arguments).of_entry("f", corpus::arguments(&case["made"]));
        let formatter = FormatterConfig::from_kwargs(kwargs).unwrap().build().unwrap();
        for (specimen, theirs) in records.iter().zip(case["results"].as_array().unwrap()) {
            differences.compare(|| format!("{case} {specimen:?}"), &answer(&*formatter, specimen), theirs);
        }
    }
}

fn specimens(corpus: &[Json], kind: &str) -> Vec<Specimen> {
    of_kind(corpus, kind).as_array().unwrap().iter().map(Specimen::of_json).collect()
}

fn records(corpus: &[Json]) {
    let mut differences = Differences::default();
    let records = specimens(corpus, "records");
    let is_of_records =
        |case: &&Json| ["at", "made"].iter().all(|key| case.get(key).is_none()) && case.get("format").is_some();
    for case in corpus.iter().filter(is_of_records) {
        let format = case["format"].as_str().unwrap();
        let formatter = formatter(style(case), format, None, &case["defaults"]);
        for (specimen, theirs) in records.iter().zip(case["results"].as_array().unwrap()) {
            let ours = answer(&*formatter, specimen);
            differences.compare(|| format!("{format:?} {} {specimen:?}", case["defaults"]), &ours, theirs);
        }
    }
}

/// Where there is a CPython 3.13, it is asked again: the corpus is what it says, whatever we make of it.
#[test]
fn the_corpus_is_cpythons() {
    let Some(python) = corpus::python() else {
        println!("no CPython 3.13 here: the corpus was used as it is");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formatters/corpus.py");
    corpus::assert_is_fresh(python, script, corpus::TEXT);
}
