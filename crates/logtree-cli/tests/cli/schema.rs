//! `logtree schema`: what `logtree check` accepts is valid, and what a schema can see to be wrong is not.

mod evaluator;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use logtree_dictconfig::{Config, Format};
use serde_json::{Value, json};

use crate::support::Place;
use evaluator::Evaluator;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../logtree-dictconfig/tests/data");

/// What is refused among the verdicts and valid all the same: it takes the whole of a config to see, or Python's modules.
const UNSEEN: &[&str] = &[
    "$ style bare",
    "bad % format",
    "filter () missing",
    "formatter bad attr",
    "formatter bad class",
    "handler () not callable",
    "handler bad filter",
    "handler bad formatter",
    "handler class bare name",
    "handler class is function",
    "handler class unresolvable attr",
    "handler class unresolvable module",
    "handler stream bad cfg",
    "handler stream bad ext",
    "handler stream bad ext mod",
    "handler stream malformed cfg",
    "handler stream malformed cfg2",
    "incremental unknown handler",
    "logger bad filter",
    "logger bad handler",
    "memory cycle",
    "memory target missing",
    "memory target self",
    "queue unknown handler",
    "root bad handler",
    "{ style mismatch",
];

/// What is accepted and not valid: a string as the list of its characters, of which `check` warns.
const A_STRING_FOR_A_LIST: &[&str] = &["handler filters str", "logger handlers str"];

fn schema() -> Value {
    let said = Place::new().run(&["schema"], "");
    assert_eq!((said.code, said.stderr.is_empty()), (Some(0), true));
    serde_json::from_slice(&said.stdout).unwrap()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{DATA}/{name}")).unwrap()
}

/// The configs that there are in the wild; each is accepted once its project's own classes are there.
fn wild() -> Vec<(String, Value)> {
    let paths = std::fs::read_dir(format!("{DATA}/configs")).unwrap().map(|entry| entry.unwrap().path());
    let configs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).map(|path| {
        let config = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), config)
    });
    configs.collect()
}

/// The configs that CPython was asked about one by one.
fn verdicts() -> Vec<(String, Value)> {
    let cases: Vec<Value> = serde_json::from_str(&read("verdicts.json")).unwrap();
    cases.iter().map(|case| (case["case"].as_str().unwrap().to_owned(), case["config"].clone())).collect()
}

/// Configs with something wrong in them, or not.
fn mutations() -> Vec<(String, Value)> {
    let cases =
        read("mutations.jsonl").lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    // What is no JSON is nothing that a schema is asked about.
    let config = |case: &Value| serde_json::from_str(case["config"].as_str().unwrap()).ok();
    cases.iter().enumerate().filter_map(|(at, case)| Some((at.to_string(), config(case)?))).collect()
}

fn is_accepted(config: &Value) -> bool {
    let registry = logtree::registry();
    Config::new(&registry).parse(&config.to_string(), Format::Json, "config").is_ok()
}

#[test]
fn configs_of_the_wild_are_valid() {
    let schema = schema();
    let evaluator = Evaluator::new(&schema);
    let wild = wild();
    assert!(wild.len() >= 25, "{}", wild.len());
    for (name, config) in wild {
        assert!(evaluator.is_valid(&config), "{name}");
    }
}

#[test]
fn what_is_accepted_is_valid_and_what_can_be_seen_to_be_wrong_is_not() {
    let schema = schema();
    let evaluator = Evaluator::new(&schema);
    let (mut refused_and_valid, mut accepted_and_invalid) = (BTreeSet::new(), BTreeSet::new());
    for (name, config) in verdicts() {
        match (is_accepted(&config), evaluator.is_valid(&config)) {
            (true, false) => accepted_and_invalid.insert(name),
            (false, true) => refused_and_valid.insert(name),
            _ => continue,
        };
    }
    assert_eq!(refused_and_valid, UNSEEN.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(accepted_and_invalid, A_STRING_FOR_A_LIST.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn mutated_configs_that_are_accepted_are_valid_and_most_others_are_not() {
    let schema = schema();
    let evaluator = Evaluator::new(&schema);
    let (mut seen, mut refused) = (0, 0);
    for (name, config) in mutations() {
        let is_valid = evaluator.is_valid(&config);
        if is_accepted(&config) {
            assert!(is_valid || has_a_string_for_a_list(&config), "{name}: {config}");
        } else {
            refused += 1;
            seen += u32::from(!is_valid);
        }
    }
    println!("the schema sees {seen} of {refused} refused configs");
    assert!(seen * 100 > refused * 60, "{seen} of {refused}");
}

/// Whether `handlers` or `filters` of a logger or handler is a string.
fn has_a_string_for_a_list(config: &Value) -> bool {
    let is_string = |entry: &Value| ["handlers", "filters"].iter().any(|key| entry[*key].is_string());
    let sections = ["handlers", "loggers"].iter().filter_map(|key| config[*key].as_object());
    sections.flat_map(|section| section.values()).chain([&config["root"]]).any(is_string)
}

#[test]
fn logtrees_own_keys_are_known_with_their_types() {
    let schema = schema();
    let evaluator = Evaluator::new(&schema);
    let with = |section: &str, entry: Value| json!({"version": 1, section: {"x": entry}});
    let is_valid = |config: &Value| {
        // The check is asked too: the schema must not know better.
        let is_valid = evaluator.is_valid(config);
        assert_eq!(is_valid, is_accepted(config), "{config}");
        is_valid
    };
    let file = |more: (&str, Value)| {
        let mut entry = json!({"class": "logging.handlers.RotatingFileHandler", "filename": "a", "backupCount": 1});
        entry[more.0] = more.1;
        with("handlers", entry)
    };
    let queue = |more: (&str, Value)| {
        let mut queue = json!({"()": "multiprocessing.Queue"});
        queue[more.0] = more.1;
        with("handlers", json!({"class": "logging.handlers.QueueHandler", "queue": queue}))
    };
    let filter = |class: &str, more: Value| {
        let mut entry = more;
        entry["()"] = format!("logtree.{class}").into();
        with("filters", entry)
    };
    for good in [
        json!({"version": 1, "$schema": "logtree.schema.json", "env": true, "levels": {"NOTICE": 25}}),
        json!({"version": 1, "levels": {"NOTICE": 25}, "root": {"level": "NOTICE"}}),
        file(("maxBytes", json!("100 MiB"))),
        file(("compress", json!("gz"))),
        queue(("overflow", json!("block"))),
        queue(("capacity", json!("1 MiB"))),
        queue(("listener_in", json!("thread"))),
        filter("RateLimitFilter", json!({"rate": 10, "per": 0.5, "by": ["name", "user"]})),
        filter("LevelRangeFilter", json!({"max_level": "INFO"})),
        with("formatters", json!({"()": "logtree.JsonFormatter", "utc": false})),
        with(
            "handlers",
            json!({"class": "tracing_appender.rolling.RollingFileAppender", "directory": "d", "rotation": "daily"}),
        ),
    ] {
        assert!(is_valid(&good), "{good}");
    }
    for bad in [
        json!({"version": 2}),
        json!({"version": 1, "levels": {"NOTICE": "25"}}),
        json!({"version": 1, "root": {"level": "NOTICE"}}),
        json!({"version": 1, "root": {"level": "info"}}),
        file(("maxBytes", json!("100 MB of text"))),
        file(("maxbytes", json!(1))),
        file(("compress", json!("bz2"))),
        queue(("overflow", json!("wait"))),
        queue(("size", json!(1))),
        filter("RateLimitFilter", json!({"per": 1})),
        filter("RateLimitFilter", json!({"rate": 0})),
        filter("RateLimitFilter", json!({"rate": "10"})),
        filter("LevelRangeFilter", json!({"max_level": "info"})),
        with("formatters", json!({"()": "logtree.JsonFormatter", "ident": 2})),
        with("handlers", json!({"class": "tracing_appender.rolling.RollingFileAppender", "rotation": "daily"})),
        with("handlers", json!({"filename": "x"})),
    ] {
        assert!(!is_valid(&bad), "{bad}");
    }
}

#[test]
fn a_schema_named_in_a_config_is_no_unknown_key() {
    let registry = logtree::registry();
    let text = r#"{"version": 1, "$schema": "logtree.schema.json", "root": {"level": "INFO"}}"#;
    let plan = Config::new(&registry).parse(text, Format::Json, "config").unwrap();
    assert!(plan.warnings().is_empty(), "{:?}", plan.warnings());
}

/// Needs Python's jsonschema: `pip install jsonschema`, in the `python3` that is found first or in that which
/// `LOGTREE_JSONSCHEMA_PYTHON` names.
#[test]
fn pythons_jsonschema_says_the_same() {
    let named = std::env::var("LOGTREE_JSONSCHEMA_PYTHON").ok();
    let has_it = |python: &&str| {
        let output = Command::new(python).args(["-c", "import jsonschema"]).stderr(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success())
    };
    let candidates = named.iter().map(String::as_str).chain(["python3.13", "python3"]);
    let Some(python) = candidates.into_iter().find(has_it) else {
        println!("skipped: there is no Python with jsonschema here; LOGTREE_JSONSCHEMA_PYTHON may name one");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("schema.json");
    let schema = schema();
    std::fs::write(&file, schema.to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/schema.py");
    let mut command = Command::new(python);
    command.arg(script).arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let configs: Vec<(String, Value)> = [wild(), verdicts(), mutations()].concat();
    let lines: String = configs.iter().map(|(_, config)| format!("{}\n", Value::String(config.to_string()))).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "schema.py failed");
    let said = String::from_utf8(output.stdout).unwrap();
    let evaluator = Evaluator::new(&schema);
    let theirs: Vec<bool> = said.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(theirs.len(), configs.len());
    for ((name, config), theirs) in configs.iter().zip(theirs) {
        assert_eq!(evaluator.is_valid(config), theirs, "{name}: {config}");
    }
    println!("jsonschema said the same to {} configs", configs.len());
}
