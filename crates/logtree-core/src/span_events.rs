//! Records about spans: at which points of their lives.

use std::fmt;
use std::ops::BitOr;

/// At which points of a span's life a record of it is made: what `FmtSpan` is for tracing-subscriber's fmt.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::SpanEvents;
///
/// let events = SpanEvents::NEW | SpanEvents::CLOSE;
/// assert!(events.contains(SpanEvents::CLOSE) && !events.contains(SpanEvents::ENTER));
/// assert_eq!(SpanEvents::parse("active"), Some(SpanEvents::ENTER | SpanEvents::EXIT));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpanEvents(u8);

impl SpanEvents {
    /// At none.
    pub const NONE: Self = Self(0);
    /// When it is made.
    pub const NEW: Self = Self(1);
    /// Whenever it is entered.
    pub const ENTER: Self = Self(2);
    /// Whenever it is left.
    pub const EXIT: Self = Self(4);
    /// When it is closed, with how long it was busy and idle.
    pub const CLOSE: Self = Self(8);
    /// Whenever it is entered or left.
    pub const ACTIVE: Self = Self(2 | 4);
    /// At all of them.
    pub const FULL: Self = Self(1 | 2 | 4 | 8);

    /// The names that configs have for them.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("new", Self::NEW),
        ("enter", Self::ENTER),
        ("exit", Self::EXIT),
        ("close", Self::CLOSE),
        ("active", Self::ACTIVE),
        ("full", Self::FULL),
        ("none", Self::NONE),
    ];

    /// Those of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, events)| *events)
    }

    /// The names of each of them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES[..4].iter().filter(move |(_, event)| self.contains(*event)).map(|(name, _)| *name)
    }

    /// Whether all of `other` are among them.
    #[inline]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for SpanEvents {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for SpanEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (at, name) in self.names().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}
