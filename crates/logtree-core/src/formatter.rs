//! Formatters: from a record to text.

use std::sync::Arc;

use crate::{FormatError, Record};

/// Turns a record into text.
///
/// ```
/// # use logtree_core as logtree;
/// use std::fmt::Write as _;
/// use logtree::{FormatError, Formatter, Record};
///
/// /// The level and the message.
/// struct Short;
///
/// impl Formatter for Short {
///     fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
///         let _ = write!(out, "{}: {}", record.level_name(), record.message); // a String takes everything
///         Ok(())
///     }
/// }
/// ```
pub trait Formatter: Send + Sync {
    /// Appends the text of `record` to `out`, without a terminator.
    ///
    /// # Errors
    /// If the record lacks what the format names; then the record is lost for the handler, as in Python.
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError>;

    /// What the formatter reads beyond the event itself. The default reads everything.
    fn needs(&self) -> Needs {
        Needs { spans: true }
    }

    /// The same formatter without the escape sequences that colour a terminal, for handlers that write a file; `None` if
    /// this one has none, or was told to put them everywhere.
    fn without_colors(&self) -> Option<Arc<dyn Formatter>> {
        None
    }
}

/// What formatters and filters read beyond the event itself; what nobody reads is not gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The spans around the event: their names or their fields.
    pub spans: bool,
}

impl Needs {
    /// What either reads.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { spans: self.spans || other.spans }
    }
}
