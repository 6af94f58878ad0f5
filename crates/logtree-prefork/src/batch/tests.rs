//! Batches that are stopped anywhere, and taken up by a successor: what is left then is what is left of those that are not.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use logtree_core::{AppendFile, FileEnd, FormatError, Formatter, Handler, Record, Steps as _, with_own_record};
use logtree_handlers::{
    FileHandler, FileHandlerConfig, LogFile, OpenMode, RotatingFileHandler, RotatingFileHandlerConfig,
    TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, When,
};
use logtree_os::{Segment, SegmentOptions};
use proptest::prelude::*;

use super::{Batch, Work};
use crate::recovery::Recovery;
use crate::words;

struct Message;

impl Formatter for Message {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(record.message);
        Ok(())
    }
}

/// What is logged, and how the files are rolled.
#[derive(Clone, Debug)]
struct Plan {
    /// Old files that are there, of the one that rolls by its size.
    old: u32,
    backup_count: u32,
    max_bytes: u64,
    /// For each record the file that it goes to, and how long it is.
    records: Vec<(usize, usize)>,
    /// What stands in each file before.
    before: usize,
    /// The second file is a link to one elsewhere.
    is_linked: bool,
}

/// Where a listener is killed.
#[derive(Clone, Debug)]
struct Stop {
    /// So many of the steps are done, in thousandths of all.
    done: usize,
    /// The last one of them is not counted; then nothing of the next one is done.
    is_uncounted: bool,
    /// So much of the next one is done, if it is an append, in thousandths; it may have made a file and no more.
    part: usize,
    /// Instead of that one of the files took nothing, and all the others what they could.
    is_stuck: bool,
}

const FILES: [&str; 4] = ["plain.log", "size.log", "time.log", "stuck.log"];

fn plans() -> impl Strategy<Value = Plan> {
    let records = proptest::collection::vec((0..FILES.len(), 0..60_usize), 1..80);
    (0..5_u32, 1..4_u32, 40..300_u64, records, 0..3_usize, any::<bool>()).prop_map(
        |(old, backup_count, max_bytes, records, before, is_linked)| Plan {
            old,
            backup_count,
            max_bytes,
            records,
            before,
            is_linked,
        },
    )
}

fn stops() -> impl Strategy<Value = Stop> {
    (0..=1000_usize, any::<bool>(), 0..=1000_usize, any::<bool>())
        .prop_map(|(done, is_uncounted, part, is_stuck)| Stop { done, is_uncounted, part, is_stuck })
}

/// A file that takes nothing for a while.
struct Stuck {
    file: LogFile,
    is_stuck: AtomicBool,
}

impl AppendFile for Stuck {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if self.is_stuck.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.append(bytes)
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        self.file.end()
    }
}

/// A directory with the files of a plan, and a queue's segment.
struct House {
    directory: tempfile::TempDir,
    segment: Arc<Segment>,
}

impl House {
    fn of(plan: &Plan) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let queues = directory.path().join("queues");
        let segment = Segment::create(&queues, "halfway", &SegmentOptions::default()).unwrap();
        let house = Self { directory, segment };
        fs::create_dir(house.logs()).unwrap();
        if plan.is_linked {
            let target = house.directory.path().join("elsewhere");
            fs::write(&target, "").unwrap();
            std::os::unix::fs::symlink(&target, house.log(1)).unwrap();
        }
        for file in 0..FILES.len() {
            let lines: String = (0..plan.before).map(|number| format!("before {number}\n")).collect();
            fs::write(house.log(file), lines).unwrap();
        }
        for (name, text) in [("packed.log.1", "long\n"), (".packed.log.1.gz.part", "short")] {
            fs::write(house.logs().join(name), text).unwrap();
        }
        for number in 1..=plan.old {
            fs::write(house.logs().join(format!("{}.{number}", FILES[1])), format!("old {number}\n")).unwrap();
        }
        house
    }

    fn logs(&self) -> PathBuf {
        self.directory.path().join("logs")
    }

    fn log(&self, file: usize) -> PathBuf {
        self.logs().join(FILES[file])
    }

    /// Handlers as a listener has them.
    fn handlers(&self, plan: &Plan) -> [Box<dyn Handler>; 3] {
        let Plan { backup_count, max_bytes, .. } = *plan;
        let size = RotatingFileHandlerConfig::new(self.log(1));
        let size = RotatingFileHandlerConfig { max_bytes, backup_count, ..size };
        // All of a test is one interval.
        let time = TimedRotatingFileHandlerConfig::new(self.log(2));
        let time = TimedRotatingFileHandlerConfig { when: When::Days, interval_s: 1 << 40, ..time };
        let time = TimedRotatingFileHandlerConfig { max_bytes, backup_count, utc: true, ..time };
        [
            Box::new(FileHandler::new(FileHandlerConfig::new(self.log(0))).unwrap()),
            Box::new(RotatingFileHandler::new(size).unwrap()),
            Box::new(TimedRotatingFileHandler::new(time).unwrap()),
        ]
    }

    /// Has the records of a plan handled in one batch, which is planned then.
    fn batch(&self, plan: &Plan, round: usize, is_stuck: bool) -> Batch {
        let handlers = self.handlers(plan);
        let stuck = LogFile::new(self.log(handlers.len()), OpenMode::Append);
        let stuck: Arc<dyn AppendFile> = Arc::new(Stuck { file: stuck, is_stuck: is_stuck.into() });
        let mut batch = Batch::new(&self.segment);
        for (number, (file, length)) in plan.records.iter().enumerate() {
            let message = format!("{round} {number} {}", "x".repeat(*length));
            match handlers.get(*file) {
                Some(handler) => {
                    let emit = |record: &Record<'_>| handler.emit(record, &Message, &mut batch);
                    with_own_record("test", &message, emit).unwrap();
                }
                None => batch.append(&stuck, format!("{message}\n").as_bytes()).unwrap(),
            }
        }
        // What was compressed meanwhile gets its place.
        let [from, made, to] = ["packed.log.1", ".packed.log.1.gz.part", "packed.log.1.gz"];
        let [from, made, to] = [from, made, to].map(|name| self.logs().join(name));
        if from.exists() {
            let packed: Arc<dyn AppendFile> = Arc::new(LogFile::new(self.logs().join("packed.log"), OpenMode::Append));
            batch.roll(&packed, &mut |names| names.replace(&from, &made, &to, false)).unwrap();
        }
        batch.plan([], &[]);
        batch
    }

    /// What stands in all files, and which ones are links.
    fn left(&self) -> BTreeMap<String, (String, bool)> {
        let entries = fs::read_dir(self.logs()).unwrap().map(|entry| entry.unwrap());
        let file = |entry: fs::DirEntry| {
            let is_link = entry.file_type().unwrap().is_symlink();
            (entry.file_name().into_string().unwrap(), (fs::read_to_string(entry.path()).unwrap(), is_link))
        };
        entries.map(file).collect()
    }

    /// Does the plan's batch to its end.
    fn carry_out(&self, plan: &Plan, round: usize) {
        let mut batch = self.batch(plan, round, false);
        batch.carry_out().unwrap();
        assert_eq!(batch.take_given_up().len(), 0);
        batch.finish();
    }

    /// Does the steps of a batch up to some place.
    fn carry_out_to(batch: &mut Batch, stop: &Stop) {
        let done = batch.steps.len() * stop.done / 1000;
        for at in 0..done {
            let step = &mut batch.steps[at];
            step.carry_out(&*batch.files[step.file].file, &mut batch.given_up).unwrap();
            step.is_done = true;
            if at + 1 < done || !stop.is_uncounted {
                batch.count_done();
            }
        }
        let Some(step) = batch.steps.get(done).filter(|_| !stop.is_uncounted) else { return };
        match &step.work {
            Work::Append { bytes, .. } => {
                let path = batch.files[step.file].file.path();
                let part = bytes.len() * stop.part / 1000;
                append(path, &bytes[..part]);
            }
            // It has its name, and what it was made from is there.
            Work::Replace { made, to, .. } if stop.part > 0 => fs::rename(made, to).unwrap(),
            Work::Rename { .. } | Work::Delete { .. } | Work::Replace { .. } => {}
        }
    }

    /// Does a part of it, as a listener that is killed; and the rest, as its successor.
    fn carry_out_in_two(&self, plan: &Plan, round: usize, stop: &Stop) {
        let mut batch = self.batch(plan, round, stop.is_stuck);
        match stop.is_stuck {
            true => {
                let has_stuck = batch.steps.iter().any(|step| batch.files[step.file].file.path() == self.log(3));
                // Twice, as it tries again.
                (0..2).for_each(|_| assert_eq!(batch.carry_out().is_err(), has_stuck));
            }
            false => Self::carry_out_to(&mut batch, stop),
        }
        // What it had in memory and open is gone, and nothing of it tidied up.
        std::mem::forget(batch);
        if let Some(mut recovery) = Recovery::of(&self.segment) {
            recovery.carry_out(&self.segment).unwrap();
            recovery.finish();
        }
        let count = |word| self.segment.word(word).unwrap();
        assert_eq!((count(words::DISTURBED), count(words::UNPROTECTED)), (0, 0));
    }
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_that_is_stopped_anywhere_is_finished_by_the_next_listener(
        plan in plans(), first in stops(), second in stops(),
    ) {
        let (whole, stopped) = (House::of(&plan), House::of(&plan));
        for (round, stop) in [first, second].iter().enumerate() {
            whole.carry_out(&plan, round);
            stopped.carry_out_in_two(&plan, round, stop);
            prop_assert_eq!(stopped.left(), whole.left());
        }
    }
}

/// Each kind of step, stopped before it, half way, behind it and behind its count.
#[test]
fn every_step_is_stopped_everywhere() {
    let records = (0..80).map(|number| (number % 4, 20)).collect();
    let plan = Plan { old: 2, backup_count: 2, max_bytes: 100, records, before: 1, is_linked: false };
    let (whole, count) = {
        let house = House::of(&plan);
        let mut batch = house.batch(&plan, 0, false);
        let kinds = batch.steps.iter().map(|step| match step.work {
            Work::Append { .. } => 0,
            Work::Rename { .. } => 1,
            Work::Delete { .. } => 2,
            Work::Replace { .. } => 3,
        });
        let mut counts = [0; 4];
        kinds.for_each(|kind: usize| counts[kind] += 1);
        assert!(counts[..3].iter().all(|count| *count > 4) && counts[3] == 1, "{counts:?}");
        batch.carry_out().unwrap();
        batch.finish();
        (house.left(), counts.iter().sum::<usize>())
    };
    for done in 0..=count {
        for (part, is_uncounted) in [(0, false), (0, true), (500, false), (1000, false)] {
            let house = House::of(&plan);
            // A thousandth more, as it is rounded down.
            let stop = Stop { done: (done * 1000).div_ceil(count), is_uncounted, part, is_stuck: false };
            house.carry_out_in_two(&plan, 0, &stop);
            assert_eq!(house.left(), whole, "{done} steps, {part}, {is_uncounted}");
        }
    }
}

/// A file that is to be on the disk when it gets another name, and remembers whether it was told in time.
struct Synced {
    file: LogFile,
    in_time: AtomicBool,
}

impl AppendFile for Synced {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        self.file.end()
    }

    fn reopen(&self) {
        self.in_time.store(self.path().exists(), Ordering::Relaxed);
        self.file.reopen();
    }
}

#[test]
fn a_file_is_let_go_of_before_it_gets_another_name() {
    let directory = tempfile::tempdir().unwrap();
    let segment = Segment::create(&directory.path().join("queues"), "synced", &SegmentOptions::default()).unwrap();
    let (path, rolled) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    let synced = Arc::new(Synced { file: LogFile::new(&path, OpenMode::Append), in_time: AtomicBool::new(false) });
    let file: Arc<dyn AppendFile> = synced.clone();
    let mut batch = Batch::new(&segment);
    batch.append(&file, b"one\n").unwrap();
    batch.roll(&file, &mut |names| names.rename(&path, &rolled)).unwrap();
    batch.append(&file, b"two\n").unwrap();
    batch.plan([], &[]);
    batch.carry_out().unwrap();
    batch.finish();
    assert!(synced.in_time.load(Ordering::Relaxed), "killed in between, nobody would bring it to the disk");
    let read = |path| fs::read_to_string(path).unwrap();
    assert_eq!((read(&rolled), read(&path)), ("one\n".to_owned(), "two\n".to_owned()));
}

/// A file on a disk that takes no more files.
struct Last(LogFile);

impl AppendFile for Last {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.end().and_then(|_| self.0.append(bytes))
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        if self.path().exists() { self.0.end() } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn reopen(&self) {
        self.0.reopen();
    }
}

#[test]
fn where_no_file_can_be_begun_lines_go_on_in_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let segment = Segment::create(&directory.path().join("queues"), "last", &SegmentOptions::default()).unwrap();
    let [path, first, second] = ["a.log", "a.log.1", "a.log.2"].map(|name| directory.path().join(name));
    fs::write(&path, "zero\n").unwrap();
    let file: Arc<dyn AppendFile> = Arc::new(Last(LogFile::new(&path, OpenMode::Append)));
    let mut batch = Batch::new(&segment);
    batch.append(&file, b"one\n").unwrap();
    for line in [b"two\n", b"six\n"] {
        batch
            .roll(&file, &mut |names| {
                _ = names.rename(&first, &second);
                names.rename(&path, &first)
            })
            .unwrap();
        batch.append(&file, line).unwrap();
    }
    batch.plan([], &[]);
    batch.carry_out().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "zero\none\ntwo\nsix\n");
    assert!(!first.exists() && !second.exists());
    let said: Vec<_> = batch.take_given_up().iter().map(ToString::to_string).collect();
    assert_eq!(said.iter().filter(|said| said.starts_with("cannot begin anew '")).count(), 2, "{said:?}");
    batch.finish();
}

#[test]
fn a_record_for_a_file_that_rolls_and_does_not_open_waits_as_any_other_does() {
    let directory = tempfile::tempdir().unwrap();
    let segment = Segment::create(&directory.path().join("queues"), "closed", &SegmentOptions::default()).unwrap();
    let logs = directory.path().join("logs");
    let path = logs.join("a.log");
    let file: Arc<dyn AppendFile> = Arc::new(LogFile::new(&path, OpenMode::Append));
    let mut batch = Batch::new(&segment);
    assert!(batch.append_below(&file, b"one\n", 10).unwrap());
    batch.plan([], &[]);
    assert!(batch.carry_out().is_err());
    fs::create_dir(&logs).unwrap();
    batch.carry_out().unwrap();
    batch.finish();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
}

/// A file on a disk that has so much room.
struct Full {
    file: LogFile,
    room: AtomicU64,
}

impl AppendFile for Full {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        unreachable!("{bytes:?} would be cut off again, with the lines that are whole")
    }

    fn append_lines(&self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::Relaxed) as usize;
        let Some(part) = bytes.get(..room).filter(|part| part.len() < bytes.len()) else {
            return self.file.append_lines(bytes);
        };
        let whole = part.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.file.append_lines(&part[..whole])?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        self.file.end()
    }
}

#[test]
fn lines_that_stand_there_are_not_written_again_when_there_is_room() {
    for is_planned in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let segment = Segment::create(&directory.path().join("queues"), "full", &SegmentOptions::default()).unwrap();
        let path = directory.path().join("a.log");
        fs::write(&path, "two\n").unwrap();
        let full = Arc::new(Full { file: LogFile::new(&path, OpenMode::Append), room: AtomicU64::new(6) });
        let file: Arc<dyn AppendFile> = Arc::clone(&full) as _;
        let mut batch = Batch::new(&segment);
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            batch.append(&file, line.as_bytes()).unwrap();
        }
        if is_planned {
            batch.plan([], &[]);
        }
        for (room, standing) in [(6, "one\n"), (0, "one\n"), (11, "one\ntwo\nthree\n"), (99, "one\ntwo\nthree\nfour\n")]
        {
            full.room.store(room, Ordering::Relaxed);
            assert_eq!(batch.carry_out().is_ok(), room == 99);
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("two\n{standing}"), "{is_planned}");
        }
        batch.finish();
    }
}
