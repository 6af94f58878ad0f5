//! Levels, the hierarchy and filters: CPython's BuiltinLevelsTest, BasicFilterTest, CustomLevelsAndFiltersTest and
//! LoggerTest.

use serde_json::{Value, json};

use super::support::{CRITICAL, DEBUG, ERROR, INFO, WARNING, emit, emit_lines, every_level, printed, printing};

/// Loggers with these levels below a root that takes everything and prints it.
fn with_levels(levels: &[(&str, &str)]) -> Value {
    let loggers: serde_json::Map<String, Value> =
        levels.iter().map(|(name, level)| ((*name).to_owned(), json!({"level": level}))).collect();
    printing(json!({"loggers": loggers, "root": {"level": "DEBUG", "handlers": ["out"]}}))
}

#[test]
fn each_logger_has_its_own_threshold() {
    let config = with_levels(&[("quiet", "ERROR"), ("usual", "INFO"), ("loud", "DEBUG")]);
    let events = [every_level("quiet"), every_level("usual"), every_level("loud")].concat();
    let expected = [
        "quiet CRITICAL 50",
        "quiet ERROR 40",
        "usual CRITICAL 50",
        "usual ERROR 40",
        "usual WARNING 30",
        "usual INFO 20",
        "loud CRITICAL 50",
        "loud ERROR 40",
        "loud WARNING 30",
        "loud INFO 20",
        "loud DEBUG 10",
    ];
    assert_eq!(printed(&config, &events), expected);
}

#[test]
fn a_nested_logger_with_a_level_does_not_ask_its_parent() {
    let config = with_levels(&[("shop", "INFO"), ("shop.till", "ERROR")]);
    assert_eq!(printed(&config, &every_level("shop.till")), ["shop.till CRITICAL 50", "shop.till ERROR 40"]);
}

#[test]
fn a_nested_logger_without_a_level_asks_its_parent() {
    let config = with_levels(&[("shop", "INFO"), ("shop.till", "ERROR"), ("shop.till.roll", "NOTSET")]);
    let events = [every_level("shop.window"), every_level("shop.till.roll")].concat();
    let expected = [
        "shop.window CRITICAL 50",
        "shop.window ERROR 40",
        "shop.window WARNING 30",
        "shop.window INFO 20",
        "shop.till.roll CRITICAL 50",
        "shop.till.roll ERROR 40",
    ];
    assert_eq!(printed(&config, &events), expected);
}

#[test]
fn a_parent_that_no_one_names_is_passed_over() {
    let config = with_levels(&[("shop", "INFO"), ("shop.ghost.shelf", "NOTSET")]);
    for name in ["shop.ghost.shelf", "shop.ghost"] {
        let lines = printed(&config, &[(name, CRITICAL, "a"), (name, INFO, "b"), (name, DEBUG, "c")]);
        assert_eq!(lines, [format!("{name} CRITICAL a"), format!("{name} INFO b")]);
    }
}

#[test]
fn level_names_have_numbers_and_one_level_may_have_two_names() {
    // CPython 3.13: logging.getLevelName of each.
    for (name, number, shown) in [("FATAL", CRITICAL, "CRITICAL"), ("WARN", WARNING, "WARNING"), ("INFO", INFO, "INFO")]
    {
        let config = with_levels(&[("a", name)]);
        assert_eq!(printed(&config, &[("a", number, "at"), ("a", number - 1, "below")]), [format!("a {shown} at")]);
    }
    let lines = printed(&with_levels(&[("a", "NOTSET")]), &[("a", 35, "x")]);
    assert_eq!(lines, ["a Level 35 x"]);
}

#[test]
fn a_level_may_be_given_an_empty_name() {
    // CPython 3.13: logging.addLevelName(logging.INFO, ''); the others keep theirs.
    let config = printing(json!({"levels": {"": 20}, "root": {"level": "NOTSET", "handlers": ["out"]}}));
    assert_eq!(printed(&config, &[("a", INFO, "x"), ("a", DEBUG, "y")]), ["a  x", "a DEBUG y"]);
}

#[test]
fn a_filter_by_name_passes_that_logger_and_what_is_below() {
    let events: Vec<_> =
        ["tea", "tea.pot", "tea.pot.lid", "tea.pots", "tea.cup"].map(|name| (name, INFO, "x")).into_iter().collect();
    for (filter, passed) in [
        (json!({"name": "tea.pot"}), &["tea.pot INFO x", "tea.pot.lid INFO x"][..]),
        (json!({}), &["tea INFO x", "tea.pot INFO x", "tea.pot.lid INFO x", "tea.pots INFO x", "tea.cup INFO x"]),
    ] {
        let mut config = printing(json!({"filters": {"f": filter}, "root": {"level": "INFO", "handlers": ["out"]}}));
        config["handlers"]["out"]["filters"] = json!(["f"]);
        assert_eq!(printed(&config, &events), passed);
    }
}

/// Levels of a program's own, above all of Python's.
fn of_our_own() -> Value {
    json!({"whisper": 111, "murmur": 112, "talk": 113, "call": 114, "shout": 115})
}

#[test]
fn levels_of_the_programs_own_are_thresholds_of_loggers_and_handlers() {
    let events: Vec<_> = (111..=115).map(|level| ("a", level, "x")).collect();
    let loud = ["a call x", "a shout x"];
    let of_logger = printing(json!({"levels": of_our_own(), "root": {"level": "call", "handlers": ["out"]}}));
    assert_eq!(printed(&of_logger, &events), loud);
    let mut of_handler = printing(json!({"levels": of_our_own(), "root": {"level": "whisper", "handlers": ["out"]}}));
    of_handler["handlers"]["out"]["level"] = json!("call");
    assert_eq!(printed(&of_handler, &events), loud);
    of_handler["handlers"]["out"]["level"] = json!("NOTSET");
    assert_eq!(printed(&of_handler, &events).len(), 5);
}

#[test]
fn the_root_has_two_names_and_nobody_else_has_them() {
    let config = printing(json!({
        "loggers": {"root": {"level": "ERROR"}, "rooted": {"level": "INFO"}},
        "root": {"handlers": ["out"]}
    }));
    let events = [
        ("", WARNING, "a"),
        ("root", WARNING, "b"),
        ("root", ERROR, "c"),
        ("", ERROR, "d"),
        ("rooted", INFO, "e"),
        ("\0", INFO, "f"),
        ("\0", ERROR, "g"),
    ];
    assert_eq!(printed(&config, &events), ["root ERROR c", " ERROR d", "rooted INFO e", "\0 ERROR g"]);
}

#[test]
fn a_child_is_found_below_its_parent_however_it_is_named() {
    // CPython 3.13: getChild('def.ghi') of abc is getLogger('abc.def.ghi').
    let config = printing(json!({
        "loggers": {"abc": {"level": "ERROR"}, "abc::def": {"level": "INFO"}, "abc.def.ghi": {"level": "NOTSET"}},
        "root": {"level": "DEBUG", "handlers": ["out"]}
    }));
    let events = [("abc.def.ghi", INFO, "a"), ("abc.def", INFO, "b"), ("abc.defg", INFO, "c"), ("abc", INFO, "d")];
    assert_eq!(printed(&config, &events), ["abc.def.ghi INFO a", "abc.def INFO b"]);
}

#[test]
fn a_level_that_is_none_is_the_events_fault_and_not_the_programs() {
    // CPython 3.13: Logger.log('10', …) raises, or is silent without raiseExceptions.
    let config = printing(json!({"root": {"level": "DEBUG", "handlers": ["out"]}}));
    let said = emit_lines(&config, "{\"levelno\": \"10\", \"msg\": \"x\"}\n{\"msg\": \"y\", \"name\": \"a\"}\n");
    assert_eq!((said.code, said.stdout()), (Some(1), "a INFO y\n"));
    assert!(said.stderr().contains("levelno must be a number, not str"), "{said:?}");
}

#[test]
fn a_record_that_meets_no_handler_comes_to_the_last_resort() {
    let config = json!({"version": 1, "root": {"level": "DEBUG"}});
    let said = emit(&config, &[("a", DEBUG, "no"), ("a", INFO, "nor this"), ("a", WARNING, "last chance")]);
    assert_eq!((said.code, said.stdout(), said.stderr()), (Some(0), "", "last chance\n"));
    // A handler that does not take it is a handler met.
    let mut config = printing(json!({"root": {"level": "DEBUG", "handlers": ["out"]}}));
    config["handlers"]["out"]["level"] = json!(99);
    assert!(printed(&config, &[("a", CRITICAL, "x")]).is_empty());
}
