//! What becomes of rolled files where `compress` is set. The judges are gzip(1), where it is there, and the crates' decoders.

mod failures;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use logtree_core::{AppendFile, Direct, FileEnd, Handler, Moves, Names, Steps};
use logtree_handlers::{
    Compress, Retention, RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler,
    TimedRotatingFileHandlerConfig, When,
};
use rustix::fs::{FlockOperation, flock};

use crate::specimen::{Brackets, with_record};

/// Nothing takes so long but a bug.
const DEADLINE: Duration = Duration::from_secs(30);

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn config(path: &Path, max_bytes: u64, backup_count: u32, compress: Compress) -> RotatingFileHandlerConfig {
    let config = RotatingFileHandlerConfig::new(path);
    RotatingFileHandlerConfig { max_bytes, backup_count, compress: Some(compress), ..config }
}

fn handler(path: &Path, max_bytes: u64, backup_count: u32, compress: Compress) -> RotatingFileHandler {
    RotatingFileHandler::new(config(path, max_bytes, backup_count, compress)).unwrap()
}

fn emit(handler: &dyn Handler, message: &str) {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
}

fn names(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The text of a file, whatever its form.
fn text(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).unwrap();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text),
        Some("zst") => zstd::Decoder::new(file).unwrap().read_to_string(&mut text),
        _ => (&file).read_to_string(&mut text),
    }
    .unwrap();
    text
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::fast()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Waits until no rolled file is without its compressed form, and none is being made.
fn until_compressed(directory: &Path) {
    let is_left = |name: &String| name != "app.log" && !name.ends_with(".gz") && !name.ends_with(".zst");
    until("all is compressed", || !names(directory).iter().any(is_left));
}

#[test]
fn rolled_files_become_compressed_ones_that_their_tools_read() {
    for (kind, tool) in [(Compress::Gzip, "gzip"), (Compress::Zstd, "zstd")] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let handler = handler(&path, 10, 5, kind);
        emit(&handler, "the first one");
        let old = SystemTime::now() - Duration::from_secs(86_400);
        File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        emit(&handler, "the second one");
        until_compressed(directory.path());
        let compressed = directory.path().join(format!("app.log.1.{}", kind.extension()));
        assert_eq!((text(&compressed), text(&path)), ("<the first one>\n".into(), "<the second one>\n".into()));
        let metadata = compressed.metadata().unwrap();
        assert_eq!((metadata.modified().unwrap(), metadata.mode() & 0o7777), (old, 0o604));
        // The next rolls take compressed ones with them, and what is beyond the last is deleted.
        (3..9).for_each(|number| emit(&handler, &format!("{number} is as long")));
        until_compressed(directory.path());
        let numbered = |number: u32| format!("app.log.{number}.{}", kind.extension());
        let expected = (1..=5).map(numbered).chain(["app.log".to_owned()]).collect();
        assert_eq!(names(directory.path()), expected);
        for number in 1..=5 {
            let path = directory.path().join(numbered(number));
            let expected = format!("<{} is as long>\n", 8 - number);
            assert_eq!(text(&path), expected);
            match Command::new(tool).arg("-dc").arg(&path).output() {
                Ok(output) => {
                    assert_eq!((String::from_utf8(output.stdout).unwrap(), output.status.success()), (expected, true))
                }
                Err(_) => println!("skipped: no {tool} to read it with"),
            }
        }
    }
}

#[test]
fn files_of_a_time_are_compressed_counted_and_deleted_in_both_forms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let config = TimedRotatingFileHandlerConfig {
        when: When::Days,
        interval_s: 86_400,
        utc: true,
        backup_count: 4,
        max_bytes: 10,
        compress: Some(Compress::Gzip),
        ..TimedRotatingFileHandlerConfig::new(&path)
    };
    let write = |name: &str, text: &str| {
        let bytes = if name.ends_with(".gz") { gzipped(text) } else { text.into() };
        fs::write(directory.path().join(name), bytes).unwrap();
    };
    for day in 1..=3 {
        write(&format!("app.log.2020-01-0{day}.gz"), "old\n");
    }
    // Two forms of one file, and what is nobody's.
    write("app.log.2020-01-03", "old\n");
    write("app.log.2020-01-04.7", "full\n");
    let foreign = ["app.log.2020-01-01.gz.txt", "app.log.gz", "app.log.2020-01-01.bz2", "app.logs.2020-01-01.gz"];
    foreign.iter().for_each(|name| write(name, ""));
    let handler = TimedRotatingFileHandler::new(config).unwrap();
    emit(&handler, "long enough");
    emit(&handler, "for the next");
    until("all is compressed", || !names(directory.path()).contains("app.log.2020-01-03"));
    until("all is compressed", || names(directory.path()).contains("app.log.2020-01-04.7.gz"));
    until("all is compressed", || names(directory.path()).iter().filter(|name| name.ends_with(".1.gz")).count() == 1);
    let left = names(directory.path());
    assert!(foreign.iter().all(|name| left.contains(*name)), "{left:?}");
    // Four are kept, the one just rolled among them.
    let expected = ["app.log.2020-01-02.gz", "app.log.2020-01-03.gz", "app.log.2020-01-04.7.gz"];
    assert!(expected.iter().all(|name| left.contains(*name)), "{left:?}");
    assert!(!left.contains("app.log.2020-01-01.gz") && left.len() == foreign.len() + 5, "{left:?}");
    assert_eq!(text(&directory.path().join("app.log.2020-01-04.7.gz")), "full\n");
}

#[test]
fn a_start_finishes_what_a_killed_process_left_at_each_stage() {
    let text_of = |number: u32| format!("{number}\n").repeat(1000);
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for number in 1..=5 {
        fs::write(at(&format!("app.log.{number}")), text_of(number)).unwrap();
    }
    let part = |number: u32| {
        let inode = at(&format!("app.log.{number}")).metadata().unwrap().ino();
        at(&format!(".app.log.{inode}.gz.part"))
    };
    // 1 is not begun, 2 is just begun, 3 half written, 4 whole and without its name, 5 has it beside what it was made from.
    fs::write(part(2), "").unwrap();
    let whole = gzipped(&text_of(3));
    fs::write(part(3), &whole[..whole.len() / 2]).unwrap();
    fs::write(part(4), gzipped(&text_of(4))).unwrap();
    fs::write(at("app.log.5.gz"), gzipped(&text_of(5))).unwrap();
    // What was made from a file that is gone, in the other form; and what only looks like it.
    fs::write(at(".app.log.1.zst.part"), "").unwrap();
    let parts = [".app.log.01.gz.part", ".app.log.1.bz2.part", ".app.log.x.gz.part", "app.log.1.gz.part"];
    let foreign = parts.iter().copied().chain(["app.log.01", "app.log.+1", "app.log.0", "app.log.10"]);
    foreign.clone().for_each(|name| fs::write(at(name), "").unwrap());
    let handler = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
    handler.open().unwrap();
    assert_eq!(names(directory.path()).len(), 19, "nothing is done before the first record");
    emit(&handler, "one");
    let compressed: Vec<_> = (1..=5).map(|number| format!("app.log.{number}.gz")).collect();
    let expected = foreign.map(str::to_owned).chain(compressed).chain(["app.log".into()]).collect();
    until("all is compressed", || names(directory.path()) == expected);
    for number in 1..=5 {
        assert_eq!(text(&at(&format!("app.log.{number}.gz"))), text_of(number));
    }
}

#[test]
fn who_does_not_compress_any_more_deletes_what_a_killed_process_was_making_and_nothing_else() {
    for timed in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let at = |name: &str| directory.path().join(name);
        [".app.log.1.gz.part", ".app.log.2.zst.part", ".app.log.3.gz.part"]
            .iter()
            .for_each(|name| fs::write(at(name), "").unwrap());
        // Another process makes this one.
        let making = File::open(at(".app.log.3.gz.part")).unwrap();
        flock(&making, FlockOperation::LockExclusive).unwrap();
        let foreign = [".app.log.01.gz.part", ".other.log.1.gz.part", "app.log.9.gz"];
        foreign.iter().for_each(|name| fs::write(at(name), "").unwrap());
        let handler: Box<dyn Handler> = if timed {
            let config = TimedRotatingFileHandlerConfig {
                max_bytes: 10,
                backup_count: 9,
                ..TimedRotatingFileHandlerConfig::new(&path)
            };
            Box::new(TimedRotatingFileHandler::new(config).unwrap())
        } else {
            let config =
                RotatingFileHandlerConfig { max_bytes: 10, backup_count: 5, ..RotatingFileHandlerConfig::new(&path) };
            Box::new(RotatingFileHandler::new(config).unwrap())
        };
        emit(&*handler, "first");
        assert_eq!(names(directory.path()).len(), 7, "nothing is done before it rolls");
        emit(&*handler, "second");
        let left = names(directory.path());
        let kept = foreign.iter().chain(&[".app.log.3.gz.part", "app.log"]);
        assert!(kept.clone().all(|name| left.contains(*name)), "{left:?}");
        assert_eq!(left.len(), kept.count() + 1, "and what was rolled: {left:?}");
    }
}

#[test]
fn a_file_that_somebody_can_still_write_to_waits_and_no_line_of_his_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path, 10, 9, Compress::Zstd);
    emit(&handler, "the first one");
    let late = File::options().append(true).open(&path).unwrap();
    emit(&handler, "the second one");
    emit(&handler, "the third one");
    // The younger one is compressed; the older one, that is open, is 2 by now and waits.
    until("the other one is compressed", || names(directory.path()).contains("app.log.1.zst"));
    let numbered = |name: &str| directory.path().join(name);
    assert_eq!(text(&numbered("app.log.2")), "<the first one>\n");
    std::io::Write::write_all(&mut &late, b"a late line\n").unwrap();
    drop(late);
    until_compressed(directory.path());
    assert_eq!(text(&numbered("app.log.2.zst")), "<the first one>\na late line\n");
    assert_eq!(text(&numbered("app.log.1.zst")), "<the second one>\n");
}

#[test]
fn two_hundred_files_of_an_earlier_time_are_compressed() {
    let directory = tempfile::tempdir().unwrap();
    for number in 1..=200 {
        fs::write(directory.path().join(format!("app.log.{number}")), number.to_string()).unwrap();
    }
    let path = directory.path().join("app.log");
    let handler = handler(&path, 1, 200, Compress::Gzip);
    // Rolled meanwhile, more than once.
    (0..4).for_each(|number| emit(&handler, &number.to_string()));
    until_compressed(directory.path());
    let texts: Vec<_> = (1..=200).map(|number| text(&directory.path().join(format!("app.log.{number}.gz")))).collect();
    let rolled = (0..3).rev().map(|number| format!("<{number}>\n"));
    assert_eq!(texts, rolled.chain((1..=197).map(|number| number.to_string())).collect::<Vec<_>>());
    assert_eq!(names(directory.path()).len(), 201);
}

#[test]
fn what_is_too_much_or_too_old_is_so_in_either_form() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let day = Duration::from_secs(86_400);
    let config = RotatingFileHandlerConfig {
        retention: Retention { max_total_bytes: Some(13_000), max_age: Some(day) },
        ..config(&path, 10, 0, Compress::Gzip)
    };
    let handler = RotatingFileHandler::new(config).unwrap();
    let old = SystemTime::now() - 2 * day;
    for (name, age) in [("1.gz", None), ("2.zst", Some(old)), ("3.gz", None), ("4.gz", None), ("5.zst", None)] {
        let file = File::create(directory.path().join(format!("app.log.{name}"))).unwrap();
        file.set_len(3_000).unwrap();
        age.map_or(Ok(()), |age| file.set_modified(age)).unwrap();
    }
    emit(&handler, "long enough");
    emit(&handler, "for the next");
    // The oldest goes since all are too much, what was 2 since it is too old.
    let expected = ["app.log", "app.log.1.gz", "app.log.2.gz", "app.log.4.gz", "app.log.5.gz"];
    until("the first is compressed", || names(directory.path()) == set(&expected));
}

#[test]
fn a_handler_that_is_closed_leaves_its_work_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let first = handler(&path, 10, 9, Compress::Gzip);
    emit(&first, "long enough");
    let late = File::options().append(true).open(&path).unwrap();
    emit(&first, "for the next");
    first.close();
    drop((first, late));
    // Nobody can write to it any more, and nobody compresses it.
    let is_there = |name: &str| names(directory.path()).contains(name);
    assert!(is_there("app.log.1"));
    let second = handler(&path, 1 << 20, 9, Compress::Gzip);
    emit(&second, "one");
    until_compressed(directory.path());
    assert!(is_there("app.log.1.gz"));
}

/// Does each step at once, and says that it gathers them, as a listener does: each one is a batch.
struct Gathering(u64);

impl Gathering {
    fn new() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self(NUMBERS.fetch_add(1, Ordering::Relaxed))
    }
}

impl Steps for Gathering {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        Direct.append(file, bytes)
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        Direct.append_below(file, bytes, limit)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        Direct.roll(file, moves)
    }

    fn batch(&self) -> Option<u64> {
        Some(self.0)
    }
}

#[test]
fn what_is_made_between_the_last_batch_and_the_end_of_its_config_does_not_stay_half_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path, 20, 9, Compress::Gzip);
    let batch = |messages: &[&str]| {
        for message in messages {
            with_record(message, |record| handler.emit(record, &Brackets, &mut Gathering::new())).unwrap();
        }
        handler.settle(&mut Gathering::new()).unwrap();
    };
    batch(&["longer than all", "a"]);
    batch(&[]);
    let is_half_made = || names(directory.path()).iter().any(|name| name.ends_with(".part"));
    until("it is made, and waits for a batch", || is_half_made() && handler.is_unsettled());
    handler.close();
    assert_eq!(names(directory.path()), set(&["app.log", "app.log.1"]));
    // Another record, and it is made once more.
    batch(&["b"]);
    batch(&[]);
    until("it is made again", || is_half_made() && handler.is_unsettled());
    batch(&[]);
    assert_eq!(names(directory.path()), set(&["app.log", "app.log.1.gz"]));
}

/// Takes steps, and does those that change names when its batch is carried out, as a listener does.
struct Planned(Gathering);

impl Steps for Planned {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        self.0.append(file, bytes)
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        self.0.append_below(file, bytes, limit)
    }

    fn roll(&mut self, _: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        moves(self)
    }

    fn batch(&self) -> Option<u64> {
        self.0.batch()
    }
}

impl Names for Planned {
    fn exists(&self, path: &Path) -> bool {
        Direct.exists(path)
    }

    fn stat(&self, path: &Path) -> Option<(u64, i64)> {
        Direct.stat(path)
    }

    fn find(&self, path: &Path) -> Option<FileEnd> {
        Direct.find(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        Direct.list(directory)
    }

    fn rename(&mut self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn delete(&mut self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn replace(&mut self, _: &Path, _: &Path, _: &Path, _: bool) -> io::Result<()> {
        Ok(())
    }
}

/// By a `MemoryHandler` and by its queue, or before each record by a buffer. Who sweeps leaves alone what is locked.
#[test]
fn what_a_batch_puts_in_its_place_stays_locked_however_often_it_is_settled() {
    let directory = tempfile::tempdir().unwrap();
    let handler = handler(&directory.path().join("app.log"), 20, 9, Compress::Gzip);
    for message in ["longer than all", "a"] {
        with_record(message, |record| handler.emit(record, &Brackets, &mut Gathering::new())).unwrap();
    }
    let settle = |steps: &mut dyn Steps| handler.settle(steps).unwrap();
    settle(&mut Gathering::new());
    settle(&mut Gathering::new());
    let made = || names(directory.path()).into_iter().find(|name| name.ends_with(".part"));
    until("it is made, and waits for a batch", || made().is_some() && handler.is_unsettled());
    let is_locked = || {
        let file = File::open(directory.path().join(made().unwrap())).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
    };
    let mut planned = Planned(Gathering::new());
    for _ in 0..3 {
        settle(&mut planned);
        assert!(is_locked());
    }
    settle(&mut Gathering::new());
    assert!(!is_locked(), "the batch is done");
}

#[test]
fn a_closed_handler_that_gets_a_record_compresses_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path, 10, 9, Compress::Gzip);
    // As a listener closes what it has built anew, and `Guard::apply` what only loggers have that it does not name.
    handler.close();
    emit(&handler, "long enough");
    emit(&handler, "for the next");
    until_compressed(directory.path());
    assert_eq!(text(&directory.path().join("app.log.1.gz")), "<long enough>\n");
}

#[test]
fn a_closed_handler_that_gets_a_record_compresses_what_others_left_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let handler = handler(&directory.path().join("app.log"), 1 << 20, 9, Compress::Gzip);
    let leave = |name: &str| fs::write(directory.path().join(name), name).unwrap();
    let batch = |message: &str| {
        with_record(message, |record| handler.emit(record, &Brackets, &mut Gathering::new())).unwrap();
        handler.settle(&mut Gathering::new()).unwrap();
    };
    emit(&handler, "one");
    handler.close();
    leave("app.log.1");
    emit(&handler, "two");
    until_compressed(directory.path());
    // The same in batches, as a process has it that listens to a queue, hands over, and listens again.
    handler.close();
    batch("three");
    handler.close();
    leave("app.log.2");
    until("it is compressed and in its place", || {
        batch("four");
        names(directory.path()) == set(&["app.log", "app.log.1.gz", "app.log.2.gz"])
    });
    for name in ["app.log.1", "app.log.2"] {
        assert_eq!(text(&directory.path().join(format!("{name}.gz"))), name);
    }
    handler.close();
    let open = || fs::read_dir("/proc/self/fd").unwrap().filter_map(|link| fs::read_link(link.unwrap().path()).ok());
    until("nothing is open any more", || !open().any(|file| file.starts_with(directory.path())));
}

/// What a program without the key has rolled stands beside what it had compressed with it.
#[test]
fn two_files_of_one_number_are_told_apart_by_their_age() {
    let now = SystemTime::now();
    for (backup_count, expected) in [
        (9, &["now", "new 1", "new 2", "new 3", "old 1", "old 2", "old 3"][..]),
        (5, &["now", "new 1", "new 2", "new 3", "old 1"]),
        (3, &["now", "new 1", "new 2"]),
        (2, &["now", "new 1"]),
    ] {
        for is_gap in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let put = |name: String, bytes: &[u8], age_s: u64| {
                fs::write(directory.path().join(&name), bytes).unwrap();
                let file = File::options().append(true).open(directory.path().join(name)).unwrap();
                file.set_modified(now - Duration::from_secs(age_s)).unwrap();
            };
            put("a.log".into(), b"now", 0);
            for number in 1..=3 {
                put(format!("a.log.{number}"), format!("new {number}").as_bytes(), 10 * number);
                let text = format!("old {number}");
                // Those of before need not begin with the first number.
                put(format!("a.log.{}.gz", number + u64::from(is_gap)), &gzipped(&text), 100 * number);
            }
            let handler = handler(&path, 3, backup_count, Compress::Gzip);
            // So nothing is compressed meanwhile.
            with_record("next", |record| handler.emit(record, &Brackets, &mut Gathering::new())).unwrap();
            // What is beyond the count stays, as in Python.
            let paths = (1..=backup_count)
                .flat_map(|number| ["", ".gz"].map(|form| directory.path().join(format!("a.log.{number}{form}"))));
            let found: Vec<_> = paths.filter(|path| path.exists()).map(|path| text(&path)).collect();
            assert_eq!(found, expected, "{backup_count}, {is_gap}: {:?}", names(directory.path()));
        }
    }
}

/// Its maker was killed: it is one file, and keeps its place.
#[test]
fn two_forms_of_one_file_keep_their_number() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    fs::write(&path, "now").unwrap();
    // Those of a lower number are not younger always: all may be of one second, and clocks go back.
    for (name, changed_s) in [("a.log.1", 7), ("a.log.2", 7), ("a.log.2.gz", 7), ("a.log.3", 8), ("a.log.3.gz", 8)] {
        let bytes = if name.ends_with(".gz") { gzipped("old") } else { b"old".into() };
        fs::write(directory.path().join(name), bytes).unwrap();
        let file = File::options().append(true).open(directory.path().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(changed_s)).unwrap();
    }
    let handler = handler(&path, 3, 4, Compress::Gzip);
    with_record("next", |record| handler.emit(record, &Brackets, &mut Gathering::new())).unwrap();
    assert_eq!(
        names(directory.path()),
        set(&["a.log", "a.log.1", "a.log.2", "a.log.3", "a.log.3.gz", "a.log.4", "a.log.4.gz"])
    );
}

#[test]
fn other_words_are_refused() {
    let given = serde_json::json!({"filename": "a", "compress": "bz2"});
    let kwargs = crate::cpython::kwargs("RotatingFileHandler", &given, Vec::new());
    let error = RotatingFileHandlerConfig::from_kwargs(kwargs).unwrap_err();
    assert_eq!(
        (error.keyword.as_deref(), &*error.message),
        (Some("compress"), "'compress' must be 'gz' or 'zst', not 'bz2'")
    );
    for (word, kind) in [("gz", Compress::Gzip), ("zst", Compress::Zstd)] {
        let given = serde_json::json!({"filename": "a", "compress": word});
        let kwargs = crate::cpython::kwargs("TimedRotatingFileHandler", &given, Vec::new());
        assert_eq!(TimedRotatingFileHandlerConfig::from_kwargs(kwargs).unwrap().compress, Some(kind));
    }
}
