//! `logging.handlers.RotatingFileHandler`: appends to a file, and begins a new one when it is full.

mod twins;

use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use logtree_core::{
    Argument, ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerPlan, Kwargs, Names, Record, Steps,
};

use crate::follow::Follow;
use crate::grace::Grace;
use crate::rolling::{self, Given, Rolling, with_form};
use crate::{Compress, FileHandler, FileHandlerConfig, Namer, OpenMode, Retention, units};

/// So many files are asked for one by one.
const PROBED: u32 = 32;

/// Appends each record to a file; when a record would make it too large, the file `app.log` becomes `app.log.1`, that one
/// `app.log.2`, and so on, and the one behind the last is deleted. [`Namer`] gives them other names.
///
/// How the file is treated, [`LogFile`](crate::LogFile) says. For the operator:
///
/// - **When it rolls:** when the file is not empty and its size, with the record, reaches `maxBytes`, as CPython counts: the
///   record in characters, and one more for its end. So no file is larger than `maxBytes`, but for one longer record alone, and
///   for characters of several bytes. Without `backupCount` it never rolls. And when the program says so (`Guard::roll`).
/// - Any number of processes may write the same file, with the same arguments: it rolls once for all of them, and no line
///   is lost. One that does not see the roll at once goes on in the file that was rolled for a few milliseconds, while there
///   is room; and as a process does not look at the file before each record, each may put a 16th of `maxBytes`, and a record,
///   into a file that is full.
/// - No file is deleted in the moment in which it was rolled, while another process has it open: where all that is kept is
///   filled within a tick of the system's clock, 1 to 10 milliseconds, and a process is late, its end is waited for.
/// - `maxAge` and `maxTotalBytes` delete the oldest ones besides, at each roll, but for the one that is rolled. Only files
///   whose whole name is the log's and a number, or what `namer` makes of these, are ever deleted, and their compressed forms
///   where `compress` is set: see [`Compress`].
/// - **What is durable:** a record stands in its file when the call that logged it returns, and a roll loses none, whatever
///   ends the program; it only gives names. With `fsync: rotate` a full file and its names are on the disk before the next
///   one is begun, with `fsync: each` each record is; else a crash of the system may take what it had not written back.
/// - **When the disk is full** records are lost, and counted, until there is room again; no half line stays. Rolling takes no
///   room, but that of a compressed file, which has to wait then.
/// - **Where it cannot roll,** because a directory is in the way, the rights are missing or the disk takes no more files,
///   lines go on into the old file, and each is counted as an error, until it can. The old files stay as they are, but for the
///   last one. (`DIFFERENCE`: Python loses the records, and one of the old files with each.)
/// - **How to mend it:** stderr says once a second what is wrong with which handler. Remove what is in the way of
///   `app.log.1` to the last number, make room, or give the directory its rights back: the next record rolls the file,
///   however large it is by then. Old files may be moved or deleted by hand at any time; a gap among the numbers is no harm.
/// - A log that is a link rolls by the size of what it leads to; then the link is renamed, and a file begun, as in Python. An old
///   file that is a link is moved on as any other, and deleted as the last. (`DIFFERENCE`: one that leads nowhere Python does not
///   see, and writes over it. To look costs a system call for each old file; no line is lost either way.)
/// - A file that was moved or deleted is begun anew within a few milliseconds. What is logged in these goes where the file was
///   moved to; of one that someone else has deleted it is lost. (`DIFFERENCE`: in Python it is begun anew when it is full, and
///   all until then is lost.)
pub struct RotatingFileHandler {
    file: FileHandler,
    max_bytes: u64,
    backup_count: u32,
    retention: Retention,
    rolling: Rolling,
    /// The inode of the file that a batch was to roll last.
    rolled_last: AtomicU64,
}

/// The arguments of Python's `logging.handlers.RotatingFileHandler`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatingFileHandlerConfig {
    /// What it shares with [`FileHandler`]. With `max_bytes` its mode is [`OpenMode::Append`], whatever it says.
    pub file: FileHandlerConfig,
    /// The size that no file is to reach; 0 for none.
    pub max_bytes: u64,
    /// How many old files are kept. Without any, the file is never rolled, unless `retention` limits them.
    pub backup_count: u32,
    /// What else limits the old files.
    pub retention: Retention,
    /// Whether and how old files are compressed; not.
    pub compress: Option<Compress>,
    /// What old files are called; as in Python.
    pub namer: Namer,
}

impl RotatingFileHandlerConfig {
    /// What Python does with a file name and nothing else: it never rolls.
    pub fn new(filename: impl Into<PathBuf>) -> Self {
        let (file, retention) = (FileHandlerConfig::new(filename), Retention::default());
        Self { file, max_bytes: 0, backup_count: 0, retention, compress: None, namer: Namer::default() }
    }

    /// Takes the arguments `maxBytes` and `backupCount`, those of a `FileHandler`, and beyond Python's `maxAge`,
    /// `maxTotalBytes`, `compress` and `namer`; `maxBytes` may have a unit.
    ///
    /// # Errors
    /// CPython's, for what is missing, unknown or of another type; for `compress` without the feature.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let max_bytes = match kwargs.take("maxBytes") {
            None => 0,
            Some(argument) => max_bytes(argument)?,
        };
        let backup_count = backup_count(kwargs.take("backupCount"))?;
        let retention = Retention::from_kwargs(&mut kwargs)?;
        let compress = Compress::from_kwargs(&mut kwargs)?;
        let namer = Namer::from_kwargs(&mut kwargs)?;
        if max_bytes > 0 {
            kwargs.take("mode");
        }
        Ok(Self { file: FileHandlerConfig::from_kwargs(kwargs)?, max_bytes, backup_count, retention, compress, namer })
    }
}

/// What Python compares with 0 and with sizes; a fraction counts, as no size reaches it before the next whole number.
/// `DIFFERENCE`: a size with a unit, such as `100 MiB`, Python refuses.
fn max_bytes(argument: Argument) -> Result<u64, ArgumentError> {
    let with_unit = if let Argument::Str(text) = &argument { units::bytes(text) } else { None };
    if let Some(bytes) = with_unit {
        return Ok(bytes);
    }
    match argument {
        Argument::Bool(value) => Ok(value.into()),
        Argument::Int(value) => Ok(u64::try_from(value).unwrap_or(0)),
        Argument::Float(value) => Ok(value.ceil() as u64),
        other => {
            let message = format!("'>' not supported between instances of '{}' and 'int'", other.type_name());
            Err(ArgumentError::new("TypeError", message).at("maxBytes").expected("a size such as 100000 or '100 MiB'"))
        }
    }
}

/// How many old files to keep. `DIFFERENCE`: what is no integer, Python finds out when it rolls, and loses each record then.
pub(crate) fn backup_count(argument: Option<Argument>) -> Result<u32, ArgumentError> {
    match argument {
        None => Ok(0),
        Some(Argument::Bool(value)) => Ok(value.into()),
        Some(Argument::Int(value)) => Ok(value.clamp(0, u32::MAX.into()) as u32),
        Some(other) => {
            let message = format!("'{}' object cannot be interpreted as an integer", other.type_name());
            Err(ArgumentError::new("TypeError", message).at("backupCount").expected("a number of files"))
        }
    }
}

impl RotatingFileHandler {
    /// A handler with this config. The file is not opened yet.
    ///
    /// # Errors
    /// If the file name is relative and the directory that the program is in cannot be found; if `namer` makes
    /// names as compressed files have them; if files are to be compressed, without the feature `compress`.
    pub fn new(config: RotatingFileHandlerConfig) -> Result<Self, ArgumentError> {
        let RotatingFileHandlerConfig { mut file, max_bytes, mut backup_count, retention, compress, namer } = config;
        if backup_count == 0 && retention.is_any() {
            backup_count = u32::MAX;
        }
        if max_bytes > 0 {
            file.mode = OpenMode::Append;
        }
        let file = FileHandler::following(file, Follow::EachTick)?;
        let is_suffix = move |suffix: &str| number(suffix).is_some_and(|number| (1..=backup_count).contains(&number));
        let rolling = Rolling::new(&file, &namer, compress, is_suffix)?;
        Ok(Self { file, max_bytes, backup_count, retention, rolling, rolled_last: AtomicU64::new(0) })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// [`rolling::limit`], where there is one.
    fn limit(&self, text: &str) -> u64 {
        if self.max_bytes == 0 || self.backup_count == 0 { u64::MAX } else { rolling::limit(self.max_bytes, text) }
    }

    /// CPython's `RotatingFileHandler.doRollover`.
    ///
    /// `DIFFERENCE`: where a file cannot be moved, those that were give their numbers back. Each record is an attempt to roll the
    /// file then, and in Python each attempt deletes the last of the old files, and gives all behind it to the next.
    fn moves(&self, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<()> {
        let outcome = self.give_numbers(names, grace, given);
        if outcome.is_err() {
            given.drain(..).rev().for_each(|(from, to)| _ = names.rename(&to, &from));
        }
        outcome
    }

    fn give_numbers(&self, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<()> {
        let most = self.backup_count.saturating_sub(1);
        let moved = if self.is_stuck(names, grace) {
            // What is behind a gap need not make room, and did already.
            let mut moved: Vec<_> = (1..=most).take_while(|number| self.is_there(*number, names)).collect();
            moved.reverse();
            moved
        } else {
            self.numbers(most, names)
        };
        let mut has_twins = false;
        for number in moved {
            has_twins |= self.shift(number, names, grace, given)? > 1;
        }
        if has_twins {
            self.part_twins(names, grace, given)?;
        }
        let first = self.rolling.name(1);
        if self.backup_count == 1 {
            self.delete(&first, self.path(), names, grace)?;
        }
        if self.retention.is_any() {
            // With its name the file loses the lock, as others see it: behind that they give numbers to other files.
            let numbers = self.numbers(self.backup_count, names).into_iter().filter(|number| *number > 1);
            let forms = |number| self.forms().map(move |form| with_form(&self.rolling.name(number), form));
            let mut rolled: Vec<_> = numbers.flat_map(forms).filter(|path| names.exists(path)).collect();
            rolled.push(self.path().to_owned());
            let mut excess = self.retention.excess(rolled.clone(), names);
            excess.retain(|path| path != self.path());
            self.rolling.delete(&excess, &rolled, names, grace)?;
        }
        names.rename(self.path(), &first)?;
        given.push((self.path().to_owned(), first));
        self.rolling.rolled(&self.file);
        Ok(())
    }

    /// Whether the file is one that a batch could not roll: that is seen when the batch is done, and none of it is taken back.
    fn is_stuck(&self, names: &dyn Names, grace: Grace) -> bool {
        if grace != Grace::Unneeded {
            return false;
        }
        let inode = names.find(self.path()).map_or(0, |end| end.inode);
        self.rolled_last.swap(inode, Ordering::Relaxed) == inode && inode != 0
    }

    /// Gives an old file, in each of its forms, the next number; answers how many it has.
    fn shift(&self, number: u32, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<usize> {
        let (from, to) = (self.rolling.name(number), self.rolling.name(number + 1));
        // Any other number has just been given away, or nobody had it.
        let is_last = number + 1 == self.backup_count;
        if is_last && let Some(next) = self.forms().map(|form| with_form(&from, form)).find(|form| names.exists(form)) {
            self.delete(&to, &next, names, grace)?;
        }
        // One call for each of many files, and not one more that asks for it.
        let before = given.len();
        for form in self.forms() {
            let (from, to) = (with_form(&from, form), with_form(&to, form));
            match names.rename(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome.map(|()| given.push((from, to)))?,
            }
        }
        Ok(given.len() - before)
    }

    /// Deletes an old file, in each of its forms, behind which `next` was begun.
    fn delete(&self, path: &Path, next: &Path, names: &mut dyn Names, grace: Grace) -> io::Result<()> {
        let forms: Vec<_> = self.forms().map(|form| with_form(path, form)).collect();
        grace.wait(&forms, Some(next));
        forms.iter().try_for_each(|form| match names.delete(form) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        })
    }

    fn forms(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.rolling.forms().iter().copied()
    }

    /// The numbers up to `most` that files can have, the highest first. Of more than a few, those that the directory tells; of one
    /// that may not be read, those before the first gap.
    fn numbers(&self, most: u32, names: &dyn Names) -> Vec<u32> {
        if most <= PROBED {
            return (1..=most).rev().collect();
        }
        let number = |suffix: &str, _: &OsStr| number(suffix).filter(|number| (1..=most).contains(number));
        let numbers = self.rolling.list(names, number);
        let numbers =
            numbers.unwrap_or_else(|_| (1..=most).take_while(|number| self.is_there(*number, names)).collect());
        // std's sort is compiled for each type that is sorted, at ten times the size of its heap.
        let mut numbers = BinaryHeap::from(numbers).into_sorted_vec();
        numbers.reverse();
        // Two forms of one file.
        numbers.dedup();
        numbers
    }

    /// Whether an old file has this number, in any of its forms.
    fn is_there(&self, number: u32, names: &dyn Names) -> bool {
        self.forms().any(|form| names.exists(&with_form(&self.rolling.name(number), form)))
    }
}

/// A number as it is written here.
fn number(suffix: &str) -> Option<u32> {
    suffix.parse().ok().filter(|number: &u32| number.to_string() == suffix)
}

impl Handler for RotatingFileHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.file.with_line(record, formatter, |line| {
            let limit = self.limit(line.text);
            self.rolling
                .append(&self.file, line, limit, steps, &mut |names, grace, given| self.moves(names, grace, given))
        })?;
        Ok(self.rolling.attend(steps)?)
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(self.rolling.settle(steps)?)
    }

    fn is_unsettled(&self) -> bool {
        self.rolling.is_unsettled()
    }

    fn open(&self) -> Result<(), BuildError> {
        self.file.open()
    }

    fn start(&self) -> Result<(), BuildError> {
        self.file.start()
    }

    fn reopen(&self) {
        self.file.reopen();
    }

    fn roll(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        match self.backup_count {
            0 => Ok(()),
            _ => self.rolling.roll(&self.file, steps, &mut |names, grace, given| self.moves(names, grace, given)),
        }
    }

    fn close(&self) {
        self.rolling.close();
        self.file.close();
    }

    fn file(&self) -> Option<&Path> {
        Some(self.path())
    }
}

impl fmt::Debug for RotatingFileHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, max_bytes, backup_count, .. } = self;
        let mut debug = f.debug_struct("RotatingFileHandler");
        debug.field("file", file).field("max_bytes", max_bytes).field("backup_count", backup_count);
        debug.finish_non_exhaustive()
    }
}

/// The class `logging.handlers.RotatingFileHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = RotatingFileHandler::new(RotatingFileHandlerConfig::from_kwargs(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}
