//! Levels: any integer, some of them with names.

use std::fmt;

/// The importance of a record: any integer, as in Python.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::Level;
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
    /// The later one counts. A list, as there are few, and as maps would be compiled anew in each crate that clones them.
    added: Vec<(String, Level)>,
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
    pub const STANDARD: &'static Self = &Self { added: Vec::new() };

    /// Adds a name, as `logging.addLevelName` does: from now on the level prints as `name`.
    pub fn add(&mut self, level: Level, name: &str) {
        // Whoever adds the same again and again, as each reload may, does not make the list longer.
        self.added.retain(|(added, of)| *of != level || added != name);
        self.added.push((name.to_owned(), level));
    }

    /// Adds the names that others added; the later one counts.
    pub fn extend(&mut self, later: &Self) {
        for (name, level) in &later.added {
            self.add(*level, name);
        }
    }

    /// The level called `name`, if there is one.
    pub fn parse(&self, name: &str) -> Option<Level> {
        let added = self.added.iter().rev().find(|(added, _)| added == name).map(|(_, level)| *level);
        added.or_else(|| NAMES.iter().find(|(known, _)| *known == name).map(|(_, level)| *level))
    }

    /// How `level` prints: its name, else `Level 35` (CPython's `logging.getLevelName`).
    pub fn name(&self, level: Level) -> LevelName<'_> {
        if let Some(name) = self.added(level) {
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
        self.added.is_empty()
    }

    /// The name that [`add`](Self::add) gave the level, if one did.
    pub fn added(&self, level: Level) -> Option<&str> {
        self.added.iter().rev().find(|(_, of)| *of == level).map(|(name, _)| name.as_str())
    }

    /// All names that [`parse`](Self::parse) knows, for suggestions.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        NAMES.iter().map(|(name, _)| *name).chain(self.added.iter().map(|(name, _)| name.as_str()))
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
    #[test]
    fn the_later_name_counts_and_the_later_level() {
        // CPython 3.13, asked after the same calls of logging.addLevelName.
        let mut names = LevelNames::default();
        for (level, name) in [(35, "NOTICE"), (35, "NOTE"), (36, "NOTICE")] {
            names.add(Level(level), name);
        }
        let shown = |names: &LevelNames| [35, 36].map(|level| names.name(Level(level)).to_string());
        assert_eq!(shown(&names), ["NOTE", "NOTICE"]);
        assert_eq!(["NOTICE", "NOTE"].map(|name| names.parse(name)), [Some(Level(36)), Some(Level(35))]);
        for _ in 0..3 {
            names.add(Level(35), "NOTICE");
        }
        assert_eq!(shown(&names), ["NOTICE", "NOTICE"]);
        assert_eq!(["NOTICE", "NOTE"].map(|name| names.parse(name)), [Some(Level(35)), Some(Level(35))]);
        assert_eq!(names.added.len(), 3);
    }
}
