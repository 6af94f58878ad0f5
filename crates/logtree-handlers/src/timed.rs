//! `logging.handlers.TimedRotatingFileHandler`: appends to a file, and begins a new one when its time has come.

mod config;

use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use logtree_core::{
    ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerPlan, Kwargs, Names, Record, Steps, Timestamp,
    Zone,
};

pub use self::config::TimedRotatingFileHandlerConfig;
use crate::follow::Follow;
use crate::grace::Grace;
use crate::rolling::{self, Given, Rolling, not_rolled, with_form};
use crate::schedule::Schedule;
use crate::{FileHandler, OpenMode, Retention};

/// Appends each record to a file; when an interval ends, the file `app.log` becomes `app.log.2026-01-31_09`, after the
/// time at which the interval began, and the oldest of those are deleted. [`Namer`](crate::Namer) gives them other names.
///
/// How the file is treated, [`LogFile`](crate::LogFile) says. For the operator:
///
/// - **When it rolls:** at the first record behind the end of an interval, also if it is empty. The first interval begins at
///   the time of the file's last change, so that a program that is started each hour rolls a daily file all the same.
/// - Days are the calendar's, also when summer begins or ends: `midnight` and `W0` to `W6` keep to the clock on the wall,
///   the others to the seconds. A clock that is set back rolls nothing until its time has come again.
/// - If there is a file of that name already, nothing is rolled, and the next interval's end is waited for.
///   (`DIFFERENCE`: Python never rolls again then.)
/// - It also rolls when the program says so (`Guard::roll`), to the name that the interval gives: once in each interval, as
///   Python, if there is no `maxBytes`.
/// - With `maxBytes` it also rolls when it is full, to `app.log.2026-01-31_09.1`, `.2` and so on. How full it can be, when
///   it is seen that someone else has moved or deleted it, and when an old one may be deleted is as with
///   [`RotatingFileHandler`](crate::RotatingFileHandler).
/// - Only files whose whole name is the log's and a time of that form, or what `namer` makes of these, are ever deleted, the
///   oldest by that time: more than `backupCount`, older than `maxAge`, and what makes them more than `maxTotalBytes` together.
///   Without these all are kept. Where `compress` is set, compressed ones are such files too: see
///   [`Compress`](crate::Compress).
/// - Any number of processes may write the same file, with the same arguments: it rolls once for all of them, and no line
///   is lost.
/// - **What is durable:** a record stands in its file when the call that logged it returns, and a roll loses none, whatever
///   ends the program; it only gives names. With `fsync: rotate` a file that is over and its name are on the disk before the
///   next one is begun, with `fsync: each` each record is; else a crash of the system may take what it had not written back.
/// - **When the disk is full** records are lost, and counted, until there is room again; no half line stays. Rolling takes no
///   room, but that of a compressed file, which has to wait then.
/// - **Where it cannot roll** lines go on into the old file, each counted as an error. (`DIFFERENCE`: Python loses them.) An
///   old file that cannot be deleted is an error at each roll.
/// - **How to mend it:** stderr says once a second what is wrong with which handler. Give the directory its rights back,
///   make room, or remove what has the name of an old file and is none: the next record rolls. Old files may be moved or
///   deleted by hand at any time. A file that got the lines of two intervals, as its name was taken, has the name of the
///   later one.
pub struct TimedRotatingFileHandler {
    file: FileHandler,
    schedule: Schedule,
    backup_count: u32,
    max_bytes: u64,
    retention: Retention,
    rolling: Rolling,
    /// The second from which on the file is to be rolled; [`UNKNOWN`] before the first record.
    due: AtomicI64,
    /// The file's renewals that `due` knows of.
    seen: AtomicU32,
}

const UNKNOWN: i64 = i64::MIN;

impl TimedRotatingFileHandler {
    /// A handler with this config. The file is not opened yet.
    ///
    /// # Errors
    /// If the file name is relative and the directory that the program is in cannot be found; if `namer` makes
    /// names as compressed files have them; if files are to be compressed, without the feature `compress`.
    pub fn new(config: TimedRotatingFileHandlerConfig) -> Result<Self, ArgumentError> {
        let TimedRotatingFileHandlerConfig { mut file, when, interval_s, utc, at_time, .. } = config;
        let TimedRotatingFileHandlerConfig { backup_count, max_bytes, retention, compress, namer, .. } = config;
        file.mode = OpenMode::Append;
        let zone = (!utc).then(Zone::local);
        let schedule = Schedule { when, interval_s, at_time, zone };
        let file = FileHandler::following(file, Follow::EachTick)?;
        let suffixes = schedule.clone();
        let is_suffix = move |suffix: &str| parse_suffix(&suffixes, max_bytes > 0, suffix).is_some();
        let rolling = Rolling::new(&file, &namer, compress, is_suffix)?;
        let (due, seen) = (AtomicI64::new(UNKNOWN), AtomicU32::new(0));
        Ok(Self { file, schedule, backup_count, max_bytes, retention, rolling, due, seen })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes a record that comes at this second.
    #[inline]
    fn emit_at(
        &self,
        now: i64,
        record: &Record<'_>,
        formatter: &dyn Formatter,
        steps: &mut dyn Steps,
    ) -> Result<(), EmitError> {
        let rolled = if now < self.due(now) { Ok(()) } else { self.roll(now, steps) };
        match self.max_bytes {
            0 => self.file.emit(record, formatter, steps)?,
            max_bytes => self.file.with_line(record, formatter, |line| {
                let limit = rolling::limit(max_bytes, line.text);
                let mut moves =
                    |names: &mut dyn Names, grace, given: &mut Given| self.moves_full(now, names, grace, given);
                self.rolling.append(&self.file, line, limit, steps, &mut moves)
            })?,
        }
        rolled.map_err(|error| not_rolled(self.path(), &error))?;
        Ok(self.rolling.attend(steps)?)
    }

    /// When the file is to be rolled. A file that another process began is due as it is for that one; the first one after
    /// its last change, or after now if there is none.
    fn due(&self, now: i64) -> i64 {
        let (seen, renewals) = (self.seen.load(Ordering::Relaxed), self.file.renewals());
        let is_renewed = renewals.wrapping_sub(seen).cast_signed() > 0;
        let due = self.due.load(Ordering::Relaxed);
        if due != UNKNOWN && !is_renewed {
            return due;
        }
        let metadata = std::fs::metadata(self.path());
        let began = metadata.and_then(|metadata| if is_renewed { metadata.created() } else { metadata.modified() });
        let began = began.map_or(now, |began| match began.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs().cast_signed(),
            // As Python's `int` has it.
            Err(until) => -until.duration().as_secs().cast_signed(),
        });
        let due = self.schedule.next_after(began);
        self.seen.store(renewals, Ordering::Relaxed);
        self.due.store(due, Ordering::Relaxed);
        due
    }

    /// Rolls the file if its time has come (CPython's `shouldRollover` and `doRollover`).
    #[cold]
    fn roll(&self, now: i64, steps: &mut dyn Steps) -> io::Result<()> {
        let _turn = self.rolling.turn();
        // Another thread may have done it.
        if now < self.due(now) {
            return Ok(());
        }
        let mut is_due = true;
        if !self.path().exists() || self.path().is_file() {
            self.rolling.try_roll(&self.file, steps, &mut |names, grace, given| {
                // So may another process, whose file this is then.
                let due = self.due(now);
                is_due = now >= due;
                if is_due { self.moves(&self.schedule.suffix(due, now), names, grace, given) } else { Ok(()) }
            })?;
        }
        if is_due {
            self.due.store(self.schedule.next_after(now), Ordering::Relaxed);
        }
        Ok(())
    }

    fn moves(&self, suffix: &str, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<()> {
        let target = self.rolling.name(suffix);
        if self.rolling.forms().iter().any(|form| names.exists(&with_form(&target, form))) {
            return Ok(());
        }
        self.move_to(target, names, grace, given)
    }

    /// Rolls the file before its time, as it is full: behind the name that it would get then stands a number.
    fn moves_full(&self, now: i64, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<()> {
        let suffix = self.schedule.suffix(self.due(now), now);
        let number = |of: &str, _: &OsStr| {
            let digits = of.strip_prefix(&*suffix)?.strip_prefix('.')?;
            digits.parse().ok().filter(|number: &u64| *number < u64::MAX && number.to_string() == digits)
        };
        let last = self.rolling.list(names, number)?.into_iter().max().unwrap_or(0);
        let number = last + 1;
        self.move_to(self.rolling.name(format_args!("{suffix}.{number}")), names, grace, given)
    }

    fn move_to(&self, target: PathBuf, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<()> {
        names.rename(self.path(), &target)?;
        given.push((self.path().to_owned(), target));
        // The next one that is opened is this handler's own.
        self.seen.store(self.file.renewals().wrapping_add(1), Ordering::Relaxed);
        self.rolling.rolled(&self.file);
        let (excess, rolled) = self.files_to_delete(names)?;
        self.rolling.delete(&excess, &rolled, names, grace)
    }

    /// The files that were rolled, the oldest first.
    fn rolled(&self, names: &dyn Names) -> io::Result<Vec<Rolled>> {
        let rolled = self.rolling.list(names, |suffix, name| {
            let (suffix, number) = parse_suffix(&self.schedule, self.max_bytes > 0, suffix)?;
            let began = self.schedule.second_of(suffix);
            Some(Rolled { began, suffix: suffix.to_owned(), number, path: self.path().with_file_name(name) })
        })?;
        // std's sort is compiled for each type that is sorted, at ten times the size of its heap.
        Ok(BinaryHeap::from(rolled).into_sorted_vec())
    }

    /// CPython's `getFilesToDelete`, and what the handler's own limits ask for; and all files that were rolled, the oldest first.
    fn files_to_delete(&self, names: &dyn Names) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        if self.backup_count == 0 && !self.retention.is_any() {
            return Ok((Vec::new(), Vec::new()));
        }
        let rolled = self.rolled(names)?;
        // Two forms of one file count once.
        let files: Vec<_> = rolled.chunk_by(Rolled::is_same_file).collect();
        let most = if self.backup_count == 0 { usize::MAX } else { self.backup_count as usize };
        let (excess, kept) = files.split_at(files.len().saturating_sub(most));
        let paths = |files: &[&[Rolled]]| files.iter().copied().flatten().map(|file| file.path.clone()).collect();
        let (mut excess, kept): (Vec<_>, _) = (paths(excess), paths(kept));
        excess.extend(self.retention.excess(kept, names));
        Ok((excess, rolled.into_iter().map(|file| file.path).collect()))
    }
}

/// What tells a file that was rolled from the others: the time at which its interval began, and which of several it is
/// of that, which only those have that were full.
fn parse_suffix<'a>(schedule: &Schedule, has_numbers: bool, suffix: &'a str) -> Option<(&'a str, u64)> {
    let (suffix, number) = match suffix.split_once('.').filter(|_| has_numbers) {
        // A number as it is written here.
        Some((suffix, number)) => (suffix, number.parse().ok().filter(|parsed: &u64| parsed.to_string() == number)?),
        None => (suffix, u64::MAX),
    };
    schedule.is_suffix(suffix).then_some((suffix, number))
}

/// A file that was rolled, in the order of time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rolled {
    /// The second at which its interval began.
    began: i64,
    suffix: String,
    /// Which one of its interval; the last one has none.
    number: u64,
    path: PathBuf,
}

impl Rolled {
    fn is_same_file(&self, other: &Self) -> bool {
        (&self.suffix, self.number) == (&other.suffix, other.number)
    }
}

impl Handler for TimedRotatingFileHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.emit_at(Timestamp::now().whole_seconds(), record, formatter, steps)
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(self.rolling.settle(steps)?)
    }

    fn is_unsettled(&self) -> bool {
        self.rolling.is_unsettled()
    }

    fn open(&self) -> Result<(), BuildError> {
        self.file.open()?;
        self.due(Timestamp::now().whole_seconds());
        Ok(())
    }

    fn reopen(&self) {
        self.file.reopen();
    }

    fn roll(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let now = Timestamp::now().whole_seconds();
        self.rolling.roll(&self.file, steps, &mut |names, grace, given| match self.max_bytes {
            0 => self.moves(&self.schedule.suffix(self.due(now), now), names, grace, given),
            _ => self.moves_full(now, names, grace, given),
        })
    }

    fn close(&self) {
        self.rolling.close();
        self.file.close();
    }

    fn file(&self) -> Option<&Path> {
        Some(self.path())
    }
}

impl fmt::Debug for TimedRotatingFileHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, schedule, backup_count, .. } = self;
        let mut debug = f.debug_struct("TimedRotatingFileHandler");
        debug.field("file", file).field("schedule", schedule).field("backup_count", backup_count);
        debug.finish_non_exhaustive()
    }
}

/// The class `logging.handlers.TimedRotatingFileHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = TimedRotatingFileHandler::new(TimedRotatingFileHandlerConfig::from_kwargs(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}

#[cfg(test)]
mod tests;
