//! Records that tests put together part by part.

use logtree_core::{
    Callsite, FieldName, Fields, FieldsBuf, Level, LevelNames, Origin, Record, Source, SpansBuf, Timestamp, Value,
};
use serde_json::Value as Json;

/// Everything that a record borrows.
#[derive(Debug, Default)]
pub(crate) struct Specimen {
    pub(crate) callsite: Callsite,
    pub(crate) origin: Origin,
    level: Level,
    pub(crate) created: Timestamp,
    pub(crate) message: String,
    pub(crate) function: Option<String>,
    pub(crate) exc_text: Option<String>,
    stack_info: Option<String>,
    fields: FieldsBuf,
    attributes: FieldsBuf,
    spans: SpansBuf,
    source: Source,
}

impl Specimen {
    /// An empty record, given as Python's own.
    pub(crate) fn python() -> Self {
        Self { source: Source::Python, ..Self::default() }
    }

    /// A record of the story's service.
    pub(crate) fn tracing(message: &str) -> Self {
        Self {
            callsite: Callsite {
                name: "my_logger".into(),
                target: "my_logger".into(),
                pathname: "src/main.rs".into(),
                module: "main".into(),
                module_path: "my_app::main".into(),
                line: 42,
                field_names: Box::new(["user".into(), "name".into(), "spans".into()]),
                ..Callsite::default()
            },
            origin: Origin {
                process: 4711,
                process_name: "MainProcess".into(),
                thread: 4712,
                thread_name: "worker".into(),
                started: Timestamp(1_700_000_000_000_000_000),
            },
            level: Level::INFO,
            created: Timestamp(1_700_000_012_345_678_901),
            message: message.into(),
            ..Self::default()
        }
    }

    pub(crate) fn of_json(json: &Json) -> Self {
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        let number = |key: &str| json[key].as_i64().unwrap();
        let mut specimen = Self {
            callsite: Callsite {
                name: text("name").unwrap().into(),
                pathname: text("pathname").unwrap().into(),
                module: text("module").unwrap().into(),
                line: number("line") as u32,
                ..Callsite::default()
            },
            origin: Origin {
                process: number("process") as u32,
                process_name: text("processName").unwrap().into(),
                thread: number("thread") as u64,
                thread_name: text("threadName").unwrap().into(),
                started: Timestamp(number("start_ns")),
            },
            level: Level(number("level") as i32),
            created: Timestamp(number("ns")),
            message: text("msg").unwrap(),
            function: text("function"),
            exc_text: text("exc_text"),
            stack_info: text("stack_info"),
            ..Self::python()
        };
        for (name, value) in members(&json["extras"]) {
            specimen.field(&name, Tagged::new(&value).value());
        }
        for (name, value) in json["attributes"].as_object().unwrap() {
            specimen.attribute(name, Tagged::new(value).value());
        }
        specimen
    }

    pub(crate) fn field(&mut self, name: &str, value: Value<'_>) {
        self.fields.push(FieldName::Inline(name), value);
    }

    /// A field by its place among the callsite's names.
    pub(crate) fn indexed_field(&mut self, index: u16, value: Value<'_>) {
        self.fields.push(FieldName::Index(index), value);
    }

    /// The next inner span.
    pub(crate) fn span(&mut self, name: &str, fields: &[(&str, Value<'_>)]) {
        let mut encoded = FieldsBuf::default();
        for (name, value) in fields {
            encoded.push(FieldName::Inline(name), *value);
        }
        self.spans.push(name, &encoded);
    }

    pub(crate) fn attribute(&mut self, name: &str, value: Value<'_>) {
        self.attributes.push(FieldName::Inline(name), value);
    }

    pub(crate) fn record(&self) -> Record<'_> {
        let attributes: Fields<'_> = self.attributes.as_fields();
        Record {
            callsite: &self.callsite,
            name: &self.callsite.name,
            level: self.level,
            level_names: LevelNames::STANDARD,
            created: self.created,
            origin: &self.origin,
            message: &self.message,
            fields: self.fields.as_fields(),
            spans: self.spans.as_spans(),
            function: self.function.as_deref(),
            exc_text: self.exc_text.as_deref(),
            stack_info: self.stack_info.as_deref(),
            source: self.source,
            attributes,
        }
    }
}

/// The members of an object, or of a list of pairs where the order matters.
pub(crate) fn members(json: &Json) -> Vec<(String, Json)> {
    if let Some(pairs) = json.as_array() {
        return pairs.iter().map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone())).collect();
    }
    json.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A value as `corpus.py` wrote it.
#[derive(Debug)]
pub(crate) enum Tagged {
    Plain(Json),
    Signed(i128),
    Unsigned(u128),
    Float(f64),
    Bytes(Vec<u8>),
    Repr(String),
}

impl Tagged {
    pub(crate) fn new(json: &Json) -> Self {
        let tagged = |tag: &str| json.get(tag).and_then(Json::as_str);
        if let Some(digits) = tagged("int") {
            return digits.parse().map(Self::Signed).unwrap_or_else(|_| Self::Unsigned(digits.parse().unwrap()));
        }
        if let Some(bits) = tagged("float") {
            return Self::Float(f64::from_bits(u64::from_str_radix(bits, 16).unwrap()));
        }
        if let Some(text) = tagged("repr") {
            return Self::Repr(text.to_owned());
        }
        if let Some(hex) = tagged("bytes") {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            return Self::Bytes((0..hex.len()).step_by(2).map(byte).collect());
        }
        Self::Plain(json.clone())
    }

    /// The value, in the narrowest kind that holds it.
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Plain(Json::Null) => Value::None,
            Self::Plain(Json::Bool(value)) => Value::Bool(*value),
            Self::Plain(json) => Value::Str(json.as_str().unwrap()),
            Self::Signed(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(narrow), _) => Value::I64(narrow),
                (_, Ok(narrow)) => Value::U64(narrow),
                _ => Value::I128(*value),
            },
            Self::Unsigned(value) => Value::U128(*value),
            Self::Float(value) => Value::F64(*value),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Repr(text) => Value::Debug(text),
        }
    }
}
