//! Whatever a format, a date format, a default or a value is: nothing panics or takes memory out of proportion, and an error
//! leaves nothing behind.

use logtree_core::{Argument, Timestamp, Value};
use logtree_formatters::{Converter, Escape, FormatterConfig, Style, TimeSpec};
use proptest::prelude::*;

use crate::specimen::Specimen;

/// Pieces of which formats of all styles consist, whole and broken.
const PIECES: &[&str] = &[
    "%",
    "%(",
    ")",
    "s",
    "d",
    "%(message)s",
    "%(asctime)s",
    "%(x)",
    "*",
    ".",
    "0",
    "-",
    "#",
    "99999999999",
    "5",
    "%%",
    "{",
    "}",
    "{{",
    "}}",
    "{message",
    "{asctime",
    "{x",
    "!r",
    "!s",
    "!a",
    ":",
    "[0]",
    "[x]",
    ".real",
    "<",
    "^",
    "=",
    ",",
    "_",
    "z",
    "{n}",
    "{x:{n}}",
    "$",
    "$$",
    "${",
    "$message",
    "$asctime",
    "${x}",
    "x",
    "n",
    "가",
    "\u{0}",
    " ",
    "\n",
    "e",
    "g",
    "f",
    "c",
    "b",
    "o",
    "X",
    "%(n)*d",
    "%(n)-5.3d",
];

/// The same for dates.
const DATES: &[&str] = &[
    "%",
    "%Y",
    "%s",
    "%z",
    "%Z",
    "%c",
    "%E",
    "%O",
    "_",
    "-",
    "0",
    "^",
    "#",
    "9",
    "99999999999",
    "f",
    "가",
    "x",
    "\u{0}",
    " ",
    "%U",
    "%V",
    "%G",
    "%p",
    "%s,%03d",
    "%d",
    "%(a)s",
    "%*d",
];

fn text(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![6 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => ".{0,3}"];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn default() -> impl Strategy<Value = Argument> {
    let leaf = prop_oneof![
        Just(Argument::None),
        any::<bool>().prop_map(Argument::Bool),
        any::<i64>().prop_map(Argument::Int),
        any::<f64>().prop_map(Argument::Float),
        ".{0,6}".prop_map(Argument::Str),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Argument::List),
            prop::collection::vec((".{0,3}", inner), 0..4).prop_map(Argument::Map),
        ]
    })
}

fn config() -> impl Strategy<Value = FormatterConfig> {
    let style = prop::sample::select(vec![Style::Percent, Style::Brace, Style::Dollar]);
    let converter = prop::sample::select(vec![Converter::LocalTime, Converter::GmTime]);
    let defaults = prop::collection::vec((prop::sample::select(vec!["x", "n", "message", "spans"]), default()), 0..3);
    let time = (prop::option::of(text(DATES)), text(DATES), prop::option::of(text(DATES)), converter);
    let escape = prop::sample::select(vec![Escape::None, Escape::Terminal, Escape::Controls]);
    let timespec = prop::sample::select(vec![None, Some(TimeSpec::Nanoseconds), Some(TimeSpec::Seconds)]);
    let shape = (style, any::<bool>(), escape, timespec);
    (text(PIECES), shape, defaults, time).prop_map(|(format, (style, validate, escape, timespec), defaults, time)| {
        let (datefmt, default_time_format, default_msec_format, converter) = time;
        FormatterConfig {
            format: Some(format),
            datefmt,
            style,
            validate,
            defaults: defaults.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            converter,
            default_time_format,
            default_msec_format,
            escape,
            timespec,
        }
    })
}

fn value() -> impl Strategy<Value = (u8, i128, f64, String, Vec<u8>)> {
    (any::<u8>(), any::<i128>(), any::<f64>(), ".{0,12}", prop::collection::vec(any::<u8>(), 0..8))
}

fn as_value(of: &(u8, i128, f64, String, Vec<u8>)) -> Value<'_> {
    let (kind, number, float, text, bytes) = of;
    match kind % 12 {
        0 => Value::None,
        1 => Value::Bool(number % 2 == 0),
        2 => Value::I64(*number as i64),
        3 => Value::U64(*number as u64),
        4 => Value::I128(*number),
        5 => Value::U128(*number as u128),
        6 => Value::F64(*float),
        7 => Value::Str(text),
        8 => Value::Bytes(bytes),
        9 => Value::Debug(text),
        10 => Value::Display(text),
        _ => Value::Error(text),
    }
}

/// No width or precision is larger, and no piece of a format makes more than one of each of some value.
const MOST_OF_ONE: usize = 3 * (1 << 16);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_panics_and_an_error_leaves_nothing_behind(
        config in config(),
        is_pythons: bool,
        created: i64,
        fields in prop::collection::vec((prop::sample::select(vec!["x", "n", "user"]), value()), 0..3),
        attributes in prop::collection::vec(
            (prop::sample::select(vec!["msg", "created", "msecs", "exc_text", "stack_info", "levelno", "args", "name"]), value()), 0..3
        ),
    ) {
        let length = config.format.as_ref().unwrap().len() + config.default_time_format.len() + config.datefmt.as_ref().map_or(0, String::len);
        let Ok(formatter) = config.clone().build() else { return Ok(()) };
        let mut specimen = if is_pythons { Specimen::python() } else { Specimen::tracing("m") };
        specimen.created = Timestamp(created);
        for (name, value) in &fields {
            specimen.field(name, as_value(value));
        }
        for (name, value) in &attributes {
            specimen.attribute(name, as_value(value));
        }
        let mut out = String::from("before");
        let outcome = formatter.format(&specimen.record(), &mut out);
        prop_assert!(out.starts_with("before"));
        prop_assert!(outcome.is_ok() || out == "before", "{config:?}: {outcome:?} and {out:?}");
        prop_assert!(out.len() < (length + 64) * MOST_OF_ONE, "{config:?} makes {} bytes", out.len());

        let mut again = String::new();
        let repeated = formatter.format(&specimen.record(), &mut again);
        // `time.localtime(None)` is now.
        if !attributes.iter().any(|(name, _)| *name == "created") {
            prop_assert_eq!((repeated, &*again), (outcome, &out["before".len()..]));
        }
    }
}
