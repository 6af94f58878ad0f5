//! The contract, with every class of handlers that configs may name, as the registry makes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use logtree_core::{Argument, FormatError, Formatter, Handler, HandlerEntry, Kwargs, Record, Registry, StdStream};
use logtree_handlers::{Stream, StreamHandler, StreamHandlerConfig};

use crate::child::{assert_passed, test_process};
use crate::contract::{Subject, assert_contract, entry};

fn registry() -> Registry {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    registry
}

pub(crate) fn text(text: &str) -> Argument {
    Argument::Str(text.into())
}

pub(crate) type Arguments = Vec<(&'static str, Argument)>;

pub(crate) fn build(class: &str, arguments: Arguments, children: Vec<Arc<HandlerEntry>>) -> Box<dyn Handler> {
    let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let kwargs = Kwargs::new(class, arguments).of_entry("subject", Vec::new());
    registry().find_handler(class).unwrap()(kwargs).unwrap()(children).unwrap()
}

/// Each set of arguments that a class is tried with; the outer `None` if the class is tried elsewhere.
fn variants(class: &str) -> Option<Vec<Arguments>> {
    let sizes = || vec![("maxBytes", Argument::Int(20_000)), ("backupCount", Argument::Int(2000))];
    let plain = match class {
        // In processes of their own: see below.
        "logging.StreamHandler" => return None,
        "logging.NullHandler" => vec![vec![]],
        "logging.handlers.BufferingHandler" => vec![vec![("capacity", Argument::Int(2))]],
        "logging.handlers.MemoryHandler" => {
            [0, 1, 2, 1_000_000].map(|capacity| vec![("capacity", Argument::Int(capacity))]).into()
        }
        "logging.handlers.QueueHandler" => {
            // Where it may wait for room nothing is lost.
            let patient = || vec![("overflow", text("block")), ("timeout", Argument::Int(60))];
            let [unbounded, simple] = ["queue.Queue", "queue.SimpleQueue"].map(|name| queue(name, patient()));
            let narrow = || queue("queue.Queue", [patient(), vec![("maxsize", Argument::Int(1))]].concat());
            vec![
                vec![],
                vec![("queue", unbounded)],
                vec![("queue", simple)],
                vec![("queue", narrow())],
                vec![("queue", narrow()), ("formatter", text("f"))],
            ]
        }
        "logging.FileHandler" => vec![
            vec![],
            vec![("delay", Argument::Bool(true))],
            vec![("mode", text("w"))],
            vec![("mode", text("w")), ("delay", Argument::Bool(true))],
            vec![("mode", text("x"))],
            vec![("mode", text("x")), ("delay", Argument::Bool(true))],
            vec![("encoding", text("utf-8")), ("errors", text("replace")), ("permissions", text("0600"))],
            vec![("fsync", text("each"))],
            vec![("latest", text("latest.log"))],
        ],
        "logging.handlers.WatchedFileHandler" => vec![vec![]],
        // Larger than what the contract writes to begin with, and smaller than what its threads write.
        "logging.handlers.RotatingFileHandler" => {
            let plain = [vec![], sizes(), [sizes(), vec![("fsync", text("rotate"))]].concat()];
            plain.into_iter().chain(compressed(&sizes())).collect()
        }
        "concurrent_log_handler.ConcurrentRotatingFileHandler" | "cloghandler.ConcurrentRotatingFileHandler" => {
            vec![vec![], sizes()]
        }
        "concurrent_log_handler.ConcurrentTimedRotatingFileHandler" => {
            let gzipped = vec![("when", text("S")), ("use_gzip", Argument::Bool(true))];
            vec![vec![], [gzipped, sizes()].concat()]
        }
        "logging.handlers.TimedRotatingFileHandler" => {
            // An interval that does not end while this runs, and one that has ended before: it rolls at its first record.
            let long = vec![("when", text("D")), ("interval", Argument::Int(1_000_000))];
            let short = vec![("when", text("S"))];
            let full = [long.clone(), sizes()].concat();
            let both = [short.clone(), sizes(), vec![("fsync", text("rotate"))]].concat();
            [long, short, full.clone(), both].into_iter().chain(compressed(&full)).collect()
        }
        _ => panic!("{class} is not tried"),
    };
    // Every class of Python's that writes a file takes a buffer.
    let is_buffered = class.ends_with("FileHandler") && class.starts_with("logging");
    let buffers = [(1, None), (100, Some(0.001)), (1 << 20, None)].map(|(bytes, interval)| {
        let interval = interval.map(|interval| ("flushInterval", Argument::Float(interval)));
        [("buffering", Argument::Int(bytes))].into_iter().chain(interval).collect::<Vec<_>>()
    });
    let buffered = buffers.into_iter().filter(|_| is_buffered).map(|buffer| [plain[0].clone(), buffer].concat());
    let buffered: Vec<_> = buffered.collect();
    Some(plain.into_iter().chain(buffered).collect())
}

/// These arguments with those that have rolled files compressed, if this build does.
fn compressed(arguments: &Arguments) -> Vec<Arguments> {
    let forms = ["gz", "zst"].into_iter().filter(|_| cfg!(feature = "compress"));
    forms.map(|form| [arguments.clone(), vec![("compress", text(form))]].concat()).collect()
}

fn queue(name: &str, arguments: Arguments) -> Argument {
    let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    registry().find_factory(name).unwrap()(Kwargs::new(name, arguments)).unwrap()
}

/// A handler of this class, with lines that go to a file in this directory.
fn subject(class: &str, arguments: Arguments, directory: &Path) -> Subject {
    let path = directory.join("a.log");
    let has = |keyword: &str| arguments.iter().any(|(name, _)| *name == keyword);
    let file = |path: &Path| build("logging.FileHandler", vec![("filename", text(path.to_str().unwrap()))], vec![]);
    match class {
        "logging.NullHandler" | "logging.handlers.BufferingHandler" => {
            Subject { outlives_close: false, ..Subject::new(build(class, arguments, vec![]), None) }
        }
        "logging.handlers.MemoryHandler" => {
            let before = |target: Arc<HandlerEntry>| {
                let target_name = ("target", Argument::Handler("file".into()));
                build(class, [arguments, vec![target_name]].concat(), vec![target])
            };
            Subject { outlives_close: false, ..Subject::before(Subject::new(file(&path), Some(path.clone())), before) }
        }
        "logging.handlers.QueueHandler" => {
            let handlers = ("handlers", Argument::List(vec![Argument::Handler("file".into())]));
            if has("formatter") {
                let far = entry(file(&path), Arc::new(Bare));
                let near = build(class, [arguments, vec![handlers]].concat(), vec![Arc::clone(&far)]);
                return Subject { far: Some(far), is_held: true, ..Subject::new(near, Some(path)) };
            }
            let before = |target| build(class, [arguments, vec![handlers]].concat(), vec![target]);
            Subject::before(Subject::new(file(&path), Some(path.clone())), before)
        }
        _ => {
            let is_held = has("buffering");
            if has("when") {
                let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_577_934_245);
                std::fs::File::create(&path).unwrap().set_modified(long_ago).unwrap();
            }
            let arguments = [arguments, vec![("filename", text(path.to_str().unwrap()))]].concat();
            Subject { is_held, ..Subject::new(build(class, arguments, vec![]), Some(path)) }
        }
    }
}

/// The message alone, which a queue's handler has formatted.
struct Bare;

impl Formatter for Bare {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(record.message);
        Ok(())
    }
}

#[test]
fn every_class_of_handlers_keeps_to_the_contract() {
    let registry = registry();
    let mut count = 0;
    for class in registry.names().filter(|name| registry.find_handler(name).is_some()) {
        for arguments in variants(class).unwrap_or_default() {
            println!("{class} {arguments:?}");
            let directory = tempfile::tempdir().unwrap();
            assert_contract(&subject(class, arguments, directory.path()));
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn streams() {
    for name in ["stderr", "stdout"] {
        assert_passed(&test_process(&format!("classes::the_{name}_of_this_process")).output().unwrap());
    }
}

#[test]
#[ignore = "the test `streams` runs it in a process of its own"]
fn the_stderr_of_this_process() {
    let output = tempfile::NamedTempFile::new().unwrap();
    // Appending, as what else the test writes goes there too.
    let appended = std::fs::File::options().append(true).open(output.path()).unwrap();
    rustix::stdio::dup2_stderr(&appended).unwrap();
    let config = StreamHandlerConfig { stream: Stream::Std(StdStream::Stderr), ..StreamHandlerConfig::default() };
    let handler = Box::new(StreamHandler::new(config));
    assert_contract(&Subject::new(handler, Some(PathBuf::from(output.path()))));
}

#[test]
#[ignore = "the test `streams` runs it in a process of its own"]
fn the_stdout_of_this_process() {
    let output = tempfile::NamedTempFile::new().unwrap();
    let own = rustix::io::dup(rustix::stdio::stdout()).unwrap();
    rustix::stdio::dup2_stdout(std::fs::File::options().append(true).open(output.path()).unwrap()).unwrap();
    let stdout = Argument::Object(registry().find_object("sys.stdout").unwrap().clone());
    let handler = build("logging.StreamHandler", vec![("stream", stdout)], vec![]);
    assert_contract(&Subject::new(handler, Some(PathBuf::from(output.path()))));
    // By which it is to say that it has passed.
    rustix::stdio::dup2_stdout(&own).unwrap();
}

#[test]
fn files_in_another_encoding_and_with_another_terminator() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let attributes = vec![("terminator".to_owned(), text("\r\n"))];
    let arguments = [
        ("filename", text(path.to_str().unwrap())),
        ("encoding", text("latin-1")),
        ("errors", text("xmlcharrefreplace")),
    ];
    let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let kwargs = Kwargs::new("", arguments).of_entry("subject", attributes);
    let handler = registry().find_handler("logging.FileHandler").unwrap()(kwargs).unwrap()(Vec::new()).unwrap();
    Subject::new(handler, None).handle("é€");
    assert_eq!(std::fs::read(&path).unwrap(), b"<\xe9&#8364;>\r\n");
}
