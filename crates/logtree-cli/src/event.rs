//! One event of `emit`'s input: a record by the rules of CPython's `logging.makeLogRecord`.
//!
//! There a record is a dict: each key of the event replaces what the record would have had, whatever its type. What
//! fits is put where records have it; all else goes into the record's `attributes`.

use std::fmt;

use logtree_core::{
    Callsite, FieldName, FieldsBuf, Level, LevelName, LevelNames, Origin, Record, Source, Spans, Timestamp, Value,
};

use crate::python::Object;

/// An event that was read.
#[derive(Debug, Default)]
pub(crate) struct Event {
    name: String,
    level: Level,
    message: String,
    function: Option<String>,
    exc_text: Option<String>,
    stack_info: Option<String>,
    extras: FieldsBuf,
    attributes: FieldsBuf,
}

/// What a record has that its event does not say.
#[derive(Debug)]
pub(crate) struct Unsaid {
    /// Events come from no place in the code; what they say of one are attributes.
    pub(crate) callsite: Callsite,
    /// The process and thread that emit.
    pub(crate) origin: Origin,
}

/// Why a line is no event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EventError(String);

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Event {
    /// Reads a line.
    ///
    /// # Errors
    /// If it is no JSON object, or says what makes CPython fail before any handler sees the record.
    pub(crate) fn parse(line: &[u8], level_names: &LevelNames) -> Result<Self, EventError> {
        let text = std::str::from_utf8(line).map_err(|error| {
            EventError(format!("the line is not UTF-8: there is a stray byte at offset {}", error.valid_up_to()))
        })?;
        let items = match Object::parse(text).map_err(EventError)? {
            Object::Dict(items) => items,
            other => return Err(EventError(format!("an event is a JSON object, not {}", other.type_name()))),
        };
        let said = |key: &str| items.iter().find(|(known, _)| known == key).map(|(_, value)| value);
        let is_true = |key: &str| said(key).is_some_and(Object::is_truthy);
        if is_true("args") {
            return Err(EventError("args: give the finished text as msg".into()));
        }
        if is_true("exc_info") && !is_true("exc_text") {
            return Err(EventError("exc_info: give the traceback as exc_text".into()));
        }

        let mut event = Self::default();
        event.set_level(said("levelno"), said("levelname").is_some(), level_names)?;
        if said("name").is_none() {
            event.push_attribute("name", Value::None);
        }
        for (key, value) in &items {
            event.set(key, value)?;
        }
        Ok(event)
    }

    /// The name of its logger; empty for the root.
    pub(crate) fn logger(&self) -> &str {
        &self.name
    }

    /// Its level.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// The record, made now.
    pub(crate) fn record<'a>(&'a self, level_names: &'a LevelNames, unsaid: &'a Unsaid) -> Record<'a> {
        Record {
            callsite: &unsaid.callsite,
            name: &self.name,
            level: self.level,
            level_names,
            created: Timestamp::now(),
            origin: &unsaid.origin,
            message: &self.message,
            fields: self.extras.as_fields(),
            spans: Spans::EMPTY,
            function: self.function.as_deref(),
            exc_text: self.exc_text.as_deref(),
            stack_info: self.stack_info.as_deref(),
            source: Source::Python,
            attributes: self.attributes.as_fields(),
        }
    }

    fn set(&mut self, key: &str, value: &Object) -> Result<(), EventError> {
        match (key, value) {
            ("levelno", _) => return Ok(()),
            ("name", Object::Str(name)) => self.name.clone_from(name),
            ("msg", Object::Str(text)) => self.message.clone_from(text),
            ("funcName", Object::Str(name)) => self.function = Some(name.clone()),
            ("exc_text", Object::Str(text)) => self.exc_text = Some(text.clone()),
            ("stack_info", Object::Str(text)) => self.stack_info = Some(text.clone()),
            // CPython's `getLogger`: what is not true is the root.
            ("name", other) if other.is_truthy() => return Err(wrong_type(key, other)),
            // CPython's `Formatter.format` appends it to text.
            ("exc_text" | "stack_info", Object::List(_) | Object::Dict(_)) => return Err(wrong_type(key, value)),
            ("msg", other) => {
                self.message = other.text();
                other.with_value(|value| self.push_attribute(key, value));
            }
            _ if is_attribute(key) => value.with_value(|value| self.push_attribute(key, value)),
            _ => value.with_value(|value| self.extras.push(FieldName::Inline(key), value)),
        }
        Ok(())
    }

    /// Sets `levelno`, and `levelname` where the event does not say it and the level alone would print another.
    fn set_level(
        &mut self,
        levelno: Option<&Object>,
        is_named: bool,
        level_names: &LevelNames,
    ) -> Result<(), EventError> {
        let levelno = levelno.unwrap_or(&Object::Int(Ok(Level::INFO.0 as i128)));
        let (level, is_exact) = nearest_level(levelno).ok_or_else(|| wrong_type("levelno", levelno))?;
        self.level = level;
        if !matches!(levelno, Object::Int(Ok(_)) if is_exact) {
            levelno.with_value(|value| self.push_attribute("levelno", value));
        }
        if is_named {
            return Ok(());
        }
        let usual = level_names.name(level);
        // Python knows TRACE only where the config names it.
        let is_known = is_exact && (level != Level::TRACE || level_names.added(level).is_some());
        let name = match usual {
            LevelName::Named(name) if is_known => name.to_owned(),
            _ => format!("Level {}", levelno.text()),
        };
        if name != usual.to_string() {
            self.push_attribute("levelname", Value::Str(&name));
        }
        Ok(())
    }

    fn push_attribute(&mut self, name: &str, value: Value<'_>) {
        self.attributes.push(FieldName::Inline(name), value);
    }
}

/// Whether CPython's `LogRecord` has the attribute, or its `Formatter.format` adds it.
fn is_attribute(key: &str) -> bool {
    matches!(
        key,
        "args"
            | "asctime"
            | "created"
            | "exc_info"
            | "exc_text"
            | "filename"
            | "funcName"
            | "levelname"
            | "levelno"
            | "lineno"
            | "message"
            | "module"
            | "msecs"
            | "msg"
            | "name"
            | "pathname"
            | "process"
            | "processName"
            | "relativeCreated"
            | "stack_info"
            | "taskName"
            | "thread"
            | "threadName"
    )
}

/// The level that compares with thresholds, which are integers, as the number would; and whether it is the number.
fn nearest_level(levelno: &Object) -> Option<(Level, bool)> {
    let level = |value: i128| Level(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32);
    Some(match levelno {
        Object::Bool(value) => (Level((*value).into()), true),
        Object::Int(Ok(value)) => (level(*value), i128::from(level(*value).0) == *value),
        Object::Int(Err(digits)) => (if digits.starts_with('-') { Level(i32::MIN) } else { Level(i32::MAX) }, false),
        // Not a number is below any threshold.
        Object::Float(value) if value.is_nan() => (Level(i32::MIN), false),
        Object::Float(value) => (level(value.floor() as i128), f64::from(level(value.floor() as i128).0) == *value),
        _ => return None,
    })
}

fn wrong_type(key: &str, value: &Object) -> EventError {
    let expected = if key == "levelno" { "a number" } else { "a string" };
    EventError(format!("{key} must be {expected}, not {}", value.type_name()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Event, EventError> {
        Event::parse(line.as_bytes(), LevelNames::STANDARD)
    }

    fn attribute<'a>(event: &'a Event, name: &str) -> Option<Value<'a>> {
        event.attributes.as_fields().find(name, &[])
    }

    #[test]
    fn what_is_not_said_is_make_log_records() {
        // CPython 3.13: logging.makeLogRecord({"levelno": 20, "levelname": "INFO"}).__dict__
        let event = parse("{}").unwrap();
        assert_eq!((event.logger(), event.level(), &*event.message), ("", Level::INFO, ""));
        let names: Vec<_> = event.attributes.as_fields().iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(names, [(FieldName::Inline("name"), Value::None)]);
        assert_eq!((event.function, event.exc_text, event.stack_info), (None, None, None));
    }

    #[test]
    fn levels_of_any_number() {
        // CPython 3.13: logging.getLevelName of each, and whether it is >= 20.
        let cases = [
            ("20", None, true),
            ("35", None, true),
            ("5", Some("Level 5"), false),
            ("true", Some("Level True"), false),
            ("20.0", None, true),
            ("19.5", Some("Level 19.5"), false),
            ("20.5", Some("Level 20.5"), true),
            ("10000000000", Some("Level 10000000000"), true),
            ("-10000000000", Some("Level -10000000000"), false),
        ];
        for (levelno, name, is_at_least_info) in cases {
            let event = parse(&format!("{{\"levelno\": {levelno}}}")).unwrap();
            assert_eq!(attribute(&event, "levelname"), name.map(Value::Str), "{levelno}");
            assert_eq!(event.level() >= Level::INFO, is_at_least_info, "{levelno}");
        }
        let named = parse(r#"{"levelno": 5, "levelname": "FINE"}"#).unwrap();
        assert_eq!(attribute(&named, "levelname"), Some(Value::Str("FINE")));
    }

    #[test]
    fn a_level_that_the_config_names_prints_its_name() {
        let mut names = LevelNames::default();
        names.add(Level::TRACE, "TRACE");
        let event = Event::parse(br#"{"levelno": 5}"#, &names).unwrap();
        assert_eq!(attribute(&event, "levelname"), None);
    }

    #[test]
    fn attributes_of_other_types_replace_the_usual_ones() {
        let event = parse(r#"{"msg": [1], "funcName": null, "lineno": "x", "exc_text": 0, "user": {"a": 1}}"#).unwrap();
        assert_eq!(event.message, "[1]");
        assert_eq!(attribute(&event, "msg"), Some(Value::Debug("[1]")));
        assert_eq!(attribute(&event, "funcName"), Some(Value::None));
        assert_eq!(attribute(&event, "lineno"), Some(Value::Str("x")));
        assert_eq!(attribute(&event, "exc_text"), Some(Value::I64(0)));
        assert_eq!(event.extras.as_fields().find("user", &[]), Some(Value::Debug("{'a': 1}")));
    }

    #[test]
    fn lines_that_are_no_events_say_why() {
        let cases = [
            ("[]", "an event is a JSON object, not list"),
            (r#"{"a": }"#, "expected value at column 7"),
            (r#"{"levelno": "20"}"#, "levelno must be a number, not str"),
            (r#"{"levelno": null}"#, "levelno must be a number, not NoneType"),
            (r#"{"name": 5}"#, "name must be a string, not int"),
            (r#"{"stack_info": ["x"]}"#, "stack_info must be a string, not list"),
            (r#"{"msg": "%s", "args": [1]}"#, "args: give the finished text as msg"),
            (r#"{"exc_info": true}"#, "exc_info: give the traceback as exc_text"),
        ];
        for (line, message) in cases {
            assert_eq!(parse(line).unwrap_err().to_string(), message, "{line}");
        }
        assert!(Event::parse(b"{\"msg\": \"\xff\"}", LevelNames::STANDARD).is_err());
    }

    /// Pieces of lines that look like events.
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u12",
        "\\ud800",
        "null",
        "true",
        "1e999",
        "-1",
        "1",
        "0.5",
        "99999999999999999999999999",
        "\"name\":",
        "\"levelno\":",
        "\"msg\":",
        "\"exc_text\":",
        "\"created\":",
        "\"a\"",
        "가",
        "\u{0}",
        " ",
        "\n",
        "[[[[[[[[",
    ];

    proptest::proptest! {
        #[test]
        fn no_line_panics(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..20), bytes: Vec<u8>) {
            let _ = Event::parse(&bytes, LevelNames::STANDARD);
            let line = pieces.concat();
            let _ = Event::parse(line.as_bytes(), LevelNames::STANDARD);
            let _ = Event::parse(format!("{{\"msg\": {line}}}").as_bytes(), LevelNames::STANDARD);
            let unsaid = Unsaid { callsite: Callsite::default(), origin: Origin::default() };
            if let Ok(event) = Event::parse(format!("{{\"x\": [{line}]}}").as_bytes(), LevelNames::STANDARD) {
                let _ = format!("{:?}", event.record(LevelNames::STANDARD, &unsaid));
            }
        }
    }
}
