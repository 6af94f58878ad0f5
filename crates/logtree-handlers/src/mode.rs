//! How a file is opened: Python's `mode`.

use std::fmt;
use std::str::FromStr;

use logtree_core::ArgumentError;

/// How a log file is opened for the first time. Later openings go on behind what stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// `a`: goes on behind what stands there.
    #[default]
    Append,
    /// `w`: empties the file first.
    Truncate,
    /// `x`: the file must not be there yet.
    Create,
}

impl FromStr for OpenMode {
    type Err = ArgumentError;

    /// Reads a mode as Python's `open` does: one of `a`, `w` and `x`, perhaps with `t` (as it is anyway) and `+` (which
    /// a log, never read through its handler, does not need).
    ///
    /// # Errors
    /// CPython's `ValueError` for what `open` refuses; one of our own for modes in which no text can be written.
    fn from_str(mode: &str) -> Result<Self, ArgumentError> {
        let error =
            |message: String| Err(ArgumentError::new("ValueError", message).at("mode").expected("'a', 'w' or 'x'"));
        let has = |letter| mode.contains(letter);
        let is_repeated = |(at, letter): (usize, char)| mode[..at].contains(letter);
        if mode.contains(|letter: char| !"rwxabt+".contains(letter)) || mode.char_indices().any(is_repeated) {
            return error(format!("invalid mode: '{mode}'"));
        }
        if has('t') && has('b') {
            return error("can't have text and binary mode at once".into());
        }
        if ['r', 'w', 'x', 'a'].into_iter().filter(|letter| has(*letter)).count() != 1 {
            return error("must have exactly one of create/read/write/append mode".into());
        }
        match () {
            // CPython opens it and then fails at each record.
            () if has('r') => error(format!("mode '{mode}' does not write a log")),
            () if has('b') => error(format!("mode '{mode}' does not write text")),
            () if has('w') => Ok(Self::Truncate),
            () if has('x') => Ok(Self::Create),
            () => Ok(Self::Append),
        }
    }
}

impl fmt::Display for OpenMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append => "a",
            Self::Truncate => "w",
            Self::Create => "x",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_by_pythons_open() {
        // CPython 3.13: open(path, mode) of each.
        let message = |mode: &str| mode.parse::<OpenMode>().map_err(|error| error.message);
        for mode in ["a", "at", "ta", "a+", "+a", "at+"] {
            assert_eq!(message(mode), Ok(OpenMode::Append), "{mode}");
        }
        assert_eq!(message("w"), Ok(OpenMode::Truncate));
        assert_eq!(message("x+"), Ok(OpenMode::Create));
        assert_eq!(message("q"), Err("invalid mode: 'q'".into()));
        assert_eq!(message("aa"), Err("invalid mode: 'aa'".into()));
        assert_eq!(message("atb"), Err("can't have text and binary mode at once".into()));
        for mode in ["aw", "", "+"] {
            assert_eq!(message(mode), Err("must have exactly one of create/read/write/append mode".into()), "{mode}");
        }
        assert!(message("ab").is_err() && message("r+").is_err());
    }
}
