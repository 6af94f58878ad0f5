//! Fields, encoded once and read in place.
//!
//! A field is a tag byte (the kind of its value; the top bit says that the name stands inline), the name (an index
//! into the callsite's names, or length and text) and the value. The same bytes serve a formatter in this process and
//! travel to another one unchanged.

use std::fmt::{self, Write as _};

use crate::codec::{DecodeError, Reader};
use crate::cut::start_of;
use crate::{Value, write_caught};

/// The top bit of a tag: the name stands inline.
const INLINE_NAME: u8 = 0x80;

/// A tag, and a name by its place or the length of one that stands inline.
const TAG_BYTES: usize = 3;

/// A value of 128 bits.
const LONGEST_FIXED: usize = 16;

/// The kinds of value, as tags; other processes read them, so that a number once given is never given again.
mod kind {
    pub(super) const NONE: u8 = 0;
    pub(super) const BOOL: u8 = 1;
    pub(super) const I64: u8 = 2;
    pub(super) const U64: u8 = 3;
    pub(super) const I128: u8 = 4;
    pub(super) const U128: u8 = 5;
    pub(super) const F64: u8 = 6;
    pub(super) const STR: u8 = 7;
    pub(super) const BYTES: u8 = 8;
    pub(super) const DEBUG: u8 = 9;
    pub(super) const DISPLAY: u8 = 10;
    pub(super) const ERROR: u8 = 11;
}

/// How a field is named: by its place in the callsite's list of names, or by the name itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldName<'a> {
    /// The place in [`Callsite::field_names`](crate::Callsite::field_names).
    Index(u16),
    /// A name that no callsite has: of a span, of a `log` record's key, of an extra.
    Inline(&'a str),
}

/// One field of a record or of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    /// Its name.
    pub name: FieldName<'a>,
    /// Its value.
    pub value: Value<'a>,
}

/// Encoded fields, read in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// No fields.
    pub const EMPTY: Fields<'static> = Fields(&[]);

    /// Takes bytes that another process wrote.
    ///
    /// # Errors
    /// If they are not fields, whole and in order. What this accepts, iteration reads to its end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            read_field(&mut reader)?;
        }
        Ok(Self(bytes))
    }

    /// Takes bytes that were parsed once, or encoded here.
    pub(crate) fn trust(bytes: &'a [u8]) -> Self {
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

    /// The fields in the order in which they were recorded.
    pub fn iter(&self) -> FieldsIter<'a> {
        FieldsIter(Reader::new(self.0))
    }

    /// The value of the field called `name`, where `names` are the callsite's. The last one recorded wins.
    pub fn find(&self, name: &str, names: &[Box<str>]) -> Option<Value<'a>> {
        let named = |(field, _): &(UnreadName<'_>, _)| field.bytes(names) == Some(name.as_bytes());
        Unread(self.0).filter(named).last().and_then(|(_, value)| value.read())
    }

    /// Looks for the fields of several names at once: `found` has a place for each, in which the last one recorded stays, or
    /// what was there before.
    pub(crate) fn find_each(&self, wanted: &[Box<str>], names: &[Box<str>], found: &mut [Option<FoundValue<'a>>]) {
        for (field, value) in Unread(self.0) {
            let Some(field) = field.bytes(names) else { continue };
            for (name, place) in wanted.iter().zip(&mut *found) {
                let name = name.as_bytes();
                // Most that are as long begin otherwise, which saves a call.
                if name.len() == field.len() && name.first() == field.first() && name == field {
                    *place = Some(value);
                }
            }
        }
    }
}

/// A value that was found and not read yet.
#[derive(Clone, Copy, Debug)]
pub struct FoundValue<'a> {
    kind: u8,
    /// It, and what comes behind it.
    bytes: &'a [u8],
}

impl<'a> FoundValue<'a> {
    /// The value; `None` if another process wrote something that is none.
    #[inline]
    pub fn read(self) -> Option<Value<'a>> {
        read_value(self.kind, &mut Reader::new(self.bytes)).ok()
    }
}

/// The fields that are encoded in some bytes, of which only names and lengths are read.
struct Unread<'a>(&'a [u8]);

impl<'a> Iterator for Unread<'a> {
    type Item = (UnreadName<'a>, FoundValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, low, high], behind) = self.0.split_first_chunk()?;
        let number = u16::from_le_bytes([low, high]);
        let kind = tag & !INLINE_NAME;
        let (name, bytes) = if tag == kind {
            (UnreadName::Index(number), behind)
        } else {
            let (inline, value) = behind.split_at_checked(number.into())?;
            (UnreadName::Inline(inline), value)
        };
        self.0 = bytes.get(value_length(kind, bytes)?..)?;
        Some((name, FoundValue { kind, bytes }))
    }
}

#[derive(Clone, Copy)]
enum UnreadName<'a> {
    Index(u16),
    /// Text, if it is UTF-8.
    Inline(&'a [u8]),
}

impl<'a> UnreadName<'a> {
    /// The name, where `names` are the callsite's.
    #[inline]
    fn bytes(self, names: &'a [Box<str>]) -> Option<&'a [u8]> {
        match self {
            Self::Index(index) => names.get(usize::from(index)).map(|name| name.as_bytes()),
            Self::Inline(inline) => Some(inline),
        }
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = Field<'a>;
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

/// The iterator of [`Fields::iter`].
#[derive(Clone, Debug)]
pub struct FieldsIter<'a>(Reader<'a>);

impl<'a> Iterator for FieldsIter<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        if self.0.is_empty() {
            return None;
        }
        read_field(&mut self.0).ok()
    }
}

/// A buffer into which fields are encoded; reused from record to record.
#[derive(Clone, Debug, Default)]
pub struct FieldsBuf(Vec<u8>);

impl FieldsBuf {
    /// No fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The fields so far.
    pub fn as_fields(&self) -> Fields<'_> {
        Fields(&self.0)
    }

    /// Forgets the fields and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many bytes it has memory for.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Appends fields that are encoded already.
    pub fn extend(&mut self, fields: Fields<'_>) {
        self.0.extend_from_slice(fields.0);
    }

    /// Appends a field.
    // Always: whoever calls it knows the kind of value, which would be looked up else.
    #[inline(always)]
    pub fn push(&mut self, name: FieldName<'_>, value: Value<'_>) {
        let (tag, text) = match value {
            Value::None => return self.fixed(kind::NONE, name, []),
            Value::Bool(value) => return self.fixed(kind::BOOL, name, [u8::from(value)]),
            Value::I64(value) => return self.fixed(kind::I64, name, value.to_le_bytes()),
            Value::U64(value) => return self.fixed(kind::U64, name, value.to_le_bytes()),
            Value::I128(value) => return self.fixed(kind::I128, name, value.to_le_bytes()),
            Value::U128(value) => return self.fixed(kind::U128, name, value.to_le_bytes()),
            Value::F64(value) => return self.fixed(kind::F64, name, value.to_le_bytes()),
            Value::Str(text) => (kind::STR, text.as_bytes()),
            Value::Bytes(bytes) => (kind::BYTES, bytes),
            Value::Debug(text) => (kind::DEBUG, text.as_bytes()),
            Value::Display(text) => (kind::DISPLAY, text.as_bytes()),
            Value::Error(text) => (kind::ERROR, text.as_bytes()),
        };
        let length = text.len().min(u32::MAX as usize);
        self.fixed(tag, name, (length as u32).to_le_bytes());
        self.0.extend_from_slice(&text[..length]);
    }

    /// Appends a field whose value `fmt::Debug` writes straight into the buffer.
    pub fn push_debug(&mut self, name: FieldName<'_>, value: &dyn fmt::Debug) {
        self.push_written(kind::DEBUG, name, |out| write!(out, "{value:?}"));
    }

    /// Appends a field whose value is written straight into the buffer as [`Value::Error`].
    pub fn push_error(&mut self, name: FieldName<'_>, write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) {
        self.push_written(kind::ERROR, name, |out| write(out));
    }

    fn push_written(&mut self, tag: u8, name: FieldName<'_>, write: impl FnOnce(&mut Utf8Tail<'_>) -> fmt::Result) {
        self.fixed(tag, name, [0; 4]);
        let start = self.0.len() - 4;
        write_caught(&mut Utf8Tail(&mut self.0), write);
        let length = u32::try_from(self.0.len() - start - 4).unwrap_or(u32::MAX);
        self.0.truncate(start + 4 + length as usize);
        self.0[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Appends what a field begins with: its tag, its name, and a value or length.
    #[inline]
    fn fixed<const N: usize>(&mut self, tag: u8, name: FieldName<'_>, value: [u8; N]) {
        match name {
            FieldName::Index(index) => {
                // In one piece, so that the buffer is asked for room once.
                let mut bytes = [0; TAG_BYTES + LONGEST_FIXED];
                bytes[0] = tag;
                bytes[1..TAG_BYTES].copy_from_slice(&index.to_le_bytes());
                bytes[TAG_BYTES..TAG_BYTES + N].copy_from_slice(&value);
                self.0.extend_from_slice(&bytes[..TAG_BYTES + N]);
            }
            FieldName::Inline(name) => self.fixed_inline(tag, name, &value),
        }
    }

    #[inline(never)]
    fn fixed_inline(&mut self, tag: u8, name: &str, value: &[u8]) {
        let name = start_of(name, usize::from(u16::MAX));
        self.0.push(tag | INLINE_NAME);
        self.0.extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(value);
    }
}

/// Appends text to bytes.
struct Utf8Tail<'a>(&'a mut Vec<u8>);

impl fmt::Write for Utf8Tail<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

// Always inlined, with what it calls: else a field is built in one place and then copied to the next, which a formatted line
// feels.
#[inline(always)]
fn read_field<'a>(reader: &mut Reader<'a>) -> Result<Field<'a>, DecodeError> {
    let tag = reader.u8()?;
    let number = reader.u16()?;
    let name = match tag & INLINE_NAME {
        0 => FieldName::Index(number),
        _ => FieldName::Inline(reader.text(number.into())?),
    };
    Ok(Field { name, value: read_value(tag & !INLINE_NAME, reader)? })
}

#[inline(always)]
fn read_value<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Value<'a>, DecodeError> {
    Ok(match kind {
        kind::NONE => Value::None,
        kind::BOOL => Value::Bool(reader.u8()? != 0),
        kind::I64 => Value::I64(i64::from_le_bytes(reader.array()?)),
        kind::U64 => Value::U64(u64::from_le_bytes(reader.array()?)),
        kind::I128 => Value::I128(i128::from_le_bytes(reader.array()?)),
        kind::U128 => Value::U128(u128::from_le_bytes(reader.array()?)),
        kind::F64 => Value::F64(f64::from_le_bytes(reader.array()?)),
        kind::STR => Value::Str(reader.long_text()?),
        kind::BYTES => Value::Bytes(reader.long_bytes()?),
        kind::DEBUG => Value::Debug(reader.long_text()?),
        kind::DISPLAY => Value::Display(reader.long_text()?),
        kind::ERROR => Value::Error(reader.long_text()?),
        _ => return Err(DecodeError::UnknownKind),
    })
}

/// How many bytes the value of that kind takes that `bytes` begin with; `None` if there is no such kind, or no length.
#[inline]
fn value_length(kind: u8, bytes: &[u8]) -> Option<usize> {
    /// By kind; text and the like have their length before them.
    const LENGTHS: [u8; 7] = [0, 1, 8, 8, 16, 16, 8];
    match LENGTHS.get(usize::from(kind)) {
        Some(length) => Some(usize::from(*length)),
        None if kind <= kind::ERROR => Some(4 + u32::from_le_bytes(*bytes.first_chunk()?) as usize),
        None => None,
    }
}
