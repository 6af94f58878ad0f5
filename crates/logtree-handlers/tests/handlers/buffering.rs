//! What a buffer before a file does besides the contract.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use logtree_core::{
    AppendFile, Argument, Direct, EmitError, Formatter, Handler, Kwargs, Level, Moves, Record, Registry, Steps,
};
use logtree_handlers::{Buffering, BufferingConfig, FileHandler, FileHandlerConfig};

use crate::specimen::{Brackets, lines, with_record};

fn to_file(path: &Path, config: BufferingConfig) -> Buffering {
    Buffering::new(config, "b", Box::new(FileHandler::new(FileHandlerConfig::new(path)).unwrap()))
}

/// A handler that the registry makes of these arguments besides the file's name.
fn from_config(class: &str, path: &Path, arguments: &[(&str, Argument)]) -> Result<Box<dyn Handler>, String> {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let mut all = vec![("filename".to_owned(), Argument::Str(path.to_str().unwrap().into()))];
    all.extend(arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let plan = registry.find_handler(class).unwrap()(Kwargs::new("__init__()", all));
    plan.map(|plan| plan(Vec::new()).unwrap()).map_err(|error| error.to_string())
}

fn emit_to(handler: &dyn Handler, level: Level, message: &str, steps: &mut dyn Steps) -> Result<(), EmitError> {
    with_record(message, |record| handler.emit(&Record { level, ..*record }, &Brackets, steps))
}

fn emit(handler: &dyn Handler, message: &str) {
    emit_to(handler, Level::INFO, message, &mut Direct).unwrap();
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Does each step, unless it is to fail, and counts the appends.
#[derive(Default)]
struct Counting {
    appends: usize,
    /// So many appends are to fail before one is done.
    fails: usize,
    gathers: bool,
}

impl Steps for Counting {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        if self.fails > 0 {
            self.fails -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.appends += 1;
        Direct.append(file, bytes)
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        assert_eq!(limit, u64::MAX);
        self.append(file, bytes).map(|()| true)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        Direct.roll(file, moves)
    }

    fn batch(&self) -> Option<u64> {
        self.gathers.then_some(0)
    }
}

/// Takes a step not before it is told to.
struct Stuck(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Steps for Stuck {
    fn append(&mut self, _: &Arc<dyn AppendFile>, _: &[u8]) -> io::Result<()> {
        self.0.send(()).unwrap();
        self.1.recv().unwrap();
        Ok(())
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], _: u64) -> io::Result<bool> {
        self.append(file, bytes).map(|()| true)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        Direct.roll(file, moves)
    }
}

/// As on a disk that does not answer.
#[test]
fn a_flush_waits_no_longer_than_told_for_a_thread_that_writes() {
    let directory = tempfile::tempdir().unwrap();
    let handler = to_file(&directory.path().join("a.log"), BufferingConfig::new(60));
    emit(&handler, "held back");
    let (writes, is_writing) = mpsc::channel();
    let (go_on, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let handler = &handler;
        scope.spawn(move || emit_to(handler, Level::ERROR, "at once", &mut Stuck(writes, told)).unwrap());
        is_writing.recv().unwrap();
        let (done, is_done) = mpsc::channel();
        scope.spawn(move || done.send(handler.flush(Instant::now() + Duration::from_millis(50))).unwrap());
        let flushed = is_done.recv_timeout(Duration::from_secs(20));
        go_on.send(()).unwrap();
        assert_eq!(flushed, Ok(false));
    });
    assert!(handler.flush(soon()));
}

#[test]
fn as_many_records_as_fit_are_one_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = to_file(&path, BufferingConfig::new(60));
    let mut steps = Counting::default();
    let mut seen = Vec::new();
    for number in 0..10 {
        emit_to(&handler, Level::INFO, &format!("record {number:04}"), &mut steps).unwrap();
        seen.push((steps.appends, if path.exists() { lines(&path).len() } else { 0 }));
    }
    // Each line takes 14 bytes.
    assert_eq!(seen, [(0, 0), (0, 0), (0, 0), (0, 0), (1, 4), (1, 4), (1, 4), (1, 4), (2, 8), (2, 8)]);
    // One that is longer than the buffer comes in its turn.
    emit_to(&handler, Level::INFO, &"x".repeat(100), &mut steps).unwrap();
    assert_eq!((steps.appends, lines(&path).len()), (4, 11));
    assert!(lines(&path)[9].ends_with("0009>") && lines(&path)[10].ends_with("xx>"));
}

#[test]
fn a_record_of_the_flush_level_brings_all_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = to_file(&path, BufferingConfig { flush_level: Level(35), ..BufferingConfig::new(1000) });
    let mut steps = Counting::default();
    for (level, message) in [(Level::INFO, "one"), (Level(34), "two"), (Level(35), "three"), (Level::INFO, "four")] {
        emit_to(&handler, level, message, &mut steps).unwrap();
    }
    assert_eq!((steps.appends, lines(&path)), (1, vec!["<one>".into(), "<two>".into(), "<three>".into()]));
}

#[test]
fn nothing_waits_for_longer_than_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let interval = Duration::from_millis(30);
    let handler = to_file(&path, BufferingConfig { flush_interval: Some(interval), ..BufferingConfig::new(1000) });
    for round in 0..3 {
        let began = Instant::now();
        emit(&handler, "one");
        emit(&handler, "two");
        while !path.exists() || lines(&path).len() < 2 * (round + 1) {
            assert!(Instant::now() < began + Duration::from_secs(20), "nobody writes");
            std::thread::yield_now();
        }
        assert!(began.elapsed() >= interval, "{:?}", began.elapsed());
    }
    // The thread ends with its handler.
    drop(handler);
    let deadline = soon();
    while std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| {
        let is_buffers = |task: std::fs::DirEntry| {
            std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "logtree-buffer\n")
        };
        // Other tests have such threads, but none for long.
        tasks.flatten().any(is_buffers)
    }) {
        assert!(Instant::now() < deadline, "the thread does not end");
        std::thread::yield_now();
    }
}

#[test]
fn what_cannot_be_written_stays_and_what_finds_no_room_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = to_file(&path, BufferingConfig::new(60));
    let mut full = Counting { fails: usize::MAX, ..Counting::default() };
    let kept: Vec<bool> = (0..8)
        .map(|number| emit_to(&handler, Level::INFO, &format!("record {number:04}"), &mut full).is_ok())
        .collect();
    assert_eq!(kept, [true, true, true, true, false, false, false, false]);
    emit(&handler, "there is room");
    assert!(handler.flush(soon()));
    assert_eq!(lines(&path), ["<record 0000>", "<record 0001>", "<record 0002>", "<record 0003>", "<there is room>"]);
}

#[test]
fn after_the_end_nothing_is_held_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = to_file(&path, BufferingConfig::new(1000));
    emit(&handler, "one");
    handler.close();
    assert_eq!(lines(&path), ["<one>"]);
    emit(&handler, "late");
    assert_eq!(lines(&path), ["<one>", "<late>"]);
}

#[test]
fn behind_steps_that_gather_nothing_is_held_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = to_file(&path, BufferingConfig::new(1000));
    let mut steps = Counting::default();
    emit_to(&handler, Level::INFO, "held back", &mut steps).unwrap();
    assert_eq!(steps.appends, 0);
    steps.gathers = true;
    emit_to(&handler, Level::INFO, "not", &mut steps).unwrap();
    assert_eq!((steps.appends, lines(&path)), (2, vec!["<held back>".into(), "<not>".into()]));
}

#[test]
fn what_is_no_file_is_written_at_once() {
    let handler = to_file(Path::new("/dev/full"), BufferingConfig::new(1000));
    for _ in 0..3 {
        let Err(EmitError::Io(error)) = emit_to(&handler, Level::INFO, "m", &mut Direct) else {
            panic!("it took a line")
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

/// Every file of the directory with what stands in it.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let file = |entry: io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
    };
    std::fs::read_dir(directory).unwrap().map(file).collect()
}

#[test]
fn files_roll_where_they_would_without_a_buffer() {
    let class = "logging.handlers.RotatingFileHandler";
    for buffering in [50, 200, 10_000] {
        let (plain, buffered) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rolling = [("maxBytes", Argument::Int(300)), ("backupCount", Argument::Int(5))];
        let unbuffered = from_config(class, &plain.path().join("a.log"), &rolling).unwrap();
        let arguments = [rolling.as_slice(), &[("buffering", Argument::Int(buffering))]].concat();
        let handler = from_config(class, &buffered.path().join("a.log"), &arguments).unwrap();
        for number in 0_usize..100 {
            // Of many lengths, some longer than the buffer, and one longer than the file.
            let message = format!("{number} {}", "x".repeat(if number == 50 { 400 } else { number * 37 % 90 }));
            emit(&*unbuffered, &message);
            emit(&*handler, &message);
        }
        handler.close();
        assert_eq!(files(plain.path()).len(), 6);
        assert_eq!(files(buffered.path()), files(plain.path()), "{buffering}");
    }
}

#[test]
fn arguments_are_taken_by_every_class_of_files() {
    let text = |text: &str| Argument::Str(text.into());
    let classes =
        ["logging.FileHandler", "logging.handlers.WatchedFileHandler", "logging.handlers.TimedRotatingFileHandler"];
    for class in classes {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let arguments =
            [("buffering", text("64 KiB")), ("flushLevel", text("WARNING")), ("flushInterval", Argument::Float(60.0))];
        let handler = from_config(class, &path, &arguments).unwrap();
        handler.open().unwrap();
        emit(&*handler, "held back");
        assert!(lines(&path).is_empty(), "{class}");
        emit_to(&*handler, Level::WARNING, "urgent", &mut Direct).unwrap();
        assert_eq!(lines(&path), ["<held back>", "<urgent>"], "{class}");
    }
    let directory = tempfile::tempdir().unwrap();
    let refused = |arguments: &[(&str, Argument)]| {
        from_config("logging.FileHandler", &directory.path().join("a.log"), arguments).err().unwrap_or_default()
    };
    assert!(refused(&[("buffering", text("much"))]).contains("'buffering' must be a number of bytes"));
    assert!(refused(&[("flushLevel", text("ERROR"))]).contains("unexpected keyword argument 'flushLevel'"));
    assert_eq!(refused(&[("buffering", Argument::Int(0)), ("flushLevel", text("ERROR"))]), "");
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let handler = to_file(&directory.path().join("a.log"), BufferingConfig::new(1000));
    let emit_all =
        || with_record("m", |record| (0..1000).for_each(|_| handler.emit(record, &Brackets, &mut Direct).unwrap()));
    emit_all();
    let allocations = allocation_counter::measure(emit_all);
    // The record itself takes one: its callsite's name.
    assert_eq!(allocations.count_total, 1);
}

/// To a file, with something before its records that cannot be settled.
struct Unsettled(FileHandler);

impl Handler for Unsettled {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.0.emit(record, formatter, steps)
    }

    fn settle(&self, _: &mut dyn Steps) -> Result<(), EmitError> {
        Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
    }
}

#[test]
fn a_record_in_a_batch_settles_nothing_but_what_the_buffer_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let file = FileHandler::new(FileHandlerConfig::new(&path)).unwrap();
    let handler = Buffering::new(BufferingConfig::new(1000), "b", Box::new(Unsettled(file)));
    let mut steps = Counting { gathers: true, ..Counting::default() };
    emit_to(&handler, Level::INFO, "here", &mut steps).unwrap();
    assert_eq!(lines(&path), ["<here>"]);
}

#[test]
fn a_record_in_a_batch_is_there_whatever_cannot_be_written_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = to_file(&path, BufferingConfig::new(1000));
    emit(&handler, "held back");
    let mut steps = Counting { fails: 1, gathers: true, ..Counting::default() };
    emit_to(&handler, Level::INFO, "here", &mut steps).unwrap_err();
    assert_eq!(lines(&path), ["<here>"]);
    assert!(handler.flush(soon()));
    assert_eq!(lines(&path), ["<here>", "<held back>"]);
}
