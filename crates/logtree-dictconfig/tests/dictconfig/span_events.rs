//! The key `span_events` of a logger, which is logtree's own.

use logtree_core::SpanEvents;

use super::{lines, parse, warnings};

fn events(value: &str) -> Option<SpanEvents> {
    let text =
        format!(r#"{{"version": 1, "loggers": {{"a": {{"span_events": {value}}}}}, "root": {{"level": "INFO"}}}}"#);
    let plan = parse(&text).unwrap();
    assert!(plan.warnings().is_empty(), "{:?}", plan.warnings());
    let tree = plan.build().unwrap().tree().build();
    let of_logger = tree.source().loggers["a"].span_events;
    assert_eq!(tree.find("a::b").span_events(), of_logger.unwrap_or_default(), "below");
    of_logger
}

#[test]
fn it_is_a_name_or_a_list_of_names() {
    assert_eq!(events("\"close\""), Some(SpanEvents::CLOSE));
    assert_eq!(events("\"active\""), Some(SpanEvents::ENTER | SpanEvents::EXIT));
    assert_eq!(events("[\"new\", \"close\"]"), Some(SpanEvents::NEW | SpanEvents::CLOSE));
    assert_eq!(events("\"full\""), Some(SpanEvents::FULL));
    assert_eq!((events("\"none\""), events("[]")), (Some(SpanEvents::NONE), Some(SpanEvents::NONE)));
    assert_eq!(events("null"), None);
}

#[test]
fn anything_else_is_refused_with_what_would_be_right() {
    let refused = |value: &str| {
        let text = format!("{{\"version\": 1, \"loggers\": {{\"a\": {{\"span_events\": {value}}}}}}}");
        lines(&text).remove(0)
    };
    let at = "logging.json:1:49: loggers.a.span_events: Unable to configure logger 'a': ";
    assert_eq!(refused("\"clsoe\""), format!("{at}'clsoe' is no event of a span (did you mean 'close'?)"));
    let expected = "(expected new, enter, exit, close, active, full or none, or a list of them)";
    assert_eq!(refused("7"), format!("{at}7 is no event of a span {expected}"));
    assert_eq!(refused("[\"new\", true]"), format!("{at}True is no event of a span {expected}"));
}

#[test]
fn the_key_of_an_incremental_config_is_ignored_as_handlers_are() {
    let text = r#"{"version": 1, "incremental": true, "loggers": {"a": {"span_events": "full"}}}"#;
    let expected = "an incremental config does not change span_events; the key is ignored";
    assert!(warnings(text).iter().any(|warning| warning.ends_with(expected)), "{:?}", warnings(text));
}
