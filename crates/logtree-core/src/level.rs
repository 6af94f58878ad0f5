//! Levels: any integer, some of them with names.

use std::collections::BTreeMap;
use std::fmt;

/// The importance of a record: any integer, as in Python.
///
/// ```
/// use logtree_core::Level;
/// assert!(Level::WARNING > Level::INFO);
/// assert_eq!(Level(35).0, 35);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub i32);

impl Level {
    /// No level of its own: a logger asks its parent, a handler takes everything.
    pub const NOTSET: Self = Self(0);
    /// `tracing`'s TRACE, which Python has not.
    pub const TRACE: Self = Self(5);
    /// Python's `DEBUG`.
    pub const DEBUG: Self = Self(10);
    /// Python's `INFO`.
    pub const INFO: Self = Self(20);
    /// Python's `WARNING`, `tracing`'s WARN.
    pub const WARNING: Self = Self(30);
    /// Python's `ERROR`.
    pub const ERROR: Self = Self(40);
    /// Python's `CRITICAL`; `tracing` has no such level.
    pub const CRITICAL: Self = Self(50);
}

/// The names of levels: those that every config knows, and those that one config adds.
///
/// Names are case-sensitive (CPython's `logging._checkLevel`). TRACE is accepted, which Python does not know.
#[derive(Clone, Debug, Default)]
pub struct LevelNames {
    added: BTreeMap<String, Level>,
    shown: BTreeMap<Level, String>,
}

const NAMES: [(&str, Level); 9] = [
    ("CRITICAL", Level::CRITICAL),
    ("FATAL", Level::CRITICAL),
    ("ERROR", Level::ERROR),
    ("WARN", Level::WARNING),
    ("WARNING", Level::WARNING),
    ("INFO", Level::INFO),
    ("DEBUG", Level::DEBUG),
    ("NOTSET", Level::NOTSET),
    ("TRACE", Level::TRACE),
];

impl LevelNames {
    /// The names that every config knows.
    pub const STANDARD: &'static Self = &Self { added: BTreeMap::new(), shown: BTreeMap::new() };

    /// Adds a name, as `logging.addLevelName` does: from now on the level prints as `name`.
    pub fn add(&mut self, level: Level, name: &str) {
        self.added.insert(name.to_owned(), level);
        self.shown.insert(level, name.to_owned());
    }

    /// Adds the names that others added; the later one counts.
    pub fn extend(&mut self, later: &Self) {
        self.added.extend(later.added.iter().map(|(name, level)| (name.clone(), *level)));
        self.shown.extend(later.shown.iter().map(|(level, name)| (*level, name.clone())));
    }

    /// The level called `name`, if there is one.
    pub fn parse(&self, name: &str) -> Option<Level> {
        let standard = || NAMES.iter().find(|(known, _)| *known == name).map(|(_, level)| *level);
        self.added.get(name).copied().or_else(standard)
    }

    /// How `level` prints: its name, else `Level 35` (CPython's `logging.getLevelName`).
    pub fn name(&self, level: Level) -> LevelName<'_> {
        if !self.shown.is_empty()
            && let Some(name) = self.shown.get(&level)
        {
            return LevelName::Named(name);
        }
        match level {
            Level::INFO => LevelName::Named("INFO"),
            Level::WARNING => LevelName::Named("WARNING"),
            Level::DEBUG => LevelName::Named("DEBUG"),
            Level::ERROR => LevelName::Named("ERROR"),
            Level::CRITICAL => LevelName::Named("CRITICAL"),
            Level::TRACE => LevelName::Named("TRACE"),
            Level::NOTSET => LevelName::Named("NOTSET"),
            other => LevelName::Number(other),
        }
    }

    /// Whether no config added a name.
    pub fn is_standard(&self) -> bool {
        self.shown.is_empty()
    }

    /// The name that [`add`](Self::add) gave the level, if one did.
    pub fn added(&self, level: Level) -> Option<&str> {
        self.shown.get(&level).map(String::as_str)
    }

    /// All names that [`parse`](Self::parse) knows, for suggestions.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        NAMES.iter().map(|(name, _)| *name).chain(self.added.keys().map(String::as_str))
    }
}

/// How a level prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelName<'a> {
    /// A level that has a name.
    Named(&'a str),
    /// A level that has none: `Level 35`.
    Number(Level),
}

impl fmt::Display for LevelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Number(level) => write!(f, "Level {}", level.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_unnamed_levels_print_their_number() {
        // CPython 3.13: logging.getLevelName(35) == 'Level 35'; logging._checkLevel('info') raises.
        let mut names = LevelNames::default();
        assert_eq!(names.parse("WARN"), Some(Level(30)));
        assert_eq!(names.parse("info"), None);
        assert_eq!(names.name(Level(35)).to_string(), "Level 35");
        assert_eq!(names.name(Level(-5)).to_string(), "Level -5");
        names.add(Level(35), "NOTICE");
        assert_eq!(names.name(Level(35)).to_string(), "NOTICE");
        assert_eq!(names.parse("NOTICE"), Some(Level(35)));
    }
}
