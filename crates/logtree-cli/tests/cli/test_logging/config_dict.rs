//! Whole configs: CPython's ConfigDictTest.

use serde_json::{Value, json};

use super::support::{CRITICAL, DEBUG, ERROR, INFO, WARNING, emit_lines, printed, printing, refused};

/// A logger that prints what the root would not.
fn nested() -> Value {
    printing(json!({
        "loggers": {"shop.till": {"level": "DEBUG", "handlers": ["out"]}},
        "root": {"level": "WARNING"}
    }))
}

/// The same with another value, at a path in dots.
fn nested_with(path: &str, value: Value) -> Value {
    let mut config = nested();
    *config.pointer_mut(&format!("/{}", path.replace('/', "~1").replace(' ', "/"))).unwrap() = value;
    config
}

const PRINTED: [&str; 2] = ["shop.till INFO a", "shop.till ERROR b"];
const EVENTS: [(&str, i32, &str); 2] = [("shop.till", INFO, "a"), ("shop.till", ERROR, "b")];

#[test]
fn a_root_with_a_handler() {
    let config = printing(json!({"root": {"level": "WARNING", "handlers": ["out"]}}));
    assert_eq!(printed(&config, &[("root", INFO, "a"), ("root", ERROR, "b")]), ["root ERROR b"]);
}

#[test]
fn a_logger_with_a_handler_below_a_root_without() {
    assert_eq!(printed(&nested(), &EVENTS), PRINTED);
}

#[test]
fn what_is_misspelt_is_refused_where_it_stands() {
    for (path, value, expected) in [
        ("handlers out stream", json!("ext://sys.stdbout"), "Unable to configure handler 'out'"),
        ("handlers out stream", json!("ext://sys.stdbout"), "Cannot resolve 'sys.stdbout'"),
        ("handlers out formatter", json!("lines"), "Unable to set formatter 'lines'"),
        ("root level", json!("WRANING"), "Unknown level: 'WRANING'"),
        ("root level", json!("WRANING"), "Unable to configure root logger"),
        ("loggers shop.till level", json!("DEBGU"), "Unable to configure logger 'shop.till'"),
        ("loggers shop.till handlers", json!(["oot"]), "Unable to add handler 'oot'"),
    ] {
        let said = refused(&nested_with(path, value));
        assert!(said.contains(expected), "{said}");
    }
    let mut config = nested();
    config["handlers"]["out"]["level"] = json!("NTOSET");
    assert!(refused(&config).contains("Unknown level: 'NTOSET'"));
}

#[test]
fn a_key_that_is_no_python_name_is_no_argument() {
    let mut config = nested();
    config["handlers"]["out"]["9"] = json!("x");
    assert!(refused(&config).contains("Not a valid Python identifier: '9'"));
}

#[test]
fn a_filter_of_a_handler_and_of_a_logger() {
    let mut config = printing(json!({
        "filters": {"till": {"name": "shop.till"}},
        "loggers": {"shop.till": {"level": "DEBUG", "filters": ["till"]}},
        "root": {"level": "WARNING", "handlers": ["out"]}
    }));
    config["handlers"]["out"]["filters"] = json!(["till"]);
    let events = [
        ("shop.till", WARNING, "a"),
        ("shop", WARNING, "b"),
        ("shop.window", WARNING, "c"),
        ("shop.till.roll", ERROR, "d"),
    ];
    assert_eq!(printed(&config, &events), ["shop.till WARNING a", "shop.till.roll ERROR d"]);
}

/// [`nested`] with its formatters and its handler elsewhere.
fn referring() -> Value {
    let mut config = nested();
    let object = config.as_object_mut().unwrap();
    let (formatters, handlers) = (object.remove("formatters").unwrap(), object.remove("handlers").unwrap());
    object.extend([
        ("how".to_owned(), formatters),
        ("where to".to_owned(), handlers.clone()),
        ("where".to_owned(), handlers),
        ("formatters".to_owned(), json!("cfg://how")),
        ("handlers".to_owned(), json!({"out": "cfg://where[out]"})),
    ]);
    config
}

#[test]
fn sections_and_handlers_may_stand_elsewhere() {
    assert_eq!(printed(&referring(), &EVENTS), PRINTED);
}

#[test]
fn a_version_must_be_there_and_be_one() {
    let mut config = referring();
    config["version"] = json!(2);
    assert!(refused(&config).contains("Unsupported version: 2"));
    config.as_object_mut().unwrap().remove("version");
    assert!(refused(&config).contains("dictionary doesn't specify a version"));
}

#[test]
fn attributes_of_a_handler_are_set_and_those_that_nobody_reads_do_no_harm() {
    let mut config = nested();
    config["handlers"]["out"]["."] = json!({"colour": "red", "terminator": "!\n"});
    assert_eq!(printed(&config, &EVENTS), ["shop.till INFO a!", "shop.till ERROR b!"]);
}

#[test]
fn defaults_of_a_formatter_fill_gaps_and_the_record_wins() {
    for (style, format) in [("%", "%(message)s|%(shelf)s"), ("{", "{message}|{shelf}"), ("$", "$message|${shelf}")] {
        let formatter = |defaults: Value| json!({"line": {"format": format, "style": style, "defaults": defaults}});
        let mut config = nested();
        config["formatters"] = formatter(json!({"shelf": "none"}));
        let lines =
            "{\"name\": \"shop.till\", \"msg\": \"a\"}\n{\"name\": \"shop.till\", \"msg\": \"b\", \"shelf\": 7}\n";
        let said = emit_lines(&config, lines);
        assert_eq!((said.stdout(), said.stderr()), ("a|none\nb|7\n", ""), "{style}");
        config["formatters"] = formatter(json!({"nobody": "asks"}));
        let said = emit_lines(&config, lines);
        assert_eq!(said.stdout(), "b|7\n", "{style}");
        assert!(said.stderr().contains("ValueError: Formatting field not found in record: 'shelf'"), "{said:?}");
    }
}

#[test]
fn a_format_of_another_style_is_refused() {
    let formatter = |format: &str, style: &str, validate: bool| {
        let mut config = nested();
        config["formatters"] = json!({"line": {"format": format, "style": style, "validate": validate}});
        config
    };
    assert!(refused(&formatter("%(asctime)s %(message)s", "$", true)).contains("invalid format: no fields"));
    assert!(refused(&formatter("%(message)s", "x", true)).contains("Style must be one of: %,{,$"));
    assert_eq!(printed(&formatter("${levelname}: ${message}", "$", true), &EVENTS), ["INFO: a", "ERROR: b"]);
    // Nobody looks at it then, and it is text.
    assert_eq!(printed(&formatter("%(message)s", "$", false), &EVENTS), ["%(message)s", "%(message)s"]);
}

#[test]
fn a_formatters_class_may_be_named_by_class_or_by_factory() {
    for key in ["class", "()"] {
        let mut config = nested();
        config["formatters"] =
            json!({"line": {key: "logging.Formatter", "format": "$message", "style": "$", "validate": false}});
        assert_eq!(printed(&config, &EVENTS), ["a", "b"]);
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    for filter in [json!(null), json!(1), json!("nobody")] {
        let config = printing(json!({"root": {"level": "DEBUG", "filters": [filter]}}));
        assert!(refused(&config).contains("Unable to add filter"));
    }
}

#[test]
fn queues_and_listeners_that_are_none_are_refused() {
    for (key, bad) in
        ["queue", "listener"].iter().flat_map(|key| [json!(4), json!(""), json!("foo")].map(|bad| (*key, bad)))
    {
        let mut config = printing(json!({"root": {"level": "DEBUG", "handlers": ["queue"]}}));
        config["handlers"]["queue"] = json!({"class": "logging.handlers.QueueHandler", "handlers": ["out"]});
        config["handlers"]["queue"][key] = bad;
        assert!(refused(&config).contains("Unable to configure handler 'queue'"));
    }
}

/// What stands at a path in a config, as the message about a level that it is not shows it.
#[test]
fn every_form_of_path_leads_to_its_value() {
    let things = json!({
        "list": ["a", "b", ["h", "i"]],
        "dict": {
            "d": "e", "f": 3, "a key with spaces 1": 5, "a key %( - © ©ß¯": 9, "": 10, "a ] key": 15, " padded ": 32,
            "inner": {"d": "E", "": 11, "list": ["g", ["H", "I"], "j"], "dict": {"a": 1, "a 1 and space": 3, "a ( and space": 4}}
        },
        "via": ["o", "cfg://things.list", "p"]
    });
    let level = |path: &str| {
        let config = json!({"version": 1, "things": things, "root": {"level": format!("cfg://{path}")}});
        // Numbers are levels; text is no level's name.
        let said = emit_lines(&config, "");
        match said.code {
            Some(0) => "a level".to_owned(),
            _ => said.stderr().lines().next().unwrap().to_owned(),
        }
    };
    for (path, value) in [
        ("things.list[1]", "'b'"),
        ("things.list[2][0]", "'h'"),
        ("things[list][2][1]", "'i'"),
        ("things.dict.d", "'e'"),
        ("things.dict[inner].d", "'E'"),
        ("things.dict.inner[d]", "'E'"),
        ("things.dict[inner][list][0]", "'g'"),
        ("things.dict[inner].list[1][1]", "'I'"),
        ("things.dict.inner.list[2]", "'j'"),
        ("things.via[1][0]", "'a'"),
    ] {
        assert!(level(path).contains(&format!("Unknown level: {value}")), "{path}: {}", level(path));
    }
    for path in [
        "things.dict[f]",
        "things.dict[a key with spaces 1]",
        "things.dict[a key %( - © ©ß¯]",
        "things.dict[]",
        "things.dict[ padded ]",
        "things.dict.inner[]",
        "things.dict[inner].dict.a",
        "things.dict[inner].dict[a 1 and space]",
        "things.dict.inner.dict[a ( and space]",
    ] {
        assert_eq!(level(path), "a level", "{path}");
    }
    for (path, error) in [
        ("nosuch", "'nosuch'"),
        ("!", "Unable to convert '!'"),
        ("things.dict[2]", "2"),
        ("things.dict[a ] key]", "'a '"),
        ("things.dict[ padded ]] key]", "Unable to convert"),
        ("things.dict[ pad [ key]", "Unable to convert"),
    ] {
        assert!(level(path).contains(error), "{path}: {}", level(path));
    }
}

#[test]
fn levels_below_the_root_do_not_silence_it() {
    // CPython's test_config8a: a name that sorts between a parent and its child is neither.
    let config = printing(json!({
        "loggers": {"shop": {"level": "DEBUG"}, "shop-online": {"level": "CRITICAL"}, "shop.till": {}},
        "root": {"level": "WARNING", "handlers": ["out"]}
    }));
    let events = [("shop.till", DEBUG, "a"), ("shop-online", ERROR, "b"), ("shop-online", CRITICAL, "c")];
    assert_eq!(printed(&config, &events), ["shop.till DEBUG a", "shop-online CRITICAL c"]);
}
