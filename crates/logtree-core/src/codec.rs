//! A record as bytes, and back.
//!
//! A record travels in two parts. Its constant parts, [`Callsite`] and [`Origin`], are *definitions*: written once,
//! named by a number. The rest is one fixed block and a few variable pieces; [`Encoded`] lends them where they lie, so
//! that a queue copies each byte once.
//!
//! Numbers are little-endian. What comes back from bytes is never trusted: every length, tag and text is checked, and
//! [`decode`] answers with an error, never with a panic.

use std::fmt;

use crate::{Callsite, Fields, Level, LevelNames, Origin, Record, Source, Spans, Timestamp};

/// The layout of everything this module writes. Another number means another layout, and another `ABI_VERSION` in logtree-os, so
/// that programs of both share no queue.
pub const VERSION: u16 = 2;

/// The fixed block: version, source, level, time, the origin's definition, and the lengths of the pieces.
const FIXED_LEN: usize = 2 + 2 + 4 + 8 + 4 + 4 * PIECES;
const PIECES: usize = 8;
/// The length of a piece that is absent, where absent differs from empty.
const ABSENT: u32 = u32::MAX;

/// A record as pieces to be written one after the other.
#[derive(Debug)]
pub struct Encoded<'a> {
    fixed: [u8; FIXED_LEN],
    pieces: [&'a [u8]; PIECES],
}

impl<'a> Encoded<'a> {
    /// Encodes everything but the callsite; `origin` names the definition of the record's [`Origin`].
    #[inline]
    pub fn new(record: &Record<'a>, origin: u32) -> Self {
        // Nearly all have the callsite's own, which need not be compared.
        let is_callsites = std::ptr::eq(record.name, &*record.callsite.name) || *record.name == *record.callsite.name;
        let own_name = (!is_callsites).then_some(record.name);
        let optional = [own_name, record.function, record.exc_text, record.stack_info];
        let text = |text: Option<&'a str>| text.map_or(&[][..], str::as_bytes);
        let pieces = [
            record.message.as_bytes(),
            record.fields.as_bytes(),
            record.spans.as_bytes(),
            record.attributes.as_bytes(),
            text(optional[0]),
            text(optional[1]),
            text(optional[2]),
            text(optional[3]),
        ];
        let mut fixed = [0; FIXED_LEN];
        fixed[0..2].copy_from_slice(&VERSION.to_le_bytes());
        fixed[2] = match record.source {
            Source::Tracing => 0,
            Source::Log => 1,
            Source::Python => 2,
            Source::Formatted => 3,
        };
        fixed[4..8].copy_from_slice(&record.level.0.to_le_bytes());
        fixed[8..16].copy_from_slice(&record.created.0.to_le_bytes());
        fixed[16..20].copy_from_slice(&origin.to_le_bytes());
        for (at, piece) in pieces.iter().enumerate() {
            let is_absent = at >= 4 && optional[at - 4].is_none();
            let length = if is_absent { ABSENT } else { piece.len() as u32 };
            fixed[20 + 4 * at..24 + 4 * at].copy_from_slice(&length.to_le_bytes());
        }
        Self { fixed, pieces }
    }

    /// All the bytes, in order.
    #[inline]
    pub fn slices(&self) -> [&[u8]; PIECES + 1] {
        let [a, b, c, d, e, f, g, h] = self.pieces;
        [&self.fixed, a, b, c, d, e, f, g, h]
    }
}

/// Encoded bytes that are not yet a record: what can be read without their definitions.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The definition of the record's [`Origin`].
    pub origin: u32,
    source: Source,
    level: Level,
    created: Timestamp,
    message: &'a str,
    fields: Fields<'a>,
    spans: Spans<'a>,
    attributes: Fields<'a>,
    own_name: Option<&'a str>,
    function: Option<&'a str>,
    exc_text: Option<&'a str>,
    stack_info: Option<&'a str>,
}

/// Reads what [`Encoded`] wrote.
///
/// # Errors
/// If the bytes are anything else.
pub fn decode(bytes: &[u8]) -> Result<Parts<'_>, DecodeError> {
    let mut reader = Reader::new(bytes);
    if reader.u16()? != VERSION {
        return Err(DecodeError::Version);
    }
    let source = match reader.u16()? {
        0 => Source::Tracing,
        1 => Source::Log,
        2 => Source::Python,
        3 => Source::Formatted,
        _ => return Err(DecodeError::UnknownKind),
    };
    let level = Level(i32::from_le_bytes(reader.array()?));
    let created = Timestamp(i64::from_le_bytes(reader.array()?));
    let origin = reader.u32()?;
    let mut lengths = [0; PIECES];
    for length in &mut lengths {
        *length = reader.u32()?;
    }
    let parts = Parts {
        origin,
        source,
        level,
        created,
        message: reader.text(lengths[0] as usize)?,
        fields: Fields::parse(reader.bytes(lengths[1] as usize)?)?,
        spans: Spans::parse(reader.bytes(lengths[2] as usize)?)?,
        attributes: Fields::parse(reader.bytes(lengths[3] as usize)?)?,
        own_name: reader.optional_text(lengths[4])?,
        function: reader.optional_text(lengths[5])?,
        exc_text: reader.optional_text(lengths[6])?,
        stack_info: reader.optional_text(lengths[7])?,
    };
    if reader.is_empty() { Ok(parts) } else { Err(DecodeError::Length) }
}

impl<'a> Parts<'a> {
    /// The record, once its definitions are at hand.
    pub fn into_record(self, callsite: &'a Callsite, origin: &'a Origin, level_names: &'a LevelNames) -> Record<'a> {
        Record {
            callsite,
            name: self.own_name.unwrap_or(&callsite.name),
            level: self.level,
            level_names,
            created: self.created,
            origin,
            message: self.message,
            fields: self.fields,
            spans: self.spans,
            function: self.function,
            exc_text: self.exc_text,
            stack_info: self.stack_info,
            source: self.source,
            attributes: self.attributes,
        }
    }
}

/// A definition: the constant parts of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definition {
    /// Of one place in the code.
    Callsite(Callsite),
    /// Of one thread of one process.
    Origin(Origin),
}

/// Encodes a callsite as a definition.
pub fn encode_callsite(callsite: &Callsite) -> Vec<u8> {
    let mut out = definition(0);
    out.extend_from_slice(&callsite.line.to_le_bytes());
    for text in [&callsite.name, &callsite.target, &callsite.pathname, &callsite.module, &callsite.module_path] {
        push_text(&mut out, text);
    }
    for name in &callsite.field_names {
        push_text(&mut out, name);
    }
    out
}

/// Encodes an origin as a definition.
pub fn encode_origin(origin: &Origin) -> Vec<u8> {
    let mut out = definition(1);
    out.extend_from_slice(&origin.process.to_le_bytes());
    out.extend_from_slice(&origin.thread.to_le_bytes());
    out.extend_from_slice(&origin.started.0.to_le_bytes());
    push_text(&mut out, &origin.process_name);
    push_text(&mut out, &origin.thread_name);
    out
}

/// Reads what [`encode_callsite`] or [`encode_origin`] wrote.
///
/// # Errors
/// If the bytes are anything else.
pub fn decode_definition(bytes: &[u8]) -> Result<Definition, DecodeError> {
    let mut reader = Reader::new(bytes);
    if reader.u16()? != VERSION {
        return Err(DecodeError::Version);
    }
    let definition = match reader.u16()? {
        0 => {
            let line = reader.u32()?;
            let name = reader.long_text()?.into();
            let target = reader.long_text()?.into();
            let pathname = reader.long_text()?.into();
            let module = reader.long_text()?.into();
            let module_path = reader.long_text()?.into();
            let mut field_names = Vec::new();
            while !reader.is_empty() {
                field_names.push(reader.long_text()?.into());
            }
            let field_names = field_names.into_boxed_slice();
            let index = None;
            Definition::Callsite(Callsite { index, name, target, pathname, module, module_path, line, field_names })
        }
        1 => Definition::Origin(Origin {
            process: reader.u32()?,
            thread: u64::from_le_bytes(reader.array()?),
            started: Timestamp(i64::from_le_bytes(reader.array()?)),
            process_name: reader.long_text()?.into(),
            thread_name: reader.long_text()?.into(),
        }),
        _ => return Err(DecodeError::UnknownKind),
    };
    if reader.is_empty() { Ok(definition) } else { Err(DecodeError::Length) }
}

fn definition(kind: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&kind.to_le_bytes());
    out
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Another layout than this program's.
    Version,
    /// A length that points outside, or bytes that nothing accounts for.
    Length,
    /// A tag that names no kind.
    UnknownKind,
    /// Text that is not UTF-8.
    Utf8,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the record has another layout version",
            Self::Length => "a length in the record is wrong",
            Self::UnknownKind => "the record holds a kind that is not known",
            Self::Utf8 => "a text in the record is not UTF-8",
        })
    }
}

impl std::error::Error for DecodeError {}

/// Reads bytes from the front, and never past their end.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    #[inline]
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Length)?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(DecodeError::Length)?;
        self.0 = rest;
        Ok(*array)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn text(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes(length)?).map_err(|_| DecodeError::Utf8)
    }

    /// Text behind a length of two bytes.
    #[inline]
    pub(crate) fn short_text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.u16()?;
        self.text(usize::from(length))
    }

    /// Text behind a length of four bytes.
    #[inline]
    pub(crate) fn long_text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.u32()?;
        self.text(length as usize)
    }

    /// Bytes behind a length of four bytes.
    #[inline]
    pub(crate) fn long_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u32()?;
        self.bytes(length as usize)
    }

    fn optional_text(&mut self, length: u32) -> Result<Option<&'a str>, DecodeError> {
        if length == ABSENT { Ok(None) } else { self.text(length as usize).map(Some) }
    }
}
