//! Records, formatters and filters for tests.

use std::path::Path;

use logtree_core::{Callsite, Filter, FormatError, Formatter, Level, Origin, Record, Timestamp, Verdict};

/// Lends a record with this message.
pub(crate) fn with_record<R>(message: &str, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
    let callsite = Callsite { name: "a.b".into(), ..Callsite::default() };
    let origin = Origin::default();
    use_it(&Record::new(&callsite, &origin, Level::INFO, Timestamp(0), message))
}

/// Formats as `<message>`; panics on `panic` and fails on `fail`.
pub(crate) struct Brackets;

impl Formatter for Brackets {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push('<');
        match record.message {
            "panic" => panic!("a formatter of the user's panics"),
            "fail" => return Err(FormatError { exception: "ValueError", message: "no".into() }),
            message => out.push_str(message),
        }
        out.push('>');
        Ok(())
    }
}

/// Rejects the message `filtered`.
pub(crate) struct Unfiltered;

impl Filter for Unfiltered {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        (record.message != "filtered").into()
    }
}

/// The lines of a file that ends with a newline.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "half a line at the end: {text:?}");
    text.lines().map(str::to_owned).collect()
}
