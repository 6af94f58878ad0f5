//! The spans around a record, from the outermost to the innermost.
//!
//! Each is encoded when it is made (length, name, fields), so that a record copies it and reads nothing again.

use crate::codec::{DecodeError, Reader};
use crate::cut::start_of;
use crate::{Fields, FieldsBuf, Value};

/// One span around a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanRef<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its fields, named inline.
    pub fields: Fields<'a>,
}

/// Encoded spans, read in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans<'a>(&'a [u8]);

impl<'a> Spans<'a> {
    /// No spans.
    pub const EMPTY: Spans<'static> = Spans(&[]);

    /// Takes bytes that another process wrote.
    ///
    /// # Errors
    /// If they are not spans, whole and in order.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            Fields::parse(read_span(&mut reader)?.fields.as_bytes())?;
        }
        Ok(Self(bytes))
    }

    /// Takes bytes that are those of [spans](Self::as_bytes) for sure. If they are not, nothing worse happens than that some
    /// are not found.
    pub fn trust(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The spans from the outermost to the innermost.
    pub fn iter(&self) -> impl Iterator<Item = SpanRef<'a>> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || if reader.is_empty() { None } else { read_span(&mut reader).ok() })
    }

    /// The value of the field called `name` in the nearest span that has it.
    pub fn find(&self, name: &str) -> Option<Value<'a>> {
        self.all_fields().fold(None, |found, fields| fields.find(name, &[]).or(found))
    }

    /// The fields of each, from the outermost to the innermost, with nothing else read.
    pub(crate) fn all_fields(&self) -> impl Iterator<Item = Fields<'a>> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            let mut span = Reader::new(reader.long_bytes().ok()?);
            // Its own name is nothing that anybody looks for.
            let length = span.u16().ok()?;
            span.bytes(length.into()).ok()?;
            Some(Fields::trust(span.rest()))
        })
    }
}

/// A buffer of encoded spans; reused from record to record.
#[derive(Clone, Debug, Default)]
pub struct SpansBuf(Vec<u8>);

impl SpansBuf {
    /// No spans.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The spans so far.
    pub fn as_spans(&self) -> Spans<'_> {
        Spans(&self.0)
    }

    /// Forgets the spans and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many bytes it has memory for.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Appends the next inner span. Its fields must be named inline.
    pub fn push(&mut self, name: &str, fields: &FieldsBuf) {
        let name = start_of(name, usize::from(u16::MAX)).as_bytes();
        let fields = fields.as_fields().as_bytes();
        self.0.reserve(6 + name.len() + fields.len());
        self.0.extend_from_slice(&((2 + name.len() + fields.len()) as u32).to_le_bytes());
        self.0.extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(fields);
    }

    /// Appends spans that are encoded already.
    pub fn extend(&mut self, spans: Spans<'_>) {
        self.0.extend_from_slice(spans.0);
    }
}

fn read_span<'a>(reader: &mut Reader<'a>) -> Result<SpanRef<'a>, DecodeError> {
    let mut span = Reader::new(reader.long_bytes()?);
    let name = span.short_text()?;
    Ok(SpanRef { name, fields: Fields::trust(span.rest()) })
}
