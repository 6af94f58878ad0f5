//! The value of a field or an attribute.

/// A typed value, borrowed from the record that holds it.
///
/// `Debug`, `Display` and `Error` hold the text that the value's own implementation wrote: user code runs once, when
/// the record is made, never in a handler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Python's `None`, JSON's `null`.
    None,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A wide signed integer.
    I128(i128),
    /// A wide unsigned integer.
    U128(u128),
    /// A floating-point number.
    F64(f64),
    /// A string.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// What `fmt::Debug` wrote.
    Debug(&'a str),
    /// What `fmt::Display` wrote.
    Display(&'a str),
    /// An error and its chain of sources, as text.
    Error(&'a str),
}

macro_rules! from {
    ($($type:ty => $variant:ident),+) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

from! {
    bool => Bool, i8 => I64, i16 => I64, i32 => I64, i64 => I64, u8 => U64, u16 => U64, u32 => U64, u64 => U64,
    i128 => I128, u128 => U128, f32 => F64, f64 => F64, &'a str => Str, &'a [u8] => Bytes
}

impl<'a> Value<'a> {
    /// The text, if the value is one.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Self::Str(text) | Self::Debug(text) | Self::Display(text) | Self::Error(text) => Some(text),
            _ => None,
        }
    }
}
