//! What `RotatingFileHandler` does besides the contract.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use logtree_core::{Argument, Direct, EmitError, FormatError, Formatter, Handler, Record};
use logtree_handlers::{
    Retention, RotatingFileHandler, RotatingFileHandlerConfig, TimedRotatingFileHandler,
    TimedRotatingFileHandlerConfig, When,
};
use serde_json::Value as Json;

use crate::cpython;
use crate::specimen::{Brackets, lines, with_record};

/// The message alone.
struct Plain;

impl Formatter for Plain {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(record.message);
        Ok(())
    }
}

/// A directory's files; one that is a directory has no bytes.
type Files = BTreeMap<String, Option<Vec<u8>>>;

fn files_of(json: &Json) -> Files {
    // The text stands for its bytes, as latin-1.
    let bytes = |text: &str| text.chars().map(|char| u8::try_from(char).unwrap()).collect();
    json.as_object().unwrap().iter().map(|(name, content)| (name.clone(), content.as_str().map(bytes))).collect()
}

fn spread(directory: &Path, files: &Files) {
    for (name, content) in files {
        match content {
            Some(content) => fs::write(directory.join(name), content).unwrap(),
            None => fs::create_dir(directory.join(name)).unwrap(),
        }
    }
}

fn gather(directory: &Path) -> Files {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).ok())).collect()
}

/// Python's handler has a lock, under which it looks and writes: with threads too it rolls where the next record would not fit,
/// no record sooner or later.
#[test]
fn threads_fill_each_file_as_one_does() {
    const EACH: usize = 4_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let (line, in_a_file) = ("x".repeat(19), 500);
    // The next one must not fit: it would reach the limit.
    let max_bytes = (in_a_file * (line.len() + 1) + 1) as u64;
    let arguments = RotatingFileHandlerConfig { max_bytes, backup_count: 100, ..RotatingFileHandlerConfig::new(&path) };
    let handler = RotatingFileHandler::new(arguments).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    with_record(&line, |record| handler.emit(record, &Plain, &mut Direct)).unwrap();
                }
            });
        }
    });
    let sizes: Vec<_> = gather(directory.path()).into_values().map(|bytes| bytes.unwrap().len()).collect();
    assert_eq!(sizes, vec![in_a_file * (line.len() + 1); 4 * EACH / in_a_file]);
}

#[test]
fn sequences_of_records_leave_what_cpython_leaves() {
    let cases = cpython::cases("rotating.py", include_str!("rotating.jsonl"));
    assert!(cases.len() > 350);
    let mut rolled = 0;
    for case in &cases {
        let directory = tempfile::tempdir().unwrap();
        spread(directory.path(), &files_of(&case["files"]));
        let mut arguments = case["arguments"].clone();
        arguments["filename"] = directory.path().join("app.log").to_str().unwrap().into();
        let terminator = Argument::Str(case["terminator"].as_str().unwrap().to_owned());
        let kwargs = cpython::kwargs("RotatingFileHandler", &arguments, vec![("terminator".into(), terminator)]);
        let handler = RotatingFileHandler::new(RotatingFileHandlerConfig::from_kwargs(kwargs).unwrap()).unwrap();
        handler.open().unwrap();
        let mut errors = 0;
        for message in case["messages"].as_array().unwrap() {
            if message.is_null() {
                handler.roll(&mut Direct).unwrap();
                continue;
            }
            let message = message[0].as_str().unwrap().repeat(message[1].as_u64().unwrap() as usize);
            let outcome = with_record(&message, |record| handler.emit(record, &Plain, &mut Direct));
            errors += u64::from(outcome.is_err());
        }
        let left = gather(directory.path());
        assert_eq!(errors, case["errors"].as_u64().unwrap(), "{case}");
        match case["left"]["app.log"].as_u64() {
            // Of long sequences the sizes alone.
            Some(_) => {
                let sizes = left.iter().map(|(name, content)| (name.clone(), content.as_ref().unwrap().len().into()));
                assert_eq!(Json::Object(sizes.collect()), case["left"], "{case}");
                rolled += left.len() - 1;
            }
            None => assert_eq!(left, files_of(&case["left"]), "{case}"),
        }
    }
    assert!(rolled > 20, "{rolled}");
}

fn handler(path: &Path, max_bytes: u64, backup_count: u32) -> RotatingFileHandler {
    let config = RotatingFileHandlerConfig { max_bytes, backup_count, ..RotatingFileHandlerConfig::new(path) };
    RotatingFileHandler::new(config).unwrap()
}

fn emit(handler: &dyn Handler, message: &str) -> Result<(), EmitError> {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct))
}

/// More old files than there will be.
const MANY: u32 = 1_000_000;

#[test]
fn what_another_process_writes_is_seen_in_time() {
    const MAX_BYTES: u64 = 6400;
    const RECORD_BYTES: u64 = 16;
    let record = "x".repeat(RECORD_BYTES as usize - "<>\n".len());
    for round in 0..100 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        // Each as in a process of its own.
        let (one, other) = (handler(&path, MAX_BYTES, MANY), handler(&path, MAX_BYTES, MANY));
        let size = || fs::metadata(&path).unwrap().len();
        emit(&one, &record).unwrap();
        // The other one fills the file behind its back, but for a record.
        while size() < MAX_BYTES - 2 * RECORD_BYTES {
            emit(&other, &record).unwrap();
        }
        // A 16th of what it saw, and one record: then it looks.
        let filled = size();
        for _ in 0..MAX_BYTES / 16 / RECORD_BYTES + 3 {
            emit(&one, &record).unwrap();
        }
        let rolled = fs::metadata(directory.path().join("app.log.1")).map(|metadata| metadata.len()).unwrap();
        assert!(rolled >= filled && rolled <= MAX_BYTES + MAX_BYTES / 16 + RECORD_BYTES, "{rolled}, round {round}");
        // Nor does the other one roll it a second time.
        emit(&other, &record).unwrap();
        assert!(!directory.path().join("app.log.2").exists(), "round {round}");
    }
}

#[test]
fn what_was_cut_has_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path, 1000, MANY);
    for _ in 0..20 {
        (0..90).for_each(|_| emit(&handler, "12345678").unwrap());
        // As logrotate(8) does with `copytruncate`, at any moment of a tick.
        fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    }
    (0..90).for_each(|_| emit(&handler, "12345678").unwrap());
    assert_eq!((lines(&path).len(), fs::read_dir(directory.path()).unwrap().count()), (90, 1));
}

#[test]
fn a_record_is_never_written_to_a_file_that_others_have_deleted_already() {
    let by_size = |config: RotatingFileHandlerConfig| -> Box<dyn Handler> {
        Box::new(RotatingFileHandler::new(RotatingFileHandlerConfig { max_bytes: 10, ..config }).unwrap())
    };
    let total = Retention { max_total_bytes: Some(20), ..Retention::default() };
    type Open<'a> = &'a dyn Fn(&Path) -> Box<dyn Handler>;
    let handlers: [Open<'_>; 4] = [
        &|path| by_size(RotatingFileHandlerConfig { backup_count: 2, ..RotatingFileHandlerConfig::new(path) }),
        // As many as there may be; but the bytes are limited.
        &|path| {
            let config = RotatingFileHandlerConfig { retention: total, ..RotatingFileHandlerConfig::new(path) };
            by_size(RotatingFileHandlerConfig { backup_count: u32::MAX, ..config })
        },
        &|path| timed(path, 2, Retention::default()),
        &|path| timed(path, 0, total),
    ];
    // Where rolling is quick, all of a round could be within a tick.
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    for (which, open) in handlers.into_iter().enumerate() {
        for round in 0..100 {
            let directory = tempfile::tempdir_in(&place).unwrap();
            let path = directory.path().join("app.log");
            let (one, other) = (open(&path), open(&path));
            let emit = |handler: &dyn Handler, message: &str| {
                with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
            };
            emit(&*other, "another's");
            emit(&*one, "of one");
            // The file that the one has open is the third last then.
            (0..3).for_each(|number| emit(&*other, &format!("another's {number}")));
            emit(&*one, "of one again");
            let files = gather(directory.path());
            let last = b"<of one again>\n".to_vec();
            assert!(files.values().any(|content| content.as_ref() == Some(&last)), "{which}, {round}: {files:?}");
        }
    }
}

/// Rolls by size alone, for all of a test.
fn timed(path: &Path, backup_count: u32, retention: Retention) -> Box<dyn Handler> {
    let config = TimedRotatingFileHandlerConfig { when: When::Days, ..TimedRotatingFileHandlerConfig::new(path) };
    let config = TimedRotatingFileHandlerConfig { interval_s: 1 << 40, max_bytes: 10, backup_count, ..config };
    Box::new(TimedRotatingFileHandler::new(TimedRotatingFileHandlerConfig { retention, ..config }).unwrap())
}

/// Whoever writes a file looks once in a tick of the clock whether it was rolled; as long it must not be deleted.
#[test]
fn a_file_is_not_deleted_in_the_tick_in_which_it_was_rolled() {
    type Make = fn(&Path) -> Box<dyn Handler>;
    let kinds: [Make; 2] = [|path| Box::new(handler(path, 10, 1)), |path| timed(path, 1, Retention::default())];
    // A tick that ends within a round proves nothing, so that there are some.
    for (kind, _) in kinds.iter().flat_map(|kind| (0..30).map(move |round| (kind, round))) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let (rolling, other) = (kind(&path), handler(&path, 1 << 20, 1));
        // As another process would: one record opens the file, and the next one looks at it.
        ["a", "b"].iter().for_each(|message| emit(&other, message).unwrap());
        // The second of them deletes what the first one has rolled.
        (1..=2).for_each(|number| emit(&*rolling, &number.to_string().repeat(9)).unwrap());
        emit(&other, "3").unwrap();
        let files = gather(directory.path());
        let holds = |bytes: &Option<Vec<u8>>| bytes.as_ref().unwrap().ends_with(b"<3>\n");
        assert!(files.values().any(holds), "{files:?}");
    }
}

#[test]
fn what_cannot_be_rolled_is_written_on_and_each_record_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let handler = handler(&path, 10, 1);
    let in_the_way = directory.path().join("app.log.1");
    fs::create_dir(&in_the_way).unwrap();
    emit(&handler, "one").unwrap();
    for message in ["two", "three"] {
        let error = emit(&handler, message).unwrap_err().to_string();
        assert!(error.contains("cannot roll") && error.contains("app.log"), "{error}");
    }
    assert_eq!(lines(&path), ["<one>", "<two>", "<three>"]);
    fs::remove_dir(&in_the_way).unwrap();
    emit(&handler, "four").unwrap();
    assert_eq!(
        (lines(&in_the_way), lines(&path)),
        (vec!["<one>".into(), "<two>".into(), "<three>".into()], vec!["<four>".into()])
    );
}

/// `DIFFERENCE`: CPython 3.13 has no link behind the first roll, `app.log.2` is not there, and the others are the same.
#[test]
fn a_link_that_leads_nowhere_is_moved_on_as_any_file() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::os::unix::fs::symlink("nowhere", at("app.log.1")).unwrap();
    fs::write(at("app.log.2"), "old\n").unwrap();
    let handler = handler(&at("app.log"), 10, 3);
    let is_link = |name: &str| fs::read_link(at(name)).is_ok_and(|target| target == Path::new("nowhere"));
    ["first.", "second"].iter().for_each(|message| emit(&handler, message).unwrap());
    assert!(is_link("app.log.2"));
    assert_eq!(
        ["app.log", "app.log.1", "app.log.3"].map(|name| fs::read_to_string(at(name)).unwrap()),
        ["<second>\n", "<first.>\n", "old\n"]
    );
    emit(&handler, "third.").unwrap();
    assert!(is_link("app.log.3"), "the last one gives way to it");
    emit(&handler, "fourth").unwrap();
    assert_eq!(fs::read_to_string(at("app.log.3")).unwrap(), "<first.>\n");
}

#[test]
fn what_is_no_regular_file_is_never_rolled() {
    let handler = handler(Path::new("/dev/null"), 10, 3);
    (0..10).for_each(|_| emit(&handler, "0123456789").unwrap());
    assert!(!Path::new("/dev/null.1").exists());
}

#[test]
fn wrong_arguments_are_refused_in_cpythons_words() {
    // CPython 3.13: logging.handlers.RotatingFileHandler() of each.
    let message = |json: Json| {
        let kwargs = cpython::kwargs("RotatingFileHandler", &json, Vec::new());
        RotatingFileHandlerConfig::from_kwargs(kwargs).unwrap_err().to_string()
    };
    let expected = "TypeError: '>' not supported between instances of 'str' and 'int'";
    assert_eq!(message(serde_json::json!({"filename": "a", "maxBytes": "10"})), expected);
    let expected = "TypeError: '>' not supported between instances of 'NoneType' and 'int'";
    assert_eq!(message(serde_json::json!({"filename": "a", "maxBytes": null})), expected);
    let expected = "TypeError: RotatingFileHandler.__init__() got an unexpected keyword argument 'when'";
    assert_eq!(message(serde_json::json!({"filename": "a", "when": "S"})), expected);
}

#[test]
fn many_old_files_and_gaps_among_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    for number in (1..=200).filter(|number| number % 50 != 0).chain([201, 300]) {
        fs::write(directory.path().join(format!("app.log.{number}")), number.to_string()).unwrap();
    }
    let handler = handler(&path, 1, 200);
    emit(&handler, "one").unwrap();
    emit(&handler, "two").unwrap();
    let numbered = |number: u32| fs::read_to_string(directory.path().join(format!("app.log.{number}"))).ok();
    assert_eq!(numbered(1).as_deref(), Some("<one>\n"));
    // Those behind a gap have moved too; what is beyond the last is no file of the handler's.
    for number in 2..=200 {
        let before = number - 1;
        assert_eq!(numbered(number), (before % 50 != 0).then(|| before.to_string()), "{number}");
    }
    assert_eq!((numbered(201).as_deref(), numbered(300).as_deref()), (Some("201"), Some("300")));
}

#[test]
fn sizes_have_units_where_they_are_asked_for() {
    let config =
        |json: Json| RotatingFileHandlerConfig::from_kwargs(cpython::kwargs("RotatingFileHandler", &json, Vec::new()));
    let given = serde_json::json!({"filename": "a", "maxBytes": "100 MiB", "maxAge": "14 days", "maxTotalBytes": 5});
    let expected = RotatingFileHandlerConfig {
        max_bytes: 100 << 20,
        retention: Retention { max_age: Some(Duration::from_secs(14 * 86_400)), max_total_bytes: Some(5) },
        ..RotatingFileHandlerConfig::new("a")
    };
    assert_eq!(config(given), Ok(expected));
    for wrong in [serde_json::json!({"maxAge": "14"}), serde_json::json!({"maxTotalBytes": -1})] {
        let keyword = wrong.as_object().unwrap().keys().next().unwrap().clone();
        let mut given = serde_json::json!({"filename": "a"});
        given.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(config(given).unwrap_err().keyword, Some(keyword));
    }
}

#[test]
fn what_is_too_old_or_too_much_is_deleted_when_it_rolls() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let numbered = |number: u32| directory.path().join(format!("app.log.{number}"));
    let retained = |retention| {
        let config = RotatingFileHandlerConfig { max_bytes: 1, retention, ..RotatingFileHandlerConfig::new(&path) };
        RotatingFileHandler::new(config).unwrap()
    };
    let there = || (1..20).filter(|number| numbered(*number).exists()).collect::<Vec<_>>();
    let by_size = retained(Retention { max_total_bytes: Some(12), ..Retention::default() });
    (0..9).for_each(|number| emit(&by_size, &number.to_string()).unwrap());
    // Four bytes each.
    assert_eq!((there(), lines(&numbered(3)), lines(&path)), (vec![1, 2, 3], vec!["<5>".into()], vec!["<8>".into()]));

    let day = Duration::from_secs(86_400);
    let old = SystemTime::now() - 2 * day;
    fs::File::options().append(true).open(numbered(2)).unwrap().set_modified(old).unwrap();
    fs::write(directory.path().join("app.log.3.txt"), "").unwrap();
    let by_age = retained(Retention { max_age: Some(day), ..Retention::default() });
    emit(&by_age, "9").unwrap();
    // What was 2 and is 3 now was changed two days ago.
    assert_eq!((there(), lines(&numbered(4))), (vec![1, 2, 4], vec!["<5>".into()]));
    assert!(directory.path().join("app.log.3.txt").exists());
}

#[test]
fn every_file_gets_the_rights_that_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let given = serde_json::json!({
        "filename": path, "maxBytes": 10, "backupCount": 2, "permissions": "0604", "fsync": "each", "owner": null,
    });
    let config = RotatingFileHandlerConfig::from_kwargs(cpython::kwargs("RotatingFileHandler", &given, Vec::new()));
    let handler = RotatingFileHandler::new(config.unwrap()).unwrap();
    (0..3).for_each(|number| emit(&handler, &format!("{number} is long enough")).unwrap());
    for name in ["app.log", "app.log.1", "app.log.2"] {
        let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o604, "{name}");
    }
    for wrong in [("permissions", "rw-r-----"), ("fsync", "sometimes"), ("group", "no such group")] {
        let given = serde_json::json!({"filename": "a", wrong.0: wrong.1});
        let config = RotatingFileHandlerConfig::from_kwargs(cpython::kwargs("RotatingFileHandler", &given, Vec::new()));
        assert_eq!(config.unwrap_err().keyword.as_deref(), Some(wrong.0));
    }
}
