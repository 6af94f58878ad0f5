//! A formatter of any style, for those that set attributes of their own before the line: what a subclass of Python's
//! `Formatter` does in `formatMessage`.

use std::cell::Cell;

use logtree_core::{FieldName, FieldsBuf, FormatError, Needs, Record, Value};

use crate::brace::BraceFormatter;
use crate::composer::Composer;
use crate::conversion::push_str;
use crate::dollar::DollarFormatter;
use crate::percent::PercentFormatter;

/// A formatter of any style.
#[derive(Clone, Debug)]
pub(crate) enum Styled {
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
        set: impl FnOnce(&mut Attributes, &mut String) -> Result<(), FormatError>,
        finish: impl FnOnce(&mut String, usize),
    ) -> Result<(), FormatError> {
        self.composer().format(record, out, |out| {
            let start = out.len();
            Attributes::with(|attributes| {
                attributes.0.extend(record.attributes);
                set(attributes, out)?;
                out.truncate(start);
                let record = Record { attributes: attributes.0.as_fields(), ..*record };
                match self {
                    Self::Percent(formatter) => formatter.write(&record, out),
                    Self::Brace(formatter) => formatter.write(&record, out),
                    Self::Dollar(formatter) => formatter.write(&record, out),
                }
            })?;
            finish(out, start);
            Ok(())
        })
    }

    /// The names in the format that are no attributes which every record has.
    pub(crate) fn named_fields(&self) -> &[Box<str>] {
        self.composer().named_fields()
    }

    /// Takes it that these fields need not stand behind the message, either.
    pub(crate) fn hide(&mut self, fields: &[&str]) {
        match self {
            Self::Percent(formatter) => formatter.composer.hide(fields),
            Self::Brace(formatter) => formatter.composer.hide(fields),
            Self::Dollar(formatter) => formatter.composer.hide(fields),
        }
    }

    /// What the format reads beyond the event itself.
    pub(crate) fn needs(&self) -> Needs {
        self.composer().needs()
    }

    fn composer(&self) -> &Composer {
        match self {
            Self::Percent(formatter) => &formatter.composer,
            Self::Brace(formatter) => &formatter.composer,
            Self::Dollar(formatter) => &formatter.composer,
        }
    }
}

/// Attributes that a record gets for its line.
#[derive(Debug, Default)]
pub(crate) struct Attributes(FieldsBuf);

thread_local! {
    static KEPT: Cell<Attributes> = const { Cell::new(Attributes(FieldsBuf::new())) };
}

/// What one enormous record needed is not kept for all that follow.
const KEPT_BYTES: usize = 64 * 1024;

impl Attributes {
    /// Lends none, in the memory that this thread keeps for it.
    fn with<T>(use_it: impl FnOnce(&mut Self) -> T) -> T {
        let mut attributes = KEPT.try_with(Cell::take).unwrap_or_default();
        attributes.0.clear();
        let result = use_it(&mut attributes);
        if attributes.0.as_fields().as_bytes().len() <= KEPT_BYTES {
            // A thread that is ending does not need it again.
            let _ = KEPT.try_with(|kept| kept.set(attributes));
        }
        result
    }

    pub(crate) fn set(&mut self, name: &str, value: Value<'_>) {
        self.0.push(FieldName::Inline(name), value);
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
