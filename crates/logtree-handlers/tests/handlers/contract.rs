//! What every handler keeps to, whatever it does with its records.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{Direct, FormatError, Formatter, Handler, HandlerEntry, Level, Record, set_report_hook};
use rustix::process::{Signal, WaitOptions, kill_process, waitpid};

use crate::forked::in_child;
use crate::specimen::{self, Brackets, Unfiltered, with_record};

/// A handler in its entry, and where its lines go, if anywhere.
pub(crate) struct Subject {
    pub(crate) entry: Arc<HandlerEntry>,
    /// The handler behind it that writes, if it does not do so itself.
    pub(crate) far: Option<Arc<HandlerEntry>>,
    /// Whether it formats where it is logged, and not behind that.
    pub(crate) formats_near: bool,
    /// Whether it formats and writes in another process, which counts its errors itself.
    pub(crate) is_elsewhere: bool,
    /// Whether it takes a flush to see a record.
    pub(crate) is_held: bool,
    pub(crate) output: Option<PathBuf>,
    /// Whether a record that comes after `close` is handled.
    pub(crate) outlives_close: bool,
    /// Whether a child of `fork` can log.
    pub(crate) outlives_fork: bool,
    /// What formats, wherever that is.
    pub(crate) chatty: Arc<Chatty>,
}

impl Subject {
    pub(crate) fn new(handler: Box<dyn Handler>, output: Option<PathBuf>) -> Self {
        let chatty = Arc::new(Chatty::default());
        let entry = entry(handler, Arc::clone(&chatty) as Arc<dyn Formatter>);
        let (far, formats_near, is_elsewhere, is_held) = (None, true, false, false);
        let (outlives_close, outlives_fork) = (true, true);
        Self { entry, far, formats_near, is_elsewhere, is_held, output, outlives_close, outlives_fork, chatty }
    }

    /// A handler that hands on to `file`, which formats.
    pub(crate) fn before(file: Self, handler: impl FnOnce(Arc<HandlerEntry>) -> Box<dyn Handler>) -> Self {
        let entry = entry(handler(Arc::clone(&file.entry)), Arc::clone(&file.chatty) as Arc<dyn Formatter>);
        Self { entry, far: Some(Arc::clone(&file.entry)), formats_near: false, is_held: true, ..file }
    }

    /// How many records could not be handled, wherever that was found.
    fn errors(&self) -> u64 {
        self.entry.errors.count() + self.far.as_ref().map_or(0, |far| far.errors.count())
    }

    pub(crate) fn handle(&self, message: &str) {
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

pub(crate) fn entry(handler: Box<dyn Handler>, formatter: Arc<dyn Formatter>) -> Arc<HandlerEntry> {
    let mut entry = HandlerEntry::new("subject", handler, formatter);
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
    let began = Instant::now();
    loop {
        let rolled = rolled(output);
        let texts: Option<Vec<String>> = rolled.values().map(|path| text(path)).collect();
        // Nothing was compressed meanwhile.
        if let Some(texts) = texts.filter(|_| rolled == self::rolled(output)) {
            let lines = |text: &String| text.lines().map(str::to_owned).collect::<Vec<_>>();
            return texts.iter().flat_map(lines).chain(specimen::lines(output)).collect();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the files never stand still");
    }
}

/// The files that a log was rolled to: by the time that their names tell, if they do; of the numbered ones of a time the one
/// without a number comes last, and where there are numbers alone the highest comes first. Each is there once, whatever its
/// forms.
fn rolled(output: &Path) -> BTreeMap<(String, i64), PathBuf> {
    let base = format!("{}.", output.file_name().unwrap().to_str().unwrap());
    let rolled = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let suffix = name.strip_prefix(&base)?;
        let suffix = suffix.strip_suffix(".gz").or(suffix.strip_suffix(".zst")).unwrap_or(suffix);
        let key = match (suffix.parse::<i64>(), suffix.split_once('.')) {
            (Ok(number), _) => (String::new(), -number),
            (_, Some((time, number))) => (time.to_owned(), number.parse().unwrap()),
            (_, None) => (suffix.to_owned(), i64::MAX),
        };
        Some((key, entry.path()))
    };
    fs::read_dir(output.parent().unwrap()).unwrap().filter_map(|entry| rolled(entry.unwrap())).collect()
}

/// The text of a file, whatever its form; `None` if it is gone.
fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    let length = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text),
        Some("zst") => zstd::Decoder::new(file).unwrap().read_to_string(&mut text),
        _ => (&file).read_to_string(&mut text),
    };
    assert!(length.unwrap() == 0 || text.ends_with('\n'), "half a line at the end of {}", path.display());
    Some(text)
}

/// All of the contract; the subject is fresh and its output empty.
pub(crate) fn assert_contract(subject: &Subject) {
    // Errors are counted; what is said about them goes nowhere.
    set_report_hook(|_| {});
    let entry = &subject.entry;
    let formats = subject.output.is_some() && !subject.is_elsewhere;

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
    if !subject.is_elsewhere {
        assert_reentrant(subject);
    }
    assert_forkable(subject);

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
pub(crate) struct Chatty(Mutex<Option<Arc<HandlerEntry>>>);

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
        let expected = if subject.formats_near { ["<inner>", "<chatty>"] } else { ["<chatty>", "<inner>"] };
        assert_eq!(written[written.len() - 2..], expected);
    }
}

/// A child logs at once, and what it logs is there; its parent goes on.
fn assert_forkable(subject: &Subject) {
    let errors = subject.errors();
    let child = in_child(|| {
        subject.handle("child");
        subject.entry.handler.flush(deadline()) && subject.errors() == errors
    });
    let began = Instant::now();
    let status = loop {
        match waitpid(Some(child), WaitOptions::NOHANG).unwrap() {
            Some((_, status)) => break status.exit_status(),
            None if began.elapsed() > Duration::from_secs(20) => kill_process(child, Signal::KILL).unwrap(),
            None => std::thread::sleep(Duration::from_micros(200)),
        }
    };
    assert_eq!(status, Some(i32::from(!subject.outlives_fork)));
    subject.handle("parent");
    assert!(subject.entry.handler.flush(deadline()));
    assert_eq!(subject.errors(), errors);
    if let Some(output) = &subject.output {
        let written = all_lines(output);
        let expected: &[_] = if subject.outlives_fork { &["<child>", "<parent>"] } else { &["<parent>"] };
        assert_eq!(&written[written.len() - expected.len()..], expected);
    }
}
