//! `cfg://` and `ext://`, as CPython 3.13 reads them.

use logtree_dictconfig::Problem;

use super::{lines, parse, warnings};

/// The chain of the first error, as CPython prints it.
fn chain(text: &str) -> Vec<String> {
    let problems = parse(text).unwrap_err();
    let problem = problems.iter().find(|problem| problem.is_error()).unwrap();
    problem.causes().iter().map(ToString::to_string).collect()
}

fn with_level(level: &str) -> String {
    format!(
        r#"{{"version": 1, "x": {{"a.b": [10, "INFO", {{"deep": "ERROR"}}], "loop": "cfg://x.loop", "via": "cfg://x[a.b][1]"}},
            "root": {{"level": "{level}"}}}}"#
    )
}

#[test]
fn paths_lead_to_values() {
    // CPython 3.13: root.level after dictConfig of each.
    let cases = [
        ("cfg://x[a.b][0]", 10),
        ("cfg://x[a.b][1]", 20),
        ("cfg://x[a.b][2].deep", 40),
        ("cfg:// x [a.b] [2] . deep ", 40),
        ("cfg://x.via", 20),
        ("cfg://x.via\\n", 20),
        ("ext://logging.ERROR", 40),
        ("ext://logging.handlers.SysLogHandler.LOG_LOCAL0", 16),
    ];
    for (level, expected) in cases {
        let plan = parse(&with_level(level)).unwrap();
        assert_eq!(plan.loggers()[0].level().map(|level| level.0), Some(expected), "{level}");
        // A key that only holds what `cfg://` reads is no unknown key.
        let unknown = plan.warnings().iter().filter(|warning| warning.path() == "x").count();
        assert_eq!(unknown, usize::from(!level.starts_with("cfg")), "{level}");
    }
}

#[test]
fn what_an_absent_class_would_read_is_no_unknown_key() {
    let text = r#"{"version": 1, "url": "cfg://host.name", "host": {"name": "x"}, "self": "cfg://self",
        "handlers": {"h": {"class": "my.Handler", "to": ["cfg://url"]}}, "root": {"level": 1, "handlers": ["h"]}}"#;
    let problems = parse(text).unwrap_err();
    let paths: Vec<&str> = problems.iter().map(Problem::path).collect();
    assert_eq!(paths, ["handlers.h.class", "self"]);
}

#[test]
fn paths_that_lead_nowhere_raise_what_cpython_raises() {
    // CPython 3.13: the causes of "Unable to configure root logger" for each.
    let cases = [
        ("cfg://nope", &["KeyError: 'nope'"][..]),
        ("cfg://x.nope", &["KeyError: 'nope'"]),
        ("cfg://x[a.b][7]", &["IndexError: list index out of range"]),
        ("cfg://x[a.b].y", &["TypeError: list indices must be integers or slices, not str"]),
        ("cfg://x[5]", &["KeyError: 5"]),
        ("cfg://version.y", &["TypeError: 'int' object is not subscriptable"]),
        ("cfg://!", &["ValueError: Unable to convert '!'"]),
        ("cfg://x!!", &["ValueError: Unable to convert 'x!!' at '!!'"]),
        ("cfg://x.loop", &["RecursionError: maximum recursion depth exceeded"]),
        (
            "ext://nope.x",
            &[
                "ValueError: Cannot resolve 'nope.x': No module named 'nope'",
                "ModuleNotFoundError: No module named 'nope'",
            ],
        ),
        ("ext://.x", &["ValueError: Empty module name"]),
    ];
    for (level, expected) in cases {
        assert_eq!(chain(&with_level(level)), expected, "{level}");
    }
}

#[test]
fn an_unknown_scheme_stays_a_string() {
    assert_eq!(chain(&with_level("foo://x")), ["ValueError: Unknown level: 'foo://x'"]);
}

#[test]
fn whole_sections_and_entries_may_stand_elsewhere() {
    let text = r#"{"version": 1,
        "shared": {"h": {"class": "logging.StreamHandler", "formatter": "f"}, "formats": {"f": {"format": "%(message)s"}}},
        "formatters": "cfg://shared.formats",
        "handlers": {"h": "cfg://shared.h"},
        "root": {"level": "INFO", "handlers": ["h"]}}"#;
    assert_eq!(warnings(text), Vec::<String>::new());
    let plan = parse(text).unwrap();
    assert_eq!((plan.handlers()[0].class(), plan.handlers()[0].formatter()), ("logging.StreamHandler", Some("f")));
}

#[test]
fn items_of_lists_of_names_are_names() {
    // CPython 3.13: Unable to add handler 'cfg://x', from KeyError: 'cfg://x'.
    let text = r#"{"version": 1, "root": {"level": 1, "handlers": ["cfg://x"]}}"#;
    assert_eq!(chain(text), ["ValueError: Unable to add handler 'cfg://x'", "KeyError: 'cfg://x'"]);
}

#[test]
fn handlers_behind_others_are_names_too() {
    // CPython 3.13: Unable to set required handler 'cfg://x', from KeyError: 'cfg://x'; and with `target`, which it
    // converts, an unhashable dict.
    let text = r#"{"version": 1, "x": "h", "handlers": {"h": {"class": "logging.NullHandler"},
        "q": {"class": "logging.handlers.QueueHandler", "handlers": ["cfg://x"]}}}"#;
    assert_eq!(chain(text), ["ValueError: Unable to set required handler 'cfg://x'", "KeyError: 'cfg://x'"]);
    let text = r#"{"version": 1, "handlers": {"z": {"class": "logging.NullHandler"},
        "m": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "cfg://handlers.z"}}}"#;
    assert!(chain(text)[0].starts_with("ValueError: Unable to set target handler"), "{:?}", chain(text));
}

#[test]
fn a_module_is_no_class() {
    let text = r#"{"version": 1, "handlers": {"h": {"class": "logging.handlers"}}}"#;
    assert!(lines(text)[0].contains("'logging.handlers' is a module"), "{:?}", lines(text));
}
