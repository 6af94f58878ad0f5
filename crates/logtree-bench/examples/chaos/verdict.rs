//! What stands in the files, held against what the workers say that they have published.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::path::Path;

use super::contestant::line;

/// What came of a round, or of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Records whose logging call returned.
    pub(crate) records: u64,
    /// Lines that no worker has logged so, byte for byte.
    pub(crate) torn: u64,
    pub(crate) repeated: u64,
    /// Published records that stand nowhere.
    pub(crate) lost: u64,
    /// Places where records of a worker are missing between others that are there.
    pub(crate) gaps: u64,
}

impl Verdict {
    /// `slots`: the process id and the number of published records of each worker, first those of the master.
    pub(crate) fn of(directory: &Path, slots: &[(u64, u64)]) -> Self {
        let mut verdict = Self { records: slots.iter().skip(1).map(|slot| slot.1).sum(), ..Self::default() };
        let mut found: HashMap<u64, HashMap<u64, u64>> = HashMap::new();
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let name = entry.file_name();
            // Beside the log lies its claim, which is no log.
            if !name.to_string_lossy().starts_with("app.log") {
                continue;
            }
            let text = std::fs::read(entry.path()).unwrap();
            for whole in text.split_inclusive(|byte| *byte == b'\n') {
                match parse(whole, slots) {
                    Some((slot, number)) => *found.entry(slot).or_default().entry(number).or_default() += 1,
                    None => verdict.torn += 1,
                }
            }
        }
        for (slot, (_, published)) in (0..).zip(slots).skip(1) {
            let numbers = found.remove(&slot).unwrap_or_default();
            verdict.repeated += numbers.values().map(|count| count - 1).sum::<u64>();
            let is_there = |number: &u64| numbers.contains_key(number);
            verdict.lost += (0..*published).filter(|number| !is_there(number)).count() as u64;
            let last = numbers.keys().max().copied().unwrap_or(0);
            let begins_gap = |number: &u64| !is_there(number) && (*number == 0 || is_there(&(number - 1)));
            verdict.gaps += (0..last).filter(begins_gap).count() as u64;
        }
        verdict
    }

    pub(crate) fn is_whole(&self) -> bool {
        (self.torn, self.repeated, self.lost, self.gaps) == (0, 0, 0, 0)
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.torn += other.torn;
        self.repeated += other.repeated;
        self.lost += other.lost;
        self.gaps += other.gaps;
    }
}

/// The worker and its record, if the line is one that it has logged: at most one behind the last that it has marked.
fn parse(whole: &[u8], slots: &[(u64, u64)]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(whole).ok()?.strip_suffix('\n')?;
    // fmt leaves a blank where its own parts would stand.
    let text = text.trim_start();
    let mut words = text.split(' ');
    let (slot, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (_, published) = slots.get(usize::try_from(slot).ok()?).filter(|_| slot > 0)?;
    (number <= *published && text == line(slot, number)).then_some((slot, number))
}
