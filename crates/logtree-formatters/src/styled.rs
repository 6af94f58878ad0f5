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
#[derive(Debug)]
pub(crate) struct Styled {
    pub(crate) style: Styles,
    pub(crate) escape: Escape,
}

#[derive(Debug)]
pub(crate) enum Styles {
    Percent(PercentFormatter),
    Brace(BraceFormatter),
    Dollar(DollarFormatter),
}

/// What such a subclass does to a line.
pub(crate) trait FormatMessage {
    /// Adds attributes to the record, for the line alone, with the end of the text to work on.
    fn set(&self, record: &Record<'_>, attributes: &mut Attributes, out: &mut String) -> Result<(), FormatError>;

    /// May change the line, which begins at `start`.
    fn finish(&self, _out: &mut String, _start: usize) {}
}

impl Styled {
    /// Formats a record, its line as `subclass` does.
    ///
    /// # Errors
    /// Those of the line and of `set`; then `out` is as it was.
    pub(crate) fn format_as(
        &self,
        subclass: &dyn FormatMessage,
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        let start = out.len();
        self.write(subclass, Escape::None, record, out)?;
        if self.escape.is_needed(&out[start..]) {
            // Anew, value by value: what stands between them is the config's own, and not escaped.
            out.truncate(start);
            let end = self.write(subclass, self.escape, record, out)?;
            self.escape.below(out, end);
        }
        Ok(())
    }

    /// Appends the record, the values of its line escaped, and answers where that ends.
    fn write(
        &self,
        subclass: &dyn FormatMessage,
        escape: Escape,
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<usize, FormatError> {
        let mut end = out.len();
        self.composer().format(record, out, |out| {
            let start = out.len();
            let mut attributes = Attributes::of(record, escape);
            let outcome = subclass.set(record, &mut attributes, out).and_then(|()| {
                out.truncate(start);
                self.write_line(&attributes, record, out)
            });
            attributes.keep();
            outcome?;
            subclass.finish(out, start);
            end = out.len();
            Ok(())
        })?;
        Ok(end)
    }

    fn write_line(&self, attributes: &Attributes, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let record = Record { attributes: attributes.fields.as_fields(), ..*record };
        if attributes.escape == Escape::None {
            return match &self.style {
                Styles::Percent(formatter) => formatter.write(&record, out),
                Styles::Brace(formatter) => formatter.write(&record, out),
                Styles::Dollar(formatter) => formatter.write(&record, out),
            };
        }
        let written = |out: &mut String, start: usize, name: &str| match (name, attributes.own(name)) {
            // Its format is the config's own.
            ("asctime", _) => {}
            (_, Some(own)) => attributes.escape.line_around(out, start, own),
            (_, None) => attributes.escape.line(out, start),
        };
        match &self.style {
            Styles::Percent(formatter) => formatter.write_each(&record, out, &written),
            Styles::Brace(formatter) => formatter.write_each(&record, out, &written),
            Styles::Dollar(formatter) => formatter.write_each(&record, out, &written),
        }
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
        self.format_as(self, record, out)
    }

    fn needs(&self) -> Needs {
        self.needs()
    }
}

impl FormatMessage for Styled {
    fn set(&self, _: &Record<'_>, _: &mut Attributes, _: &mut String) -> Result<(), FormatError> {
        Ok(())
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
    /// Those of the record, in the memory that this thread keeps for them.
    fn of(record: &Record<'_>, escape: Escape) -> Self {
        let mut fields = KEPT.try_with(Cell::take).unwrap_or_default();
        fields.clear();
        fields.extend(record.attributes);
        Self { fields, given: record.attributes.iter().count(), escape }
    }

    /// Gives the memory back.
    fn keep(self) {
        if self.fields.as_fields().as_bytes().len() <= KEPT_BYTES {
            // A thread that is ending does not need it again.
            let _ = KEPT.try_with(|kept| kept.set(self.fields));
        }
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
