//! Records that are held: CPython's MemoryHandlerTest.

use serde_json::{Value, json};

use super::support::{DEBUG, ERROR, Event, INFO, WARNING, printed, printing, refused};

/// Ten records are held in front of what prints, unless a warning comes.
fn holding(more: Value) -> Value {
    let mut config = printing(json!({"root": {"level": "DEBUG", "handlers": ["held"]}}));
    let mut handler = json!({
        "class": "logging.handlers.MemoryHandler", "capacity": 10, "flushLevel": "WARNING", "target": "out", "flushOnClose": false
    });
    handler.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config["handlers"]["held"] = handler;
    config
}

fn debug(count: usize) -> Vec<Event<'static>> {
    vec![("a", DEBUG, "x"); count]
}

#[test]
fn what_is_held_is_handed_on_when_it_is_enough_or_something_matters() {
    let config = holding(json!({}));
    assert!(printed(&config, &[("a", DEBUG, "1"), ("a", INFO, "2")]).is_empty());
    let lines = printed(&config, &[("a", DEBUG, "1"), ("a", INFO, "2"), ("a", WARNING, "3"), ("a", DEBUG, "4")]);
    assert_eq!(lines, ["a DEBUG 1", "a INFO 2", "a WARNING 3"]);
    assert_eq!(printed(&config, &debug(9)).len(), 0);
    assert_eq!(printed(&config, &debug(10)).len(), 10);
    assert_eq!(printed(&config, &debug(29)).len(), 20);
}

#[test]
fn the_end_hands_on_what_is_held_unless_told_not_to() {
    let events = [("a", DEBUG, "1"), ("a", INFO, "2")];
    assert_eq!(printed(&holding(json!({"flushOnClose": true})), &events), ["a DEBUG 1", "a INFO 2"]);
    assert!(printed(&holding(json!({"flushOnClose": false})), &events).is_empty());
    let mut usual = holding(json!({}));
    usual["handlers"]["held"].as_object_mut().unwrap().remove("flushOnClose");
    assert_eq!(printed(&usual, &events).len(), 2);
}

#[test]
fn a_flush_level_has_a_name_and_errors_are_the_usual_one() {
    let events = [("a", WARNING, "1"), ("a", ERROR, "2"), ("a", ERROR, "3")];
    let with = |level: Value| printed(&holding(json!({"flushLevel": level})), &events);
    assert_eq!((with(json!("ERROR")).len(), with(json!(40)).len(), with(json!(41)).len()), (3, 3, 0));
    let mut usual = holding(json!({}));
    usual["handlers"]["held"].as_object_mut().unwrap().remove("flushLevel");
    assert_eq!(printed(&usual, &events[..2]).len(), 2);
    assert!(refused(&holding(json!({"flushLevel": "error"}))).contains("Unknown level: 'error'"));
}

#[test]
fn a_format_that_is_refused_is_refused_behind_a_target_too() {
    let mut config = holding(json!({"formatter": "line"}));
    config["formatters"]["line"] = json!({"format": "%(asctime)s %(message)s", "style": "$"});
    assert!(refused(&config).contains("Unable to configure formatter 'line'"));
    config["formatters"]["line"] = json!({"format": "${levelname} ${message}", "style": "$"});
    assert_eq!(printed(&config, &[("a", WARNING, "1")]), ["WARNING 1"]);
}
