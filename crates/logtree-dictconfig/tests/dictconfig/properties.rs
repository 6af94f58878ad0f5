//! Nothing panics, and what is read is what serde_json reads.

use logtree_core::{Argument, FieldName, FieldsBuf, Kwargs, Object, Record, Source, StdStream};
use logtree_dictconfig::{Color, Config, Format, registry};
use proptest::prelude::*;
use serde_json::Value;

use super::parse;
use super::registry::record;

/// Reads a text, shows what is wrong with it, and checks that every place is in it.
fn read(text: &str) -> Result<(), TestCaseError> {
    let Err(problems) = parse(text) else { return Ok(()) };
    for problem in &problems {
        prop_assert!(!problem.to_string().contains('\n'));
        if let Some(place) = problem.place() {
            prop_assert!(text.get(place.span.start..place.span.end).is_some(), "{place:?}");
        }
    }
    prop_assert!(!problems.render(Color::Always).is_empty());
    // A text is refused for its syntax just where serde_json refuses it, but for what is said in json.rs.
    if problems.is_syntax() {
        let is_judged_alike = serde_json::from_str::<Value>(text).is_err() || text.starts_with('\u{feff}');
        prop_assert!(is_judged_alike, "{problems}");
    }
    Ok(())
}

/// A value whose strings and numbers are the awkward ones.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["ext://sys.stdout", "cfg://a[0].b", "logging.StreamHandler", "INFO", "h"])
            .prop_map(Value::from),
    ];
    let key = prop_oneof![
        ".{0,4}",
        prop::sample::select(vec!["version", "handlers", "class", "()", ".", "queue", "level"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// The arguments of all classes, and one that none has.
const KEYWORDS: &[&str] = &[
    "atTime",
    "backupCount",
    "callback",
    "capacity",
    "datefmt",
    "defaults",
    "delay",
    "encoding",
    "errors",
    "filename",
    "flushLevel",
    "flushOnClose",
    "fmt",
    "force_color",
    "format",
    "interval",
    "json_indent",
    "listener",
    "log_colors",
    "maxBytes",
    "mode",
    "name",
    "no_color",
    "nobody's",
    "queue",
    "rename_fields",
    "reserved_attrs",
    "reset",
    "respect_handler_level",
    "secondary_log_colors",
    "static_fields",
    "stream",
    "style",
    "target",
    "timestamp",
    "use_colors",
    "utc",
    "validate",
    "when",
];

/// An argument of any type, with text that means something to some of them.
fn argument() -> impl Strategy<Value = Argument> {
    let leaf = prop_oneof![
        Just(Argument::None),
        any::<bool>().prop_map(Argument::Bool),
        prop_oneof![any::<i64>(), -2..3i64].prop_map(Argument::Int),
        any::<f64>().prop_map(Argument::Float),
        ".{0,8}".prop_map(Argument::Str),
        prop::sample::select(vec![
            "%(log_color)s%(message)s",
            "{levelprefix} {message}",
            "$message",
            "%",
            "{",
            "$",
            "red,bg_white",
            "midnight",
            "a",
            "INFO",
            "utf-8",
        ])
        .prop_map(|text| Argument::Str(text.into())),
        Just(Argument::Object(Object::new("sys.stdout", StdStream::Stdout))),
        Just(Argument::Object(Object::new("x", ()))),
        Just(Argument::Object(Object::filter("f", |_: &Record<'_>| true))),
        Just(Argument::Handler("h".into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Argument::List),
            prop::collection::vec((".{0,4}|INFO|ERROR", inner), 0..4).prop_map(Argument::Map),
        ]
    })
}

fn arguments() -> impl Strategy<Value = Vec<(String, Argument)>> {
    let keyword = prop::sample::select(KEYWORDS).prop_map(str::to_owned);
    prop::collection::vec((keyword, argument()), 0..7)
}

/// Fields, or attributes in place of the usual ones, with values of any type.
fn said() -> impl Strategy<Value = FieldsBuf> {
    let names = [
        "client_addr",
        "color_message",
        "created",
        "exc_text",
        "full_path",
        "http_version",
        "levelname",
        "levelno",
        "message",
        "method",
        "msecs",
        "msg",
        "name",
        "server_time",
        "status_code",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1..700i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    prop::collection::vec((prop::sample::select(names.to_vec()), value), 0..8).prop_map(|said| {
        let mut fields = FieldsBuf::default();
        for (name, value) in said {
            fields.push(
                FieldName::Inline(name),
                match &value {
                    Value::Bool(value) => logtree_core::Value::Bool(*value),
                    Value::String(text) => logtree_core::Value::Str(text),
                    Value::Number(number) => number.as_i64().map_or_else(
                        || logtree_core::Value::F64(number.as_f64().unwrap_or(f64::NAN)),
                        logtree_core::Value::I64,
                    ),
                    _ => logtree_core::Value::None,
                },
            );
        }
        fields
    })
}

proptest! {
    /// Each class makes something of whatever it is given, or says why not; what it makes takes a record.
    #[test]
    fn any_arguments_are_answered(given in arguments(), attributes in arguments(), said in said()) {
        let registry = registry();
        let kwargs = || Kwargs::new("call()", given.clone()).of_entry("entry", attributes.clone());
        let names: Vec<&str> = registry.names().collect();
        prop_assert!(names.len() > 12);
        for name in names {
            if let Some(class) = registry.find_handler(name) {
                // The plan is not carried out: it would open the file of any name.
                let _ = class(kwargs());
            } else if let Some(Ok(formatter)) = registry.find_formatter(name).map(|class| class(kwargs())) {
                for formatter in [formatter.without_colors(), Some(formatter)].into_iter().flatten() {
                    let mut out = String::new();
                    let is_whole = formatter.format(&record("m"), &mut out).is_ok();
                    prop_assert!(is_whole || out.is_empty(), "{name}: {out}");
                    out.clear();
                    let (fields, source) = (said.as_fields(), Source::Python);
                    let odd = Record { attributes: fields, fields, source, ..record("m") };
                    let is_whole = formatter.format(&odd, &mut out).is_ok();
                    prop_assert!(is_whole || out.is_empty(), "{name}: {out}");
                }
            } else if let Some(Ok(filter)) = registry.find_filter(name).map(|class| class(kwargs())) {
                filter.filter(&record("m"));
            } else if let Some(factory) = registry.find_factory(name) {
                let _ = factory(kwargs());
            }
        }
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        read(&text)?;
    }

    #[test]
    fn a_config_with_a_stray_piece_is_answered(at in 0usize..3200, len in 0usize..40, piece in "[\\PC\\n{}\\[\\]\",:0-9é\u{1f600}]{0,6}") {
        let mut text = include_str!("../data/configs/localega_brace_socket.json").to_owned();
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (start + len).min(text.len());
        if text.is_char_boundary(end) {
            text.replace_range(start..end, &piece);
        }
        read(&text)?;
    }

    #[test]
    fn sections_of_anything_are_answered(formatters in value(), filters in value(), handlers in value(), loggers in value(), root in value()) {
        let config = serde_json::json!({
            "version": 1, "formatters": formatters, "filters": filters, "handlers": handlers, "loggers": loggers, "root": root,
        });
        read(&config.to_string())?;
        // The same as a value, without text: the same problems, but for their places.
        let paths = |outcome: Result<logtree_dictconfig::Plan, logtree_dictconfig::Problems>| -> Vec<String> {
            let problems = outcome.err();
            let paths = problems.iter().flatten().map(|problem| format!("{} {}", problem.path(), problem.headline()));
            paths.collect()
        };
        let registry = registry();
        let text = Config::new(&registry).parse(&config.to_string(), Format::Json, "x");
        prop_assert_eq!(paths(text), paths(Config::new(&registry).parse_value(config, "x")));
    }
}
