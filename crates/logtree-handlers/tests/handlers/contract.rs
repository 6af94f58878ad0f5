//! What every handler keeps to, whatever it does with its records.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{
    Direct, FormatError, Formatter, Handler, HandlerEntry, Level, Overflow, QueueLimits, QueueListener, Record,
    RecordQueue as _, StdStream, set_report_hook,
};
use logtree_handlers::{
    Buffering, BufferingConfig, Encoding, FileHandler, FileHandlerConfig, MemoryHandler, MemoryHandlerConfig,
    NullHandler, RotatingFileHandler, RotatingFileHandlerConfig, Stream, StreamHandler, StreamHandlerConfig,
    ThreadQueue, TimedRotatingFileHandler, TimedRotatingFileHandlerConfig, WatchedFileHandler,
};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, Unfiltered, lines, with_record};

/// A handler in its entry, and where its lines go, if anywhere.
struct Subject {
    entry: Arc<HandlerEntry>,
    /// The handler behind it that formats and writes, if it does not do so itself.
    far: Option<Arc<HandlerEntry>>,
    /// Whether it takes a flush to see a record.
    is_held: bool,
    output: Option<PathBuf>,
    /// Whether a record that comes after `close` is handled.
    outlives_close: bool,
    /// What formats, wherever that is.
    chatty: Arc<Chatty>,
}

impl Subject {
    fn new(handler: impl Handler + 'static, output: Option<PathBuf>) -> Self {
        let chatty = Arc::new(Chatty::default());
        let entry = entry(Box::new(handler), &chatty);
        Self { entry, far: None, is_held: false, output, outlives_close: true, chatty }
    }

    /// A handler that hands on to a file.
    fn before_a_file(directory: &Path, handler: impl FnOnce(Arc<HandlerEntry>) -> Box<dyn Handler>) -> Self {
        let file = file(directory, |_| {});
        let entry = entry(handler(Arc::clone(&file.entry)), &file.chatty);
        Self { entry, far: Some(Arc::clone(&file.entry)), is_held: true, ..file }
    }

    /// How many records could not be handled, wherever that was found.
    fn errors(&self) -> u64 {
        self.entry.errors.count() + self.far.as_ref().map_or(0, |far| far.errors.count())
    }

    fn handle(&self, message: &str) {
        with_record(message, |record| self.entry.handle(record, &mut Direct));
    }

    fn assert_lines(&self, expected: &[&str]) {
        if self.is_held {
            assert!(self.entry.handler.flush(deadline()));
        }
        if let Some(output) = &self.output {
            assert_eq!(all_lines(output), expected);
        }
    }
}

fn entry(handler: Box<dyn Handler>, chatty: &Arc<Chatty>) -> Arc<HandlerEntry> {
    let mut entry = HandlerEntry::new("subject", handler, Arc::clone(chatty) as Arc<dyn Formatter>);
    // Only the walk through the tree looks at it.
    entry.set_level(Level::CRITICAL);
    entry.filters.push(Arc::new(Unfiltered));
    entry.handler.open().unwrap();
    entry.handler.start().unwrap();
    Arc::new(entry)
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// The lines of an output and of the files that were rolled, the oldest first.
fn all_lines(output: &Path) -> Vec<String> {
    let numbered = |number: u32| PathBuf::from(format!("{}.{number}", output.display()));
    let rolled: Vec<_> = (1..).map(numbered).take_while(|path| path.exists()).collect();
    rolled.iter().rev().map(PathBuf::as_path).chain([output]).flat_map(lines).collect()
}

/// All of the contract; the subject is fresh and its output empty.
fn assert_contract(subject: &Subject) {
    // Errors are counted; what is said about them goes nowhere.
    set_report_hook(|_| {});
    let entry = &subject.entry;
    let formats = subject.output.is_some();

    subject.handle("one");
    subject.handle("filtered");
    subject.handle("가나다 two\nlines");
    assert!(entry.handler.flush(deadline()));
    subject.assert_lines(&["<one>", "<가나다 two", "lines>"]);

    // What goes wrong with one record costs that record.
    subject.handle("panic");
    subject.handle("fail");
    subject.handle("after");
    subject.assert_lines(&["<one>", "<가나다 two", "lines>", "<after>"]);
    assert_eq!(subject.errors(), if formats { 2 } else { 0 });
    assert_threads_do_not_mix(subject);
    assert_reentrant(subject);

    // Reopening and closing lose nothing, and nothing is over after them.
    let before = subject.output.as_deref().map_or(0, |output| all_lines(output).len());
    let errors = subject.errors();
    entry.handler.reopen();
    subject.handle("reopened");
    entry.handler.close();
    entry.handler.close();
    assert!(entry.handler.flush(deadline()));
    subject.handle("closed");
    if subject.is_held {
        assert!(entry.handler.flush(deadline()));
    }
    let Some(output) = &subject.output else { return };
    let expected = if subject.outlives_close { vec!["<reopened>", "<closed>"] } else { vec!["<reopened>"] };
    assert_eq!(all_lines(output)[before..], expected);
    assert_eq!(subject.errors(), errors + u64::from(!subject.outlives_close));
}

fn assert_threads_do_not_mix(subject: &Subject) {
    const THREADS: usize = 8;
    const RECORDS: usize = 200;
    let before = subject.output.as_deref().map_or(0, |output| all_lines(output).len());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let filler = "x".repeat(1 + 1000 * (thread % 2));
                (0..RECORDS).for_each(|number| subject.handle(&format!("{thread} {number} {filler}")));
            });
        }
    });
    let Some(output) = &subject.output else { return };
    assert!(subject.entry.handler.flush(deadline()));
    let written = all_lines(output).split_off(before);
    assert_eq!(written.len(), THREADS * RECORDS);
    for thread in 0..THREADS {
        let prefix = format!("<{thread} ");
        let number = |line: &String| line.strip_prefix(&prefix)?.split(' ').next()?.parse().ok();
        let numbers: Vec<usize> = written.iter().filter_map(number).collect();
        assert!(numbers.iter().copied().eq(0..RECORDS), "thread {thread}: {numbers:?}");
    }
    assert!(written.iter().all(|line| line.ends_with("x>")));
}

/// Formats as [`Brackets`]; when it formats `chatty` it logs itself, if it was told where to.
#[derive(Default)]
struct Chatty(Mutex<Option<Arc<HandlerEntry>>>);

impl Formatter for Chatty {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let listener = self.0.lock().unwrap().clone();
        if let ("chatty", Some(entry)) = (record.message, listener) {
            with_record("inner", |inner| entry.handle(inner, &mut Direct));
        }
        Brackets.format(record, out)
    }
}

fn assert_reentrant(subject: &Subject) {
    *subject.chatty.0.lock().unwrap() = Some(Arc::clone(&subject.entry));
    subject.handle("chatty");
    assert!(subject.entry.handler.flush(deadline()));
    *subject.chatty.0.lock().unwrap() = None;
    if let Some(output) = &subject.output {
        let written = all_lines(output);
        let expected = if subject.far.is_some() { ["<chatty>", "<inner>"] } else { ["<inner>", "<chatty>"] };
        assert_eq!(written[written.len() - 2..], expected);
    }
}

fn file(directory: &Path, change: impl FnOnce(&mut FileHandlerConfig)) -> Subject {
    let path = directory.join("a.log");
    let mut config = FileHandlerConfig::new(&path);
    change(&mut config);
    Subject::new(FileHandler::new(config).unwrap(), Some(path))
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    assert_contract(&file(directory.path(), |_| {}));
}

#[test]
fn files_that_are_opened_late_or_emptied() {
    for (delay, mode) in [(true, "a"), (false, "w"), (true, "w"), (false, "x"), (true, "x")] {
        let directory = tempfile::tempdir().unwrap();
        let subject = file(directory.path(), |config| {
            config.delay = delay;
            config.mode = mode.parse().unwrap();
        });
        assert_eq!(subject.output.as_ref().unwrap().exists(), !delay);
        assert_contract(&subject);
    }
}

#[test]
fn files_in_another_encoding_and_with_another_terminator() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let config = FileHandlerConfig {
        encoding: Encoding::Latin1,
        terminator: "\r\n".into(),
        errors: "xmlcharrefreplace".parse().unwrap(),
        ..FileHandlerConfig::new(&path)
    };
    let subject = Subject::new(FileHandler::new(config).unwrap(), None);
    subject.handle("é€");
    assert_eq!(std::fs::read(&path).unwrap(), b"<\xe9&#8364;>\r\n");
}

#[test]
fn files_that_are_watched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = WatchedFileHandler::new(FileHandlerConfig::new(&path)).unwrap();
    assert_contract(&Subject::new(handler, Some(path)));
}

#[test]
fn files_that_roll() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    // Larger than what the contract writes to begin with, and smaller than what its threads write.
    let config =
        RotatingFileHandlerConfig { max_bytes: 1000, backup_count: 2000, ..RotatingFileHandlerConfig::new(&path) };
    assert_contract(&Subject::new(RotatingFileHandler::new(config).unwrap(), Some(path)));
}

#[test]
fn files_whose_time_comes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    // A day that does not end while this runs.
    let config = TimedRotatingFileHandlerConfig { interval_s: 1 << 40, ..TimedRotatingFileHandlerConfig::new(&path) };
    assert_contract(&Subject::new(TimedRotatingFileHandler::new(config).unwrap(), Some(path)));
}

#[test]
fn memory() {
    for capacity in [0, 1, 2, 1_000_000] {
        let directory = tempfile::tempdir().unwrap();
        let config = MemoryHandlerConfig::new(capacity);
        let memory = |target| Box::new(MemoryHandler::new(config, Some(target))) as Box<dyn Handler>;
        assert_contract(&Subject { outlives_close: false, ..Subject::before_a_file(directory.path(), memory) });
    }
}

#[test]
fn queues() {
    for maxsize in [0, 1] {
        let directory = tempfile::tempdir().unwrap();
        let overflow = Overflow::Block(Duration::from_secs(60));
        let queue = ThreadQueue::new(QueueLimits { maxsize, overflow, ..QueueLimits::default() });
        let listener =
            |target| QueueListener { name: "q".into(), handlers: vec![target], respect_handler_level: false };
        assert_contract(&Subject::before_a_file(directory.path(), |target| queue.connect(listener(target)).unwrap()));
    }
}

#[test]
fn buffers() {
    for bytes in [1, 100, 1 << 20] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let file = FileHandler::new(FileHandlerConfig::new(&path)).unwrap();
        let interval = (bytes == 100).then(|| Duration::from_millis(1));
        let config = BufferingConfig { flush_interval: interval, ..BufferingConfig::new(bytes) };
        let buffering = Buffering::new(config, "subject", Box::new(file));
        assert_contract(&Subject { is_held: true, ..Subject::new(buffering, Some(path)) });
    }
}

#[test]
fn nothing() {
    assert_contract(&Subject::new(NullHandler, None));
}

#[test]
fn streams() {
    assert_passed(&test_process("contract::the_stream_of_this_process").output().unwrap());
}

#[test]
#[ignore = "the test `streams` runs it in a process of its own"]
fn the_stream_of_this_process() {
    let output = tempfile::NamedTempFile::new().unwrap();
    // Appending, as what else the test writes goes there too.
    let appended = std::fs::File::options().append(true).open(output.path()).unwrap();
    rustix::stdio::dup2_stderr(&appended).unwrap();
    let config = StreamHandlerConfig { stream: Stream::Std(StdStream::Stderr), ..StreamHandlerConfig::default() };
    assert_contract(&Subject::new(StreamHandler::new(config), Some(output.path().to_owned())));
}
