//! The lines of a log, told apart by who has written them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// How often each line stands in the file, by process and thread; a line that is no line of ours is a torn one.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) numbers: BTreeMap<(i32, i32), BTreeMap<u32, u32>>,
    pub(crate) other: Vec<String>,
}

impl Lines {
    /// Once everything is written, also to files that were rolled.
    pub(crate) fn of(log: &Path) -> Self {
        let (name, stem) = (log.display(), log.with_extension(""));
        let numbered = |number: u32| {
            let named = format!("{}.{number}.log", stem.display());
            [format!("{name}.{number}"), format!("{name}.{number}.gz"), named].map(PathBuf::from)
        };
        let rolled = (1..).map(|number| numbered(number).into_iter().filter(|path| path.exists()).collect::<Vec<_>>());
        let rolled: Vec<_> = rolled.take_while(|forms| !forms.is_empty()).flatten().collect();
        let all = rolled.iter().rev().map(PathBuf::as_path).chain([log]);
        Self::parse(&all.map(text).collect::<String>())
    }

    /// While it is written: a reader may see the beginning of a write(2) before its end.
    pub(crate) fn so_far(log: &Path) -> Self {
        let bytes = std::fs::read(log).unwrap_or_default();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Self::parse(std::str::from_utf8(&bytes[..end]).unwrap())
    }

    fn parse(text: &str) -> Self {
        let mut lines = Self::default();
        for line in text.split_inclusive('\n') {
            match parse_line(line) {
                Some((process, thread, number)) => {
                    *lines.numbers.entry((process, thread)).or_default().entry(number).or_default() += 1;
                }
                None => lines.other.push(line.to_owned()),
            }
        }
        lines
    }

    /// Asserts that of each thread the lines 0 to some number are there, each once, and nothing else; returns how many.
    pub(crate) fn assert_whole(&self) -> u32 {
        assert!(self.other.is_empty(), "torn or foreign lines: {:?}", &self.other[..self.other.len().min(5)]);
        for (thread, numbers) in &self.numbers {
            let missing: Vec<_> = (0..numbers.len() as u32).filter(|number| !numbers.contains_key(number)).collect();
            assert!(missing.is_empty(), "{thread:?} lacks {missing:?} of {}", numbers.len());
            let repeated: Vec<_> = numbers.iter().filter(|(_, count)| **count > 1).collect();
            assert!(repeated.is_empty(), "{thread:?} repeats {repeated:?}");
        }
        self.numbers.values().map(|numbers| numbers.len() as u32).sum()
    }
}

impl Lines {
    /// Asserts that the last lines of each thread are there that has any, each once.
    pub(super) fn assert_tails_of(&self, whole: &Self) {
        assert!(self.other.is_empty(), "torn or foreign lines: {:?}", &self.other[..self.other.len().min(5)]);
        assert!(!self.numbers.is_empty());
        for (thread, numbers) in &self.numbers {
            let last = whole.numbers[thread].len() as u32;
            let first = last - numbers.len() as u32;
            assert!(
                numbers.iter().map(|(number, count)| (*number, *count)).eq((first..last).map(|number| (number, 1)))
            );
        }
    }
}

/// The text of a file, if it is there, also of a compressed one.
pub(crate) fn text(path: &Path) -> String {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return std::fs::read_to_string(path).unwrap_or_default();
    }
    io::read_to_string(flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())).unwrap()
}

fn parse_line(line: &str) -> Option<(i32, i32, u32)> {
    let mut parts = line.strip_suffix('\n')?.split(' ');
    let parsed = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let is_whole = match (parts.next(), parts.next()) {
        (None, _) => true,
        (Some(length), Some(rest)) => {
            let length: usize = length.parse().ok()?;
            rest.len() == length && rest.bytes().eq((0..length).map(letter))
        }
        (Some(_), None) => false,
    };
    (is_whole && parts.next().is_none()).then_some(parsed)
}

/// What makes a line longer: its length, and letters that stand at no other place of it.
pub(super) fn padding(length: usize) -> String {
    if length == 0 {
        return String::new();
    }
    format!(" {length} {}", (0..length).map(|at| char::from(letter(at))).collect::<String>())
}

fn letter(at: usize) -> u8 {
    b'a' + (at ^ at >> 8 ^ at >> 16) as u8 % 26
}
