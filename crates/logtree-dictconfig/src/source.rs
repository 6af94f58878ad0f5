//! The text of a config and where a byte of it stands.

use crate::node::Span;

/// A text and the name by which messages call it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) origin: String,
    pub(crate) text: String,
}

impl Source {
    /// The line and column of a byte, both from one, the column in characters.
    pub(crate) fn line_column(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (1 + before.matches('\n').count(), 1 + before[line_start..].chars().count())
    }

    /// Where a span stands. One that ends inside a character ends behind it: who marks the first byte of something does not
    /// know what is there.
    pub(crate) fn place(&self, span: Span) -> Place {
        let is_boundary = |end: &usize| self.text.is_char_boundary(*end);
        let end = (span.end..=self.text.len()).find(is_boundary).unwrap_or(span.end);
        let span = Span { end, ..span };
        let (line, column) = self.line_column(span.start);
        Place { line, column, span }
    }
}

/// A place in the text of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The line, from one.
    pub line: usize,
    /// The column, from one, in characters.
    pub column: usize,
    /// The bytes of the text.
    pub span: Span,
}
