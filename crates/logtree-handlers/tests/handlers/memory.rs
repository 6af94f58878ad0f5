//! What `MemoryHandler` does besides the contract. What is expected is what CPython 3.13's does with the same calls.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{
    AppendFile, Argument, Direct, EmitError, Formatter, Handler, HandlerEntry, Kwargs, Level, Moves, Record, Registry,
    Steps,
};
use logtree_handlers::{FileHandler, FileHandlerConfig, MemoryHandler, MemoryHandlerConfig, Threshold};

use crate::specimen::{Brackets, Unfiltered, lines, with_record};

/// Notes the messages that reach it.
#[derive(Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Handler for Notes {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        self.0.lock().unwrap().push(record.message.to_owned());
        Ok(())
    }
}

struct Held {
    handler: MemoryHandler,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Held {
    fn new(config: MemoryHandlerConfig) -> Self {
        let notes = Notes::default();
        let seen = Arc::clone(&notes.0);
        let mut target = HandlerEntry::new("target", Box::new(notes), Arc::new(Brackets));
        // Its level plays no part, its filters do.
        target.set_level(Level::CRITICAL);
        target.filters.push(Arc::new(Unfiltered));
        Self { handler: MemoryHandler::new(config, Some(Arc::new(target))), notes: seen }
    }

    fn emit(&self, level: Level, message: &str) -> Result<(), EmitError> {
        with_record(message, |record| self.handler.emit(&Record { level, ..*record }, &Brackets, &mut Direct))
    }

    /// The messages that have come to the target since the last call.
    fn handed_on(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap())
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[test]
fn records_are_handed_on_when_there_are_enough_of_them() {
    for (capacity, held) in [(-1, 0), (0, 0), (1, 0), (3, 2)] {
        let memory = Held::new(MemoryHandlerConfig::new(capacity));
        for _ in 0..2 {
            for number in 0..held {
                memory.emit(Level::INFO, &format!("{number}")).unwrap();
                assert!(memory.handed_on().is_empty());
            }
            memory.emit(Level::INFO, "last").unwrap();
            assert_eq!(memory.handed_on().len(), held + 1);
        }
    }
}

#[test]
fn a_record_of_the_flush_level_brings_all_before_it() {
    let config = MemoryHandlerConfig { flush_level: Level(35).into(), ..MemoryHandlerConfig::new(100) };
    let memory = Held::new(config);
    for (level, message) in [(Level::DEBUG, "one"), (Level::WARNING, "filtered"), (Level(34), "two")] {
        memory.emit(level, message).unwrap();
    }
    assert!(memory.handed_on().is_empty());
    memory.emit(Level(35), "three").unwrap();
    assert_eq!(memory.handed_on(), ["one", "two", "three"]);
    memory.emit(Level::CRITICAL, "four").unwrap();
    assert_eq!(memory.handed_on(), ["four"]);
}

#[test]
fn the_end_hands_on_unless_told_not_to() {
    for (flush_on_close, expected) in [(true, &["one"][..]), (false, &[])] {
        let memory = Held::new(MemoryHandlerConfig { flush_on_close, ..MemoryHandlerConfig::new(100) });
        memory.emit(Level::INFO, "one").unwrap();
        assert!(memory.handler.flush(soon()));
        memory.handler.close();
        assert_eq!(memory.handed_on(), expected);
        // The target is forgotten.
        assert!(memory.emit(Level::CRITICAL, "late").is_err());
        memory.handler.close();
        assert!(memory.handed_on().is_empty());
    }
}

#[test]
fn what_is_no_number_is_an_error_at_each_record_which_is_held_all_the_same() {
    let capacity = Threshold::Invalid("str");
    let memory = Held::new(MemoryHandlerConfig { capacity, ..MemoryHandlerConfig::new(0) });
    for message in ["one", "two"] {
        assert_eq!(
            memory.emit(Level::INFO, message).unwrap_err().to_string(),
            "TypeError: '>=' not supported between instances of 'int' and 'str'"
        );
    }
    assert!(memory.handed_on().is_empty());
    memory.handler.close();
    assert_eq!(memory.handed_on(), ["one", "two"]);
}

#[test]
fn arguments_are_pythons() {
    let config = |arguments: Vec<(&str, Argument)>| {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut kwargs = Kwargs::new("MemoryHandler.__init__()", arguments);
        MemoryHandlerConfig::from_kwargs(&mut kwargs).map_err(|error| error.to_string())
    };
    let capacity = |value| config(vec![("capacity", value)]).unwrap().capacity;
    assert_eq!(
        config(vec![]).unwrap_err(),
        "TypeError: MemoryHandler.__init__() missing 1 required positional argument: 'capacity'"
    );
    assert_eq!(config(vec![("capacity", Argument::Int(5))]), Ok(MemoryHandlerConfig::new(5)));
    assert_eq!(capacity(Argument::Bool(true)), Threshold::From(1));
    assert_eq!(capacity(Argument::Float(1.5)), Threshold::From(2));
    assert_eq!(capacity(Argument::Float(f64::NAN)), Threshold::From(i64::MAX));
    assert_eq!(capacity(Argument::Float(f64::NEG_INFINITY)), Threshold::From(i64::MIN));
    assert_eq!(capacity(Argument::None), Threshold::Invalid("NoneType"));
    let given = config(vec![
        ("capacity", Argument::Int(5)),
        ("flushLevel", Argument::Int(20)),
        ("flushOnClose", Argument::Str(String::new())),
    ]);
    let expected =
        MemoryHandlerConfig { flush_level: Level::INFO.into(), flush_on_close: false, ..MemoryHandlerConfig::new(5) };
    assert_eq!(given, Ok(expected));
}

#[test]
fn a_buffering_handler_takes_records_and_gives_none() {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let class = registry.find_handler("logging.handlers.BufferingHandler").unwrap();
    let kwargs = Kwargs::new("BufferingHandler.__init__()", vec![("capacity".into(), Argument::Int(1))]);
    let handler = class(kwargs).unwrap()(Vec::new()).unwrap();
    with_record("m", |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
    assert!(handler.flush(soon()) && handler.children().is_empty());
}

#[test]
fn a_target_that_is_no_handler_is_an_error_once_it_is_wanted() {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let arguments = vec![("capacity".into(), Argument::Int(2)), ("target".into(), Argument::Str("file".into()))];
    let kwargs = Kwargs::new("MemoryHandler.__init__()", arguments);
    let handler =
        registry.find_handler("logging.handlers.MemoryHandler").unwrap()(kwargs).unwrap()(Vec::new()).unwrap();
    let emit = |level| with_record("m", |record| handler.emit(&Record { level, ..*record }, &Brackets, &mut Direct));
    emit(Level::INFO).unwrap();
    assert_eq!(emit(Level::ERROR).unwrap_err().to_string(), "AttributeError: 'str' object has no attribute 'handle'");
}

#[test]
fn what_one_memory_hands_on_another_may_hold() {
    let outer = Held::new(MemoryHandlerConfig::new(3));
    let inner = HandlerEntry::new("inner", Box::new(outer.handler), Arc::new(Brackets));
    let memory = MemoryHandler::new(MemoryHandlerConfig::new(2), Some(Arc::new(inner)));
    let emit = |message: &str| with_record(message, |record| memory.emit(record, &Brackets, &mut Direct)).unwrap();
    ["1", "2", "3"].into_iter().for_each(emit);
    assert!(outer.notes.lock().unwrap().is_empty());
    emit("4");
    assert_eq!(std::mem::take(&mut *outer.notes.lock().unwrap()), ["1", "2", "3"]);
    // Whoever gathers a batch gets what both hold.
    emit("5");
    memory.settle(&mut Direct).unwrap();
    assert_eq!(*outer.notes.lock().unwrap(), ["4", "5"]);
}

/// Logs to a handler at each record.
#[derive(Default)]
struct Talker(Mutex<Option<Arc<HandlerEntry>>>);

impl Formatter for Talker {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), logtree_core::FormatError> {
        let listener = self.0.lock().unwrap().take();
        if let Some(entry) = listener {
            with_record("inner", |inner| entry.handle(inner, &mut Direct));
        }
        Brackets.format(record, out)
    }
}

#[test]
fn a_target_that_logs_waits_for_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let talker = Arc::new(Talker::default());
    let file = FileHandler::new(FileHandlerConfig::new(&path)).unwrap();
    let target = HandlerEntry::new("file", Box::new(file), Arc::clone(&talker) as Arc<dyn Formatter>);
    let memory = MemoryHandler::new(MemoryHandlerConfig::new(1), Some(Arc::new(target)));
    let entry = Arc::new(HandlerEntry::new("memory", Box::new(memory), Arc::new(Brackets)));
    *talker.0.lock().unwrap() = Some(Arc::clone(&entry));
    let began = Instant::now();
    with_record("outer", |record| entry.handle(record, &mut Direct));
    // As long would it wait for another thread.
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(entry.handler.flush(soon()));
    assert_eq!(lines(&path), ["<outer>", "<inner>"]);
}

#[test]
fn what_is_held_comes_out_with_the_steps_of_whoever_asks() {
    /// Counts the bytes that are to be appended.
    #[derive(Default)]
    struct Bytes(usize);
    impl Steps for Bytes {
        fn append(&mut self, _: &Arc<dyn AppendFile>, bytes: &[u8]) -> std::io::Result<()> {
            self.0 += bytes.len();
            Ok(())
        }

        fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], _: u64) -> std::io::Result<bool> {
            self.append(file, bytes).map(|()| true)
        }

        fn roll(&mut self, _: &Arc<dyn AppendFile>, _: &mut Moves<'_>) -> std::io::Result<()> {
            panic!("nothing is ever full")
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let memory = before_file(&path, 100);
    let mut steps = Bytes::default();
    with_record("held", |record| memory.emit(record, &Brackets, &mut steps)).unwrap();
    assert_eq!(steps.0, 0);
    memory.settle(&mut steps).unwrap();
    assert_eq!((steps.0, path.exists()), ("<held>\n".len(), false));
}

fn before_file(path: &Path, capacity: i64) -> MemoryHandler {
    let file = FileHandler::new(FileHandlerConfig::new(path)).unwrap();
    let target = HandlerEntry::new("file", Box::new(file), Arc::new(Brackets));
    MemoryHandler::new(MemoryHandlerConfig::new(capacity), Some(Arc::new(target)))
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let memory = before_file(&path, 10);
    let emit_all = |count: usize| {
        with_record("m", |record| (0..count).for_each(|_| memory.emit(record, &Brackets, &mut Direct).unwrap()));
    };
    // Both memories that take turns have grown.
    emit_all(20);
    let allocations = allocation_counter::measure(|| emit_all(100));
    // The record itself takes one: its callsite's name.
    assert_eq!((allocations.count_total, lines(&path).len()), (1, 120));
}
