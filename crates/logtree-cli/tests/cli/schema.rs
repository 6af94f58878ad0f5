//! `logtree schema`: what `logtree check` accepts is valid, and what a schema can see to be wrong is not.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

use jsonschema::Validator;
use logtree_dictconfig::{Config, Format};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestRunner};
use serde_json::{Value, json};

use crate::support::Place;

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

fn schema() -> Value {
    let said = Place::new().run(&["schema"], "");
    assert_eq!((said.code, said.stderr.is_empty()), (Some(0), true));
    serde_json::from_slice(&said.stdout).unwrap()
}

fn validator() -> Validator {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
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
    let validator = validator();
    let wild = wild();
    assert!(wild.len() >= 25, "{}", wild.len());
    for (name, config) in wild {
        assert!(validator.is_valid(&config), "{name}");
    }
}

#[test]
fn what_is_accepted_is_valid_and_what_can_be_seen_to_be_wrong_is_not() {
    let validator = validator();
    let (mut refused_and_valid, mut accepted_and_invalid) = (BTreeSet::new(), BTreeSet::new());
    for (name, config) in verdicts() {
        match (is_accepted(&config), validator.is_valid(&config)) {
            (true, false) => accepted_and_invalid.insert(name),
            (false, true) => refused_and_valid.insert(name),
            _ => continue,
        };
    }
    assert_eq!(refused_and_valid, UNSEEN.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(accepted_and_invalid, BTreeSet::new());
}

#[test]
fn mutated_configs_that_are_accepted_are_valid_and_most_others_are_not() {
    let validator = validator();
    let (mut seen, mut refused) = (0, 0);
    for (name, config) in mutations() {
        let is_valid = validator.is_valid(&config);
        if is_accepted(&config) {
            assert!(is_valid, "{name}: {config}");
        } else {
            refused += 1;
            seen += u32::from(!is_valid);
        }
    }
    println!("the schema sees {seen} of {refused} refused configs");
    assert!(seen * 100 > refused * 60, "{seen} of {refused}");
}

#[test]
fn logtrees_own_keys_are_known_with_their_types() {
    let validator = validator();
    let with = |section: &str, entry: Value| json!({"version": 1, section: {"x": entry}});
    let is_valid = |config: &Value| {
        // The check is asked too: the schema must not know better.
        let is_valid = validator.is_valid(config);
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
        file(("namer", json!("{stem}.{suffix}{ext}"))),
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
        file(("namer", json!("archive/{name}.{suffix}"))),
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

/// Values of all kinds, and words that mean something somewhere.
fn values() -> Vec<Value> {
    let words = [
        "",
        "a",
        "ab",
        "x",
        "INFO",
        "info",
        "%",
        "{",
        "gz",
        "drop",
        "block",
        "thread",
        "daily",
        "midnight",
        "W6",
        "GET",
        "event",
        "64 KiB",
        "100 MiB",
        "14 days",
        "0.5",
        "640",
        "utf-8",
        "w",
        "a.log",
        "%(message)s",
        "{message}",
        "${message}",
        "ext://sys.stdout",
        "cfg://handlers",
        "sys.stdout",
        "logging.handlers.QueueListener",
        "multiprocessing.Queue",
        "close",
        "level",
        "strict",
        "u=rw",
        "root",
        "a=b",
        "1 d",
        "/tmp",
        "1",
        "1 KiB",
        "2024-01-01",
        "12:30",
        "https://example.org/x",
        "(",
        "name",
    ];
    let lists =
        [json!([]), json!(["a"]), json!(["a", "b"]), json!([1]), json!([null]), json!([["a"]]), json!(["a", 1])];
    let dicts = [
        json!({}),
        json!({"a": "b"}),
        json!({"a": 1}),
        json!({"a": "b", "c": 1}),
        json!({"()": "multiprocessing.Queue"}),
        json!({"()": 1}),
    ];
    let numbers = [json!(0), json!(1), json!(-1), json!(20), json!(4096), json!(0.5), json!(-0.5)];
    let others = [json!(null), json!(true), json!(false)];
    let words = words.into_iter().map(Value::from);
    words.chain(lists).chain(dicts).chain(numbers).chain(others).collect()
}

/// What JSON Schema tells apart; a whole number that is written as a fraction is a matter of opinion.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether it stands for something else.
fn is_reference(value: &Value) -> bool {
    let is_made = value.get("()").is_some();
    is_made || value.as_str().is_some_and(|text| text.contains("://") || text.contains("${"))
}

/// Where something can be another value: the place's pointer.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            places(value, format!("{at}/{key}"), all);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, format!("{at}/{index}"), all));
        }
        _ => {}
    }
    all.push(at);
}

/// A change: at some place another value, or a key more.
fn change() -> impl Strategy<Value = (Index, Option<&'static str>, Value)> {
    let keys = [
        "level",
        "handlers",
        "filters",
        "propagate",
        "span_events",
        "class",
        "()",
        "formatter",
        "format",
        "style",
        "datefmt",
        "queue",
        "listener",
        "respect_handler_level",
        "target",
        "capacity",
        "flushLevel",
        "filename",
        "mode",
        "encoding",
        "delay",
        "maxBytes",
        "backupCount",
        "compress",
        "stream",
        "name",
        "root",
        "loggers",
        "incremental",
        "levels",
        "env_levels",
        "disable_existing_loggers",
        "validate",
        "defaults",
        ".",
        "a",
    ];
    (any::<Index>(), prop_oneof![Just(None), select(keys.to_vec()).prop_map(Some)], select(values()))
}

#[test]
fn random_configs_that_are_accepted_are_valid() {
    let validator = validator();
    let all = [wild(), verdicts(), mutations()].concat().into_iter().map(|(_, config)| config);
    let bases: Vec<Value> = all.filter(is_accepted).collect();
    // Names that are characters, so that a string can stand for a list of them.
    let small = json!({
        "version": 1, "filters": {"a": {}, "b": {"name": "x"}}, "formatters": {"a": {"format": "%(message)s"}},
        "handlers": {"a": {"class": "logging.NullHandler"}, "b": {"class": "logging.StreamHandler", "formatter": "a"}},
        "loggers": {"x": {"handlers": ["a"], "filters": ["a"], "level": 10}}, "root": {"handlers": ["a", "b"], "level": "INFO"},
    });
    let base = prop_oneof![select(bases), Just(small)];
    let accepted = std::cell::Cell::new(0_u32);
    let cases = 1_000;
    let asked = std::env::var("LOGTREE_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed: u64 = asked.unwrap_or_else(|| RandomState::new().hash_one(()));
    println!("LOGTREE_SEED={seed} makes the same configs again");
    let rng_seed = RngSeed::Fixed(seed);
    let mut runner =
        TestRunner::new(ProptestConfig { cases, rng_seed, failure_persistence: None, ..Default::default() });
    let changed = (base, proptest::collection::vec(change(), 1..3)).prop_map(|(mut config, changes)| {
        for (index, key, value) in changes {
            let mut all = Vec::new();
            places(&config, String::new(), &mut all);
            let place = config.pointer_mut(index.get::<String>(&all)).unwrap();
            match (place, key) {
                (Value::Object(entries), Some(key)) => drop(entries.insert(key.to_owned(), value)),
                (place, _) => *place = value,
            }
        }
        config
    });
    let outcome = runner.run(&changed, |config| {
        if is_accepted(&config) {
            accepted.set(accepted.get() + 1);
            prop_assert!(validator.is_valid(&config), "{config}");
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(accepted.get() * 10 > cases, "only {} of {cases} were accepted", accepted.get());
}

/// Each argument that the schema knows, of each class, with values of all kinds: what is accepted is valid, by `class` and by
/// `()`, and of a type of which nothing is accepted nothing is valid. Which texts an argument takes may be the class's own secret, not so their type.
#[test]
fn arguments_are_valid_where_they_are_accepted_and_of_no_other_type() {
    let (schema, validator) = (schema(), validator());
    let (mut asked, mut refused_types, mut too_much, mut too_little) = (0, 0, BTreeSet::new(), BTreeSet::new());
    for (class, definition) in schema["$defs"].as_object().unwrap() {
        let Some(properties) = definition["properties"].as_object() else { continue };
        let mut bases: Vec<(Value, String)> =
            ["class", "()"].into_iter().filter_map(|key| accepted_entry(class, key, definition)).collect();
        assert!(!bases.is_empty(), "nothing makes a {class}");
        // Beside which others mean something.
        for (companion, value) in [("buffering", json!("64 KiB")), ("secure", json!(true))] {
            if properties.contains_key(companion) {
                for (base, pointer) in &mut bases {
                    base.pointer_mut(pointer).unwrap()[companion] = value.clone();
                }
            }
        }
        let keywords = properties.keys().filter(|keyword| !["()", "class", "."].contains(&keyword.as_str()));
        for (keyword, (base, pointer)) in keywords.flat_map(|keyword| bases.iter().map(move |base| (keyword, base))) {
            let mut types: BTreeMap<&str, Vec<(Value, bool)>> = BTreeMap::new();
            for value in values() {
                let mut config = base.clone();
                config.pointer_mut(pointer).unwrap()[keyword] = value.clone();
                let (is_accepted, is_valid) = (is_accepted(&config), validator.is_valid(&config));
                if is_accepted && !is_valid {
                    too_little.insert(format!("{class} {keyword} {value}"));
                }
                types.entry(type_of(&value)).or_default().push((value, is_accepted));
                asked += 1;
            }
            let refused = types.values().filter(|values| values.iter().all(|(_, is_accepted)| !is_accepted));
            for (value, _) in refused.flatten().filter(|(value, _)| !is_reference(value)) {
                let mut config = base.clone();
                config.pointer_mut(pointer).unwrap()[keyword] = value.clone();
                if validator.is_valid(&config) {
                    too_much.insert(format!("{class} {keyword} {value}"));
                }
                refused_types += 1;
            }
        }
    }
    assert_eq!((too_little, too_much), (BTreeSet::new(), BTreeSet::new()));
    assert!(asked > 10_000 && refused_types > 1_000, "{asked} {refused_types}");
}

/// A config with an entry which names that class with that key and is accepted, and where that stands.
fn accepted_entry(class: &str, key: &str, definition: &Value) -> Option<(Value, String)> {
    let required: Vec<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let shell = |entry: Value| {
        let queue = json!({"class": "logging.handlers.QueueHandler", "queue": entry});
        let handlers = json!({"a": {"class": "logging.NullHandler"}, "x": entry});
        [
            (json!({"version": 1, "handlers": handlers}), "/handlers/x"),
            (json!({"version": 1, "filters": {"x": entry}}), "/filters/x"),
            (json!({"version": 1, "formatters": {"x": entry}}), "/formatters/x"),
            (
                json!({"version": 1, "handlers": {"a": {"class": "logging.NullHandler"}, "x": queue}}),
                "/handlers/x/queue",
            ),
        ]
    };
    let values = values();
    let count = values.len().pow(required.len() as u32);
    for number in 0..count {
        let mut entry = json!({key: class});
        let mut rest = number;
        for keyword in &required {
            entry[*keyword] = values[rest % values.len()].clone();
            rest /= values.len();
        }
        if let Some((config, pointer)) = shell(entry).into_iter().find(|(config, _)| is_accepted(config)) {
            return Some((config, pointer.to_owned()));
        }
    }
    None
}
