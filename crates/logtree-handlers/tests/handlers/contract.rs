//! What every handler keeps to, whatever it does with its records.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use logtree_core::{Direct, FormatError, Formatter, Handler, HandlerEntry, Level, Record, StdStream, set_report_hook};
use logtree_handlers::{
    Encoding, FileHandler, FileHandlerConfig, NullHandler, Stream, StreamHandler, StreamHandlerConfig,
};

use crate::child::{assert_passed, test_process};
use crate::specimen::{Brackets, Unfiltered, lines, with_record};

/// A handler in its entry, and where its lines go, if anywhere.
struct Subject {
    entry: Arc<HandlerEntry>,
    output: Option<PathBuf>,
}

impl Subject {
    fn new(handler: impl Handler + 'static, output: Option<PathBuf>) -> Self {
        let mut entry = HandlerEntry::new("subject", Box::new(handler), Arc::new(Brackets));
        // Only the walk through the tree looks at it.
        entry.set_level(Level::CRITICAL);
        entry.filters.push(Arc::new(Unfiltered));
        entry.handler.open().unwrap();
        entry.handler.start().unwrap();
        Self { entry: Arc::new(entry), output }
    }

    fn handle(&self, message: &str) {
        with_record(message, |record| self.entry.handle(record, &mut Direct));
    }

    fn assert_lines(&self, expected: &[&str]) {
        if let Some(output) = &self.output {
            assert_eq!(lines(output), expected);
        }
    }
}

/// All of the contract; the subject is fresh and its output empty.
fn assert_contract(subject: &Subject) {
    // Errors are counted; what is said about them goes nowhere.
    set_report_hook(|_| {});
    let deadline = || Instant::now() + Duration::from_secs(5);
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
    assert_eq!(entry.errors.count(), if formats { 2 } else { 0 });
    subject.assert_lines(&["<one>", "<가나다 two", "lines>", "<after>"]);

    // Reopening and closing lose nothing, and nothing is over after them.
    entry.handler.reopen();
    subject.handle("reopened");
    entry.handler.close();
    entry.handler.close();
    assert!(entry.handler.flush(deadline()));
    subject.handle("closed");
    subject.assert_lines(&["<one>", "<가나다 two", "lines>", "<after>", "<reopened>", "<closed>"]);

    assert_threads_do_not_mix(subject);
    assert_reentrant(subject);
}

fn assert_threads_do_not_mix(subject: &Subject) {
    const THREADS: usize = 8;
    const RECORDS: usize = 200;
    let before = subject.output.as_deref().map_or(0, |output| lines(output).len());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let filler = "x".repeat(1 + 1000 * (thread % 2));
                (0..RECORDS).for_each(|number| subject.handle(&format!("{thread} {number} {filler}")));
            });
        }
    });
    let Some(output) = &subject.output else { return };
    let written = lines(output).split_off(before);
    assert_eq!(written.len(), THREADS * RECORDS);
    for thread in 0..THREADS {
        let prefix = format!("<{thread} ");
        let number = |line: &String| line.strip_prefix(&prefix)?.split(' ').next()?.parse().ok();
        let numbers: Vec<usize> = written.iter().filter_map(number).collect();
        assert!(numbers.iter().copied().eq(0..RECORDS), "thread {thread}: {numbers:?}");
    }
    assert!(written.iter().all(|line| line.ends_with("x>")));
}

/// Logs to the subject while it formats for the subject.
struct Chatty(OnceLock<Arc<HandlerEntry>>);

impl Formatter for Chatty {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str("outer ");
        if let Some(entry) = self.0.get() {
            with_record("inner", |inner| entry.handle(inner, &mut Direct));
        }
        out.push_str(record.message);
        Ok(())
    }
}

fn assert_reentrant(subject: &Subject) {
    let chatty = Chatty(OnceLock::new());
    let _ = chatty.0.set(Arc::clone(&subject.entry));
    with_record("record", |record| subject.entry.handler.emit(record, &chatty, &mut Direct)).unwrap();
    if let Some(output) = &subject.output {
        let written = lines(output);
        assert_eq!(written[written.len() - 2..], ["<inner>", "outer record"]);
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
