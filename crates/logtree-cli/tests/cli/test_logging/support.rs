//! Records through a config by `logtree emit`, as short as the cases are.

use serde_json::{Value, json};

use crate::support::{Place, Said};

/// A record: the logger's name, the level and the message.
pub(super) type Event<'a> = (&'a str, i32, &'a str);

pub(super) const DEBUG: i32 = 10;
pub(super) const INFO: i32 = 20;
pub(super) const WARNING: i32 = 30;
pub(super) const ERROR: i32 = 40;
pub(super) const CRITICAL: i32 = 50;

/// One record of each level at a logger, most important first; the message is the level's number.
pub(super) fn every_level(name: &str) -> [Event<'_>; 5] {
    [(name, CRITICAL, "50"), (name, ERROR, "40"), (name, WARNING, "30"), (name, INFO, "20"), (name, DEBUG, "10")]
}

/// A config whose one handler, `out`, writes name, level and message to standard output; `rest` are its other keys.
pub(super) fn printing(rest: Value) -> Value {
    let mut config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(name)s %(levelname)s %(message)s"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}}
    });
    config.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    config
}

/// Emits records and answers with what was said.
pub(super) fn emit(config: &Value, events: &[Event<'_>]) -> Said {
    emit_lines(config, &lines(events))
}

/// Records as `emit` reads them.
pub(super) fn lines(events: &[Event<'_>]) -> String {
    let line =
        |(name, level, text): &Event<'_>| json!({"name": name, "levelno": level, "msg": text}).to_string() + "\n";
    events.iter().map(line).collect()
}

/// Emits events as they are read.
pub(super) fn emit_lines(config: &Value, lines: &str) -> Said {
    emit_text("config.json", &config.to_string(), lines)
}

/// The same with a config in a file of this name.
pub(super) fn emit_text(name: &str, text: &str, lines: &str) -> Said {
    let place = Place::new();
    place.write(name, text);
    place.run(&["emit", name], lines)
}

/// The lines on standard output of a config that is accepted and prints nothing else.
pub(super) fn printed(config: &Value, events: &[Event<'_>]) -> Vec<String> {
    let said = emit(config, events);
    assert_eq!((said.code, said.stderr()), (Some(0), ""), "{config}");
    said.stdout().lines().map(str::to_owned).collect()
}

/// What a refused config is told, all of it.
pub(super) fn refused(config: &Value) -> String {
    let said = emit(config, &[("a", ERROR, "never")]);
    assert_eq!((said.code, said.stdout()), (Some(2), ""), "{config}");
    said.stderr().to_owned()
}
