//! A formatter of any style, for those that set attributes of their own before the line: what a subclass of Python's
//! `Formatter` does in `formatMessage`.

use std::cell::Cell;

use logtree_core::{FieldName, FieldsBuf, FormatError, Formatter, Needs, Record, Value};

use crate::brace::BraceFormatter;
use crate::composer::Composer;
use crate::conversion::push_str;
use crate::dollar::DollarFormatter;
use crate::escape::Escape;
use crate::percent::PercentFormatter;

/// A formatter of any style, and what it makes of control characters.
#[derive(Clone, Debug)]
pub(crate) struct Styled {
    pub(crate) style: Styles,
    pub(crate) escape: Escape,
}

#[derive(Clone, Debug)]
pub(crate) enum Styles {
    Percent(PercentFormatter),
    Brace(BraceFormatter),
    Dollar(DollarFormatter),
}

impl Styled {
    /// Formats a record. For the line alone, `set` adds attributes to a copy of it, with the end of the text to work on; then
    /// `finish` may change the line, which begins at the offset that it is given.
    ///
    /// # Errors
    /// Those of the line and of `set`; then `out` is as it was.
    pub(crate) fn format(
        &self,
        record: &Record<'_>,
        out: &mut String,
        set: impl Fn(&mut Attributes, &mut String) -> Result<(), FormatError>,
        finish: impl Fn(&mut String, usize),
    ) -> Result<(), FormatError> {
        let start = out.len();
        self.composer().format(record, out, |out| {
            let start = out.len();
            Attributes::with(record, Escape::None, |attributes| {
                set(attributes, out)?;
                out.truncate(start);
                let record = Record { attributes: attributes.fields.as_fields(), ..*record };
                match &self.style {
                    Styles::Percent(formatter) => formatter.write(&record, out),
                    Styles::Brace(formatter) => formatter.write(&record, out),
                    Styles::Dollar(formatter) => formatter.write(&record, out),
                }
            })?;
            finish(out, start);
            Ok(())
        })?;
        if self.escape.is_needed(&out[start..]) {
            out.truncate(start);
            return self.format_escaped(record, out, set, finish);
        }
        Ok(())
    }

    /// Formats a record value by value, as each is to be escaped by itself and what stands between them is not.
    #[cold]
    fn format_escaped(
        &self,
        record: &Record<'_>,
        out: &mut String,
        set: impl Fn(&mut Attributes, &mut String) -> Result<(), FormatError>,
        finish: impl Fn(&mut String, usize),
    ) -> Result<(), FormatError> {
        let mut end = out.len();
        self.composer().format(record, out, |out| {
            let start = out.len();
            Attributes::with(record, self.escape, |attributes| {
                set(attributes, out)?;
                out.truncate(start);
                let record = Record { attributes: attributes.fields.as_fields(), ..*record };
                let written = |out: &mut String, start: usize, name: &str| match (name, attributes.own(name)) {
                    // Its format is the config's own.
                    ("asctime", _) => {}
                    (_, Some(own)) => self.escape.line_around(out, start, own),
                    (_, None) => self.escape.line(out, start),
                };
                match &self.style {
                    Styles::Percent(formatter) => formatter.write_each(&record, out, &written),
                    Styles::Brace(formatter) => formatter.write_each(&record, out, &written),
                    Styles::Dollar(formatter) => formatter.write_each(&record, out, &written),
                }
            })?;
            finish(out, start);
            end = out.len();
            Ok(())
        })?;
        self.escape.below(out, end);
        Ok(())
    }

    /// The names in the format that are no attributes which every record has.
    pub(crate) fn named_fields(&self) -> &[Box<str>] {
        self.composer().named_fields()
    }

    /// Takes it that these fields need not stand behind the message, either.
    pub(crate) fn hide(&mut self, fields: &[&str]) {
        match &mut self.style {
            Styles::Percent(formatter) => formatter.composer.hide(fields),
            Styles::Brace(formatter) => formatter.composer.hide(fields),
            Styles::Dollar(formatter) => formatter.composer.hide(fields),
        }
    }

    /// What the format reads beyond the event itself.
    pub(crate) fn needs(&self) -> Needs {
        self.composer().needs()
    }

    fn composer(&self) -> &Composer {
        match &self.style {
            Styles::Percent(formatter) => &formatter.composer,
            Styles::Brace(formatter) => &formatter.composer,
            Styles::Dollar(formatter) => &formatter.composer,
        }
    }
}

/// Python's `logging.Formatter`, where it escapes.
impl Formatter for Styled {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.format(record, out, |_, _| Ok(()), |_, _| {})
    }

    fn needs(&self) -> Needs {
        self.needs()
    }
}

/// Attributes that a record gets for its line.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    fields: FieldsBuf,
    /// How many the record has had before.
    given: usize,
    /// What is to be made of control characters in what is taken from the record.
    pub(crate) escape: Escape,
}

thread_local! {
    static KEPT: Cell<FieldsBuf> = const { Cell::new(FieldsBuf::new()) };
}

/// What one enormous record needed is not kept for all that follow.
const KEPT_BYTES: usize = 64 * 1024;

impl Attributes {
    /// Lends those of the record, in the memory that this thread keeps for it.
    fn with<T>(record: &Record<'_>, escape: Escape, use_it: impl FnOnce(&mut Self) -> T) -> T {
        let mut fields = KEPT.try_with(Cell::take).unwrap_or_default();
        fields.clear();
        fields.extend(record.attributes);
        let mut attributes = Self { fields, given: record.attributes.iter().count(), escape };
        let result = use_it(&mut attributes);
        if attributes.fields.as_fields().as_bytes().len() <= KEPT_BYTES {
            // A thread that is ending does not need it again.
            let _ = KEPT.try_with(|kept| kept.set(attributes.fields));
        }
        result
    }

    /// Sets an attribute. Its control characters are meant, as those of colours are: what it has of the record's is escaped
    /// before.
    pub(crate) fn set(&mut self, name: &str, value: Value<'_>) {
        self.fields.push(FieldName::Inline(name), value);
    }

    /// What was set under the name, or stands in what that name shows.
    fn own(&self, name: &str) -> Option<&str> {
        let name = if name == "message" { "msg" } else { name };
        let mut set = self.fields.as_fields().iter().skip(self.given);
        set.find(|field| field.name == FieldName::Inline(name)).and_then(|field| field.value.as_str())
    }
}

/// The name of the record's level as Python's `levelname`, at the end of `out`.
///
/// # Errors
/// The value that the record was given for it, if that is no text.
pub(crate) fn push_level_name<'a>(out: &mut String, record: &Record<'a>) -> Result<(), Value<'a>> {
    match record.attribute("levelname") {
        None => {
            // Writing to a string does not fail.
            let _ = std::fmt::Write::write_fmt(out, format_args!("{}", record.level_name()));
        }
        Some(value) if value.as_str().is_some() => push_str(out, value),
        Some(other) => return Err(other),
    }
    Ok(())
}
