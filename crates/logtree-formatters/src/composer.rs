//! What formatters of every style share: the text that has to be put together, and what stands below the line.

use std::fmt::Write as _;

use logtree_core::{FormatError, Needs, Record};

use crate::attributes::{Composed, Lookup};
use crate::config::FormatterConfig;
use crate::conversion::error;
use crate::message;
use crate::repr::push_repr;
use crate::time::TimeFormat;

/// Puts together what a format names and no record holds as it is.
#[derive(Clone, Debug)]
pub(crate) struct Composer {
    time: Option<TimeFormat>,
    /// The fields that stand on their own in the format, so that the message need not show them.
    named_fields: Box<[Box<str>]>,
    needs: Needs,
}

impl Composer {
    /// For a format with these names; `uses_time` is what CPython's `usesTime` says of it.
    pub(crate) fn new(lookups: &[&Lookup], uses_time: bool, config: &FormatterConfig) -> Self {
        let fields = lookups.iter().filter(|lookup| lookup.is_field());
        Self {
            time: uses_time.then(|| TimeFormat::new(config)),
            named_fields: fields.map(|lookup| lookup.name().into()).collect(),
            needs: Needs { spans: lookups.iter().any(|lookup| lookup.needs_spans()) },
        }
    }

    /// The fields that stand on their own in the format.
    pub(crate) fn named_fields(&self) -> &[Box<str>] {
        &self.named_fields
    }

    /// Takes it that these fields need not stand behind the message, either.
    pub(crate) fn hide(&mut self, fields: &[&str]) {
        let hidden = fields.iter().map(|field| Box::from(*field));
        self.named_fields = std::mem::take(&mut self.named_fields).into_iter().chain(hidden).collect();
    }

    /// What the format reads beyond the event itself.
    pub(crate) fn needs(&self) -> Needs {
        self.needs
    }

    /// Formats a record as CPython's `Formatter.format` does: the line, which `write_line` appends, and what stands below.
    ///
    /// # Errors
    /// Those of the line; then `out` is as it was.
    pub(crate) fn format(
        &self,
        record: &Record<'_>,
        out: &mut String,
        write_line: impl FnOnce(&mut String) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        whole(out, |out| {
            let start = out.len();
            self.try_time(record, out)?;
            write_line(out)?;
            message::push_below(out, start, record)
        })
    }

    /// Appends text that has to be put together.
    ///
    /// # Errors
    /// If the record was given a time that is none.
    // It is a part of the hot path, of which those that escape are none.
    #[inline]
    pub(crate) fn write(
        &self,
        composed: Composed<'_>,
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        match composed {
            Composed::Message => message::push_message(out, record, &self.named_fields),
            Composed::AscTime => self.time.as_ref().map_or(Ok(()), |time| time.write(record, out))?,
            Composed::LevelName(name) => {
                // Writing to a string does not fail.
                let _ = write!(out, "{name}");
            }
            Composed::SpanPath => message::push_span_path(out, record.spans),
            Composed::FullSpans => message::push_full_spans(out, record),
        }
        Ok(())
    }

    /// Finds out whether the time is one, since Python makes it before all else, and even where the format only looks as
    /// if it named it. Only a time that was given to the record can be none, or one whose own format is broken.
    fn try_time(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        if let Some(time) = self.time.as_ref().filter(|time| !record.attributes.is_empty() || time.may_fail()) {
            let start = out.len();
            time.write(record, out)?;
            out.truncate(start);
        }
        Ok(())
    }
}

/// Appends what `write` does, or nothing if that fails.
#[inline]
pub(crate) fn whole(
    out: &mut String,
    write: impl FnOnce(&mut String) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let start = out.len();
    let outcome = write(out);
    if outcome.is_err() {
        out.truncate(start);
    }
    outcome
}

/// CPython's error about a name that neither the record nor the defaults have.
pub(crate) fn missing(name: &str) -> FormatError {
    let mut message = String::from("Formatting field not found in record: ");
    push_repr(&mut message, name);
    error("ValueError", message)
}
