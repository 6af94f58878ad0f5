//! What goes into bytes comes out of them, and nothing else does.
#![allow(clippy::unwrap_used)]

use logtree_core::codec::{
    DecodeError, Definition, Encoded, decode, decode_definition, encode_callsite, encode_origin,
};
use logtree_core::{
    Callsite, FieldName, Fields, FieldsBuf, Level, LevelNames, Origin, Record, Source, Spans, SpansBuf, Timestamp,
    Value,
};
use proptest::prelude::*;

/// A value that owns what it holds.
#[derive(Clone, Debug)]
enum Owned {
    None,
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Str(String),
    Bytes(Vec<u8>),
    Debug(String),
    Display(String),
    Error(String),
}

impl Owned {
    fn borrow(&self) -> Value<'_> {
        match self {
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::U64(value) => Value::U64(*value),
            Self::I128(value) => Value::I128(*value),
            Self::U128(value) => Value::U128(*value),
            Self::F64(value) => Value::F64(*value),
            Self::Str(text) => Value::Str(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Debug(text) => Value::Debug(text),
            Self::Display(text) => Value::Display(text),
            Self::Error(text) => Value::Error(text),
        }
    }
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::None),
        any::<bool>().prop_map(Owned::Bool),
        any::<i64>().prop_map(Owned::I64),
        any::<u64>().prop_map(Owned::U64),
        any::<i128>().prop_map(Owned::I128),
        any::<u128>().prop_map(Owned::U128),
        (-1e300..1e300).prop_map(Owned::F64),
        any::<String>().prop_map(Owned::Str),
        any::<Vec<u8>>().prop_map(Owned::Bytes),
        any::<String>().prop_map(Owned::Debug),
        any::<String>().prop_map(Owned::Display),
        any::<String>().prop_map(Owned::Error),
    ]
}

fn fields() -> impl Strategy<Value = Vec<(Option<u16>, String, Owned)>> {
    prop::collection::vec((any::<Option<u16>>(), any::<String>(), value()), 0..6)
}

fn buffer(fields: &[(Option<u16>, String, Owned)]) -> FieldsBuf {
    let mut buffer = FieldsBuf::default();
    for (index, name, value) in fields {
        buffer.push(index.map_or(FieldName::Inline(name), FieldName::Index), value.borrow());
    }
    buffer
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_went(
        message: String,
        own_name: Option<String>,
        texts: [Option<String>; 3],
        level: i32,
        created: i64,
        origin_id: u32,
        own in fields(),
        of_span in fields(),
        overridden in fields(),
    ) {
        let callsite = Callsite { name: "a.b".into(), ..Callsite::default() };
        let (own, of_span, overridden) = (buffer(&own), buffer(&of_span), buffer(&overridden));
        let mut spans = SpansBuf::default();
        spans.push("outer", &of_span);
        spans.push("inner", &FieldsBuf::default());
        let origin = Origin::default();
        let record = Record {
            callsite: &callsite,
            name: own_name.as_deref().unwrap_or("a.b"),
            level: Level(level),
            level_names: LevelNames::STANDARD,
            created: Timestamp(created),
            origin: &origin,
            message: &message,
            fields: own.as_fields(),
            spans: spans.as_spans(),
            function: texts[0].as_deref(),
            exc_text: texts[1].as_deref(),
            stack_info: texts[2].as_deref(),
            source: Source::Log,
            attributes: overridden.as_fields(),
        };
        let bytes = Encoded::new(&record, origin_id).slices().concat();
        let parts = decode(&bytes).unwrap();
        prop_assert_eq!(parts.origin, origin_id);
        let back = parts.into_record(&callsite, &origin, LevelNames::STANDARD);
        prop_assert_eq!(format!("{:?}", back), format!("{:?}", record));
        prop_assert!(back.fields.iter().eq(own.as_fields().iter()));

        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err(), "a record cut to {} bytes", length);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_what_is_accepted_is_read_whole(bytes: Vec<u8>, at: prop::sample::Index, to: u8) {
        let _ = decode(&bytes);
        let _ = decode_definition(&bytes);
        let callsite = Callsite { name: "n".into(), field_names: Box::new(["f".into()]), ..Callsite::default() };
        let mut mutated = encode_callsite(&callsite);
        let at = at.index(mutated.len());
        mutated[at] = to;
        let _ = decode_definition(&mutated);
        if let Ok(fields) = Fields::parse(&bytes) {
            let read: usize = fields.iter().count();
            prop_assert!(read > 0 || bytes.is_empty());
        }
    }

    #[test]
    fn definitions_come_back_as_they_went(
        texts: [String; 5], line: u32, names: Vec<String>, process: u32, thread: u64, started: i64,
    ) {
        let [name, target, pathname, module, module_path] = texts.map(String::into_boxed_str);
        let field_names = names.into_iter().map(String::into_boxed_str).collect();
        let origin = Origin {
            process, thread, started: Timestamp(started), process_name: name.clone(), thread_name: module.clone(),
        };
        let callsite = Callsite { index: None, name, target, pathname, module, module_path, line, field_names };
        prop_assert_eq!(decode_definition(&encode_callsite(&callsite)), Ok(Definition::Callsite(callsite)));
        prop_assert_eq!(decode_definition(&encode_origin(&origin)), Ok(Definition::Origin(origin)));
    }
}

/// With one byte replaced.
fn with(bytes: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = byte;
    bytes
}

#[test]
fn a_name_beyond_its_length_is_cut_between_characters() {
    let (long, kept) = ("x".to_owned() + &"€".repeat(30_000), "x".to_owned() + &"€".repeat(21_844));
    let (mut fields, mut spans) = (FieldsBuf::default(), SpansBuf::default());
    fields.push(FieldName::Inline(&long), Value::Bool(true));
    spans.push(&long, &fields);
    let spans = Spans::parse(spans.as_spans().as_bytes()).unwrap();
    let span = spans.iter().next().unwrap();
    assert!(span.name == kept && span.fields.find(&kept, &[]) == Some(Value::Bool(true)));
}

#[test]
fn what_is_no_record_is_refused_each_thing_for_itself() {
    let callsite = Callsite { name: "a.b".into(), ..Callsite::default() };
    let own = buffer(&[(None, "field".into(), Owned::Str("text".into()))]);
    let mut spans = SpansBuf::default();
    spans.push("span", &own);
    let origin = Origin::default();
    let record = Record {
        callsite: &callsite,
        name: "own",
        level: Level::INFO,
        level_names: LevelNames::STANDARD,
        created: Timestamp(1),
        origin: &origin,
        message: "message",
        fields: own.as_fields(),
        spans: spans.as_spans(),
        function: Some("function"),
        exc_text: Some("error"),
        stack_info: Some("stack"),
        source: Source::Formatted,
        attributes: own.as_fields(),
    };
    let encoded = Encoded::new(&record, 7);
    let bytes = encoded.slices().concat();
    let refused = |bytes: &[u8]| decode(bytes).map(drop).unwrap_err();
    assert!(decode(&bytes).is_ok());
    assert_eq!(refused(&with(&bytes, 0, 0xff)), DecodeError::Version);
    assert_eq!(refused(&with(&bytes, 2, 4)), DecodeError::UnknownKind);
    assert_eq!(refused(&[&bytes, &b"x"[..]].concat()), DecodeError::Length);
    let mut at = 0;
    for (number, piece) in encoded.slices().into_iter().enumerate() {
        // The first is no text.
        let lengths_at = 20 + 4 * number.saturating_sub(1);
        assert_eq!(refused(&with(&bytes, lengths_at, 0xfe)), DecodeError::Length, "piece {number}");
        // The last letter of each piece is one of a text.
        let last = at + piece.len() - 1;
        if number > 0 {
            assert_eq!(refused(&with(&bytes, last, 0xff)), DecodeError::Utf8, "piece {number}");
        }
        at += piece.len();
    }
}

#[test]
fn what_is_no_definition_is_refused_each_thing_for_itself() {
    let field_names = Box::new(["field".into()]);
    let callsite = Callsite {
        name: "a.b".into(),
        target: "a::b".into(),
        pathname: "p".into(),
        module: "m".into(),
        module_path: "a::m".into(),
        field_names,
        ..Callsite::default()
    };
    let origin = Origin { process_name: "process".into(), thread_name: "thread".into(), ..Origin::default() };
    for (bytes, texts) in [
        (encode_callsite(&callsite), &["a.b", "a::b", "p", "m", "a::m", "field"][..]),
        (encode_origin(&origin), &["process", "thread"]),
    ] {
        let refused = |bytes: &[u8]| decode_definition(bytes).unwrap_err();
        assert!(decode_definition(&bytes).is_ok());
        assert_eq!(refused(&with(&bytes, 0, 0xff)), DecodeError::Version);
        assert_eq!(refused(&with(&bytes, 2, 2)), DecodeError::UnknownKind);
        assert_eq!(refused(&[&bytes, &b"x"[..]].concat()), DecodeError::Length);
        // From behind, as each stands behind its length.
        let mut end = bytes.len();
        for text in texts.iter().rev() {
            end -= text.len();
            assert_eq!(refused(&with(&bytes, end, 0xff)), DecodeError::Utf8, "{text}");
            end -= 4;
            assert_eq!(refused(&with(&bytes, end + 3, 0xff)), DecodeError::Length, "{text}");
        }
    }
}
