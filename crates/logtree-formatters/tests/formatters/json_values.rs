//! Records of anything, as JSON and back again: what went in comes out.

use std::time::Duration;

use logtree_core::{Formatter, Value};
use logtree_formatters::{JsonFmt, JsonFormatterConfig, PythonJsonFormatterConfig};
use proptest::prelude::*;
use serde_core::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::cpu_time::cpu_time_of;
use crate::specimen::Specimen;

/// An object's members as they stand.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn members(json: &str) -> Vec<(String, Box<RawValue>)> {
    let Members(members) = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    members
}

/// A value that owns its text.
#[derive(Clone, Debug)]
enum Given {
    None,
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bytes(Vec<u8>),
    Str(String),
    Debug(String),
    Display(String),
    Error(String),
}

impl Given {
    fn value(&self) -> Value<'_> {
        match self {
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::U64(value) => Value::U64(*value),
            Self::I128(value) => Value::I128(*value),
            Self::U128(value) => Value::U128(*value),
            Self::F64(value) => Value::F64(*value),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Str(text) => Value::Str(text),
            Self::Debug(text) => Value::Debug(text),
            Self::Display(text) => Value::Display(text),
            Self::Error(text) => Value::Error(text),
        }
    }

    /// Whether it is what JSON says, to the last digit.
    fn is(&self, json: &RawValue) -> bool {
        let json = json.get();
        match self {
            Self::None => json == "null",
            Self::Bool(value) => json == value.to_string(),
            Self::I64(value) => json == value.to_string(),
            Self::U64(value) => json == value.to_string(),
            Self::I128(value) => json == value.to_string(),
            Self::U128(value) => json == value.to_string(),
            Self::F64(value) if value.is_finite() => json.parse::<f64>().unwrap().to_bits() == value.to_bits(),
            Self::F64(_) => json == "null",
            Self::Bytes(bytes) => decoded(&serde_json::from_str::<String>(json).unwrap()) == *bytes,
            Self::Str(text) | Self::Debug(text) | Self::Display(text) | Self::Error(text) => {
                serde_json::from_str::<String>(json).unwrap() == *text
            }
        }
    }
}

/// RFC 4648, section 4.
fn decoded(base64: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(base64.len() % 4, 0);
    let digits: Vec<usize> = base64.trim_end_matches('=').chars().map(|char| ALPHABET.find(char).unwrap()).collect();
    let decode = |chunk: &[usize]| {
        let bits = chunk.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - chunk.len()));
        [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8][..chunk.len() - 1].to_vec()
    };
    digits.chunks(4).flat_map(decode).collect()
}

type Fields = Vec<(String, Given)>;

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![
        Just(Given::None),
        any::<bool>().prop_map(Given::Bool),
        any::<i64>().prop_map(Given::I64),
        any::<u64>().prop_map(Given::U64),
        any::<i128>().prop_map(Given::I128),
        any::<u128>().prop_map(Given::U128),
        any::<u64>().prop_map(|bits| Given::F64(f64::from_bits(bits))),
        any::<i16>().prop_map(|value| Given::F64(f64::from(value) / 8.0)),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Given::Bytes),
        any::<String>().prop_map(Given::Str),
        "[ -~]{0,40}".prop_map(Given::Debug),
        "\\PC*".prop_map(Given::Display),
        any::<String>().prop_map(Given::Error),
    ]
}

/// Names that meet each other, and the formatter's own.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["name", "name_", "name__", "level", "level_", "message", "fields", "user", "id", ""])
            .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn fields(most: usize) -> impl Strategy<Value = Fields> {
    prop::collection::vec((name(), given()), 0..most)
}

/// As in a Python dict: the first place, the last value.
fn distinct<'a>(fields: impl IntoIterator<Item = &'a (String, Given)>) -> Fields {
    let mut distinct = Fields::new();
    for (name, value) in fields {
        match distinct.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.clone(),
            None => distinct.push((name.clone(), value.clone())),
        }
    }
    distinct
}

/// The name that a field gets beside members of these names.
fn beside(name: &str, fixed: &[&str]) -> String {
    let is_taken = fixed.iter().any(|fixed| name.trim_end_matches('_') == *fixed);
    if is_taken { format!("{name}_") } else { name.to_owned() }
}

fn assert_members(found: &[(String, Box<RawValue>)], expected: &Fields, fixed: &[&str]) {
    let names: Vec<String> = expected.iter().map(|(name, _)| beside(name, fixed)).collect();
    assert!(found.iter().map(|(name, _)| name).eq(&names), "{found:?} {names:?}");
    for ((name, json), (_, given)) in found.iter().zip(expected) {
        assert!(given.is(json), "{name}: {json} of {given:?}");
    }
}

fn formatted(formatter: &dyn Formatter, specimen: &Specimen) -> String {
    let mut out = String::new();
    formatter.format(&specimen.record(), &mut out).unwrap();
    assert!(!out.contains('\n'));
    out
}

fn specimen(message: &str, event: &Fields, spans: &[(String, Fields)]) -> Specimen {
    let mut specimen = Specimen::tracing(message);
    for (name, value) in event {
        specimen.field(name, value.value());
    }
    for (name, fields) in spans {
        let fields: Vec<(&str, Value<'_>)> = fields.iter().map(|(name, value)| (&**name, value.value())).collect();
        specimen.span(name, &fields);
    }
    specimen
}

proptest! {
    #[test]
    fn nested_fields_come_back(
        message in any::<String>(),
        event in fields(12),
        spans in prop::collection::vec((any::<String>(), fields(6)), 0..4),
    ) {
        let formatter = JsonFormatterConfig::default().build().unwrap();
        let object = members(&formatted(&*formatter, &specimen(&message, &event, &spans)));
        let keys: Vec<&str> = object.iter().map(|(key, _)| &**key).collect();
        prop_assert_eq!(keys, ["timestamp", "level", "logger", "message", "fields", "spans"]);
        prop_assert_eq!(serde_json::from_str::<String>(object[3].1.get()).unwrap(), message);
        assert_members(&members(object[4].1.get()), &distinct(&event), &[]);
        let found: Vec<Box<RawValue>> = serde_json::from_str(object[5].1.get()).unwrap();
        prop_assert_eq!(found.len(), spans.len());
        for (found, (name, fields)) in found.iter().zip(&spans) {
            let found = members(found.get());
            prop_assert_eq!(&found[0].0, "name");
            prop_assert_eq!(&serde_json::from_str::<String>(found[0].1.get()).unwrap(), name);
            assert_members(&found[1..], &distinct(fields), &["name"]);
        }
    }

    #[test]
    fn flat_fields_come_back(event in fields(40), spans in prop::collection::vec((any::<String>(), fields(20)), 0..3)) {
        let fmt = ["levelname", "message", "fields.*", "spans.*"].map(str::to_owned).to_vec();
        let formatter = JsonFormatterConfig { fmt: JsonFmt::Names(fmt), ..Default::default() }.build().unwrap();
        let object = members(&formatted(&*formatter, &specimen("m", &event, &spans)));
        let event = distinct(&event);
        let mut expected = event.clone();
        let of_spans = distinct(spans.iter().flat_map(|(_, fields)| fields));
        expected.extend(of_spans.into_iter().filter(|(name, _)| !event.iter().any(|(known, _)| known == name)));
        assert_members(&object[2..], &expected, &["level", "message"]);
    }

    /// Of anything that Python's `json` writes and JSON has.
    #[test]
    fn pythons_fields_come_back(event in fields(50), is_ascii in any::<bool>()) {
        let config = PythonJsonFormatterConfig { reserved_attrs: Some(Vec::new()), json_ensure_ascii: is_ascii, ..Default::default() };
        let event: Fields = event.into_iter().filter(|(name, value)| {
            let is_json = !matches!(value, Given::Bytes(_)) && !matches!(value, Given::F64(value) if !value.is_finite());
            is_json && !name.starts_with('_') && name != "message"
        }).collect();
        let text = formatted(&*config.build().unwrap(), &specimen("m", &event, &[]));
        prop_assert!(!is_ascii || text.is_ascii());
        let object = members(&text);
        for (name, given) in distinct(&event) {
            let found: Vec<_> = object.iter().filter(|(key, _)| *key == name).collect();
            prop_assert!(found.len() == 1 && given.is(&found[0].1), "{name} {given:?} {text}");
        }
    }
}

/// Twenty times as much takes twenty times as long, where what is quadratic takes four hundred. The best of three: memory that
/// is touched for the first time costs too.
fn assert_linear(short: Duration, long: impl Fn() -> Duration, what: &str) {
    let long = (0..3).map(|_| long()).min().unwrap();
    assert!(long < 20 * 5 * short, "{what:?}: {short:?}, {long:?}");
}

/// Both formatters, on a record that has `text` wherever text may stand.
fn time_of(text: &str) -> Duration {
    let mut specimen = Specimen::tracing(text);
    for value in [Value::Str(text), Value::Debug(text), Value::Bytes(text.as_bytes())] {
        specimen.field("field", value);
        specimen.field(text, value);
    }
    specimen.span("span", &[("field", Value::Display(text))]);
    specimen.exc_text = Some(text.to_owned());
    let ours = JsonFormatterConfig { exc_info_as_array: true, ..Default::default() }.build().unwrap();
    let pythons = PythonJsonFormatterConfig { exc_info_as_array: true, ..Default::default() }.build().unwrap();
    cpu_time_of(|| {
        for formatter in [ours, pythons] {
            assert!(formatted(&*formatter, &specimen).len() >= text.len());
        }
    })
}

#[test]
fn time_grows_with_the_length_and_no_faster() {
    for piece in ["\"", "\\", "a", "a\n", "é", "\u{2028}", "{'", "[", "😀"] {
        let (short, long) = (piece.repeat(2_000), piece.repeat(40_000));
        assert_linear(time_of(&short), || time_of(&long), piece);
    }
}

#[test]
fn ten_megabytes_come_back() {
    let text = "0123456789 \"quoted\"\n".repeat(500_000);
    let formatter = JsonFormatterConfig::default().build().unwrap();
    let object = members(&formatted(&*formatter, &specimen(&text, &Fields::new(), &[])));
    assert!(serde_json::from_str::<String>(object[3].1.get()).unwrap() == text);
}

#[test]
fn many_fields_are_no_trouble() {
    let time_of = |count: u32| {
        let mut specimen = Specimen::tracing("m");
        for number in 0..count {
            specimen.field(&format!("field {number}"), Value::U64(number.into()));
        }
        let ours = JsonFormatterConfig::default().build().unwrap();
        let pythons = PythonJsonFormatterConfig::default().build().unwrap();
        cpu_time_of(|| {
            for formatter in [ours, pythons] {
                assert!(formatted(&*formatter, &specimen).len() > count as usize);
            }
        })
    };
    assert_linear(time_of(1_000), || time_of(20_000), "fields");
}
