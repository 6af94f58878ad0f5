//! `logtree.FieldFilter`: what a record says decides.

use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Filter, Kwargs, Level, Record, Value, Verdict};

use super::pattern::Pattern;
use super::subject::{Subject, with_text};

/// Passes records of which a field is as it should be; with [`invert`](FieldFilterConfig::invert), all others.
///
/// ```yaml
/// filters:
///   not_health: {(): logtree.FieldFilter, field: path, equals: [/health, /ready], invert: true}
///   slow: {(): logtree.FieldFilter, field: elapsed_ms, min: 500}
///   tenant: {(): logtree.FieldFilter, field: tenant, equals: acme, where: span}
///   retries: {(): logtree.FieldFilter, field: message, matches: "retr(y|ied)"}
/// ```
///
/// - A field is the event's own, else that of the nearest span that has it, as in a format; `where` narrows that.
/// - Without `equals`, `matches`, `min` and `max` it is enough that the field is there. With several of them all must hold.
/// - A record that does not have the field does not pass; inverted, it does.
/// - `equals` compares text with text (a `Debug` or `Display` value is what it wrote), numbers with numbers of whatever type,
///   and booleans with booleans: `"404"` is not 404. `matches` looks at numbers too, as they are written.
#[derive(Clone, Debug)]
pub struct FieldFilter(FieldFilterConfig);

/// The arguments of `logtree.FieldFilter`.
#[derive(Clone, Debug)]
pub struct FieldFilterConfig {
    /// What is looked at.
    pub field: Subject,
    /// Where the field may stand; anywhere.
    pub scope: Scope,
    /// It must be one of these, if there are any: numbers, booleans, texts, or nothing.
    pub equals: Vec<Argument>,
    /// This must be found in it.
    pub matches: Option<Pattern>,
    /// It must be a number, and not below this.
    pub min: Option<f64>,
    /// It must be a number, and not above this.
    pub max: Option<f64>,
    /// Whether those pass that otherwise would not; no.
    pub invert: bool,
}

/// Where a field may stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// On the event, else on a span around it.
    #[default]
    Anywhere,
    /// On the event itself.
    Event,
    /// On a span around it: the nearest that has it.
    Span,
}

impl FieldFilterConfig {
    /// Passes what has the field.
    pub fn new(field: &str) -> Self {
        let (scope, invert) = (Scope::Anywhere, false);
        Self { field: Subject::new(field), scope, equals: Vec::new(), matches: None, min: None, max: None, invert }
    }

    /// Takes the arguments `field`, `where`, `equals`, `matches`, `min`, `max` and `invert`.
    ///
    /// # Errors
    /// If `field` is missing, or an argument is not of its type.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::new(&kwargs.required_string("field")?);
        config.scope = match kwargs.string("where")?.as_deref() {
            None => Scope::Anywhere,
            Some("event") => Scope::Event,
            Some("span") => Scope::Span,
            Some(other) => {
                let message = format!("a field is not of '{other}'");
                return Err(ArgumentError::new("ValueError", message).at("where").expected("'event' or 'span'"));
            }
        };
        if config.scope != Scope::Anywhere && !config.field.is_field() {
            let message = format!("'{}' is an attribute of the record, and of no event or span", config.field.name());
            return Err(ArgumentError::new("ValueError", message).at("where"));
        }
        config.equals = match kwargs.take("equals") {
            None => Vec::new(),
            Some(Argument::List(values)) => values,
            Some(value) => vec![value],
        };
        let is_value = |value: &&Argument| {
            !matches!(value, Argument::List(_) | Argument::Map(_) | Argument::Object(_) | Argument::Handler(_))
        };
        if let Some(other) = config.equals.iter().find(|value| !is_value(value)) {
            return Err(kwargs.wrong_type("equals", other, "a str, a number, true, false or null, or a list of them"));
        }
        config.matches = match kwargs.string("matches")? {
            None => None,
            Some(text) => Some(Pattern::new(&text).map_err(|error| error.at("matches"))?),
        };
        (config.min, config.max) = (number(kwargs, "min")?, number(kwargs, "max")?);
        config.invert = kwargs.truth("invert").unwrap_or(false);
        Ok(config)
    }
}

fn number(kwargs: &mut Kwargs, keyword: &str) -> Result<Option<f64>, ArgumentError> {
    match kwargs.take(keyword) {
        None | Some(Argument::None) => Ok(None),
        Some(Argument::Int(number)) => Ok(Some(number as f64)),
        Some(Argument::Float(number)) if !number.is_nan() => Ok(Some(number)),
        Some(other) => Err(kwargs.wrong_type(keyword, &other, "a number")),
    }
}

impl FieldFilter {
    /// A filter with this config.
    pub fn new(config: FieldFilterConfig) -> Self {
        Self(config)
    }

    fn value<'a>(&self, record: &Record<'a>) -> Option<Value<'a>> {
        let name = self.0.field.name();
        match self.0.scope {
            Scope::Anywhere => self.0.field.of(record),
            Scope::Event => record.fields.find(name, &record.callsite.field_names),
            Scope::Span => record.spans.find(name),
        }
    }

    fn passes(&self, value: Option<Value<'_>>) -> bool {
        value.is_some_and(|value| self.is_as_it_should_be(&value)) != self.0.invert
    }

    fn is_as_it_should_be(&self, value: &Value<'_>) -> bool {
        let FieldFilterConfig { equals, matches, min, max, .. } = &self.0;
        let is_within = || match as_number(value) {
            Some(number) => min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max),
            None => false,
        };
        (equals.is_empty() || equals.iter().any(|wanted| is_same(wanted, value)))
            && matches.as_ref().is_none_or(|pattern| with_text(value, |text| pattern.is_match(text)))
            && ((min.is_none() && max.is_none()) || is_within())
    }
}

/// Whether a value is what a config says.
fn is_same(wanted: &Argument, value: &Value<'_>) -> bool {
    let as_integer = || match *value {
        Value::I64(number) => Some(i128::from(number)),
        Value::U64(number) => Some(i128::from(number)),
        Value::I128(number) => Some(number),
        Value::U128(number) => i128::try_from(number).ok(),
        _ => None,
    };
    match wanted {
        Argument::None => *value == Value::None,
        Argument::Bool(wanted) => *value == Value::Bool(*wanted),
        Argument::Int(wanted) => match value {
            Value::F64(number) => *number == *wanted as f64,
            _ => as_integer() == Some(i128::from(*wanted)),
        },
        Argument::Float(wanted) => as_number(value) == Some(*wanted),
        Argument::Str(wanted) => value.as_str() == Some(wanted),
        _ => false,
    }
}

fn as_number(value: &Value<'_>) -> Option<f64> {
    Some(match *value {
        Value::I64(number) => number as f64,
        Value::U64(number) => number as f64,
        Value::I128(number) => number as f64,
        Value::U128(number) => number as f64,
        Value::F64(number) => number,
        _ => return None,
    })
}

impl Filter for FieldFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        self.passes(self.value(record)).into()
    }

    fn decides(&self, name: &str, level: Level) -> Option<bool> {
        if self.0.field.is_logger_name() {
            Some(self.passes(Some(Value::Str(name))))
        } else if self.0.field.is_level_number() {
            Some(self.passes(Some(level.0.into())))
        } else {
            None
        }
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

/// The class `logtree.FieldFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let config = FieldFilterConfig::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(FieldFilter::new(config)))
}
