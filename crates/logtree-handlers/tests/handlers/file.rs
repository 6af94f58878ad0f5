//! What `FileHandler` does besides the contract.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use logtree_core::{Direct, EmitError, Handler};
use logtree_handlers::{
    Access, FileHandler, FileHandlerConfig, OpenMode, RotatingFileHandler, RotatingFileHandlerConfig,
    WatchedFileHandler,
};

use crate::specimen::{Brackets, lines, with_record};

fn handler(path: &Path, mode: OpenMode) -> FileHandler {
    FileHandler::new(FileHandlerConfig { mode, ..FileHandlerConfig::new(path) }).unwrap()
}

fn emit(handler: &FileHandler, message: &str) -> Result<(), EmitError> {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct))
}

#[test]
fn a_file_that_is_emptied_gets_the_rights_that_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    for mode in [OpenMode::Append, OpenMode::Truncate, OpenMode::Create] {
        let path = directory.path().join(format!("{mode:?}"));
        let access = Access { permissions: Some(0o604), ..Access::default() };
        let handler = FileHandler::new(FileHandlerConfig { mode, access, ..FileHandlerConfig::new(&path) }).unwrap();
        handler.open().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o604, "{mode:?}");
    }
}

#[test]
fn modes_decide_about_what_stands_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    fs::write(&path, "old\n").unwrap();

    let append = handler(&path, OpenMode::Append);
    emit(&append, "a").unwrap();
    assert_eq!(lines(&path), ["old", "<a>"]);

    let refused = handler(&path, OpenMode::Create).open().unwrap_err().to_string();
    assert!(refused.contains(path.to_str().unwrap()) && refused.contains("exists"), "{refused}");

    let truncate = handler(&path, OpenMode::Truncate);
    truncate.open().unwrap();
    assert_eq!(lines(&path), ["old", "<a>"], "another handler of the config may not open yet");
    truncate.start().unwrap();
    assert!(lines(&path).is_empty());
    emit(&truncate, "w").unwrap();
    // Only once: what a handler has written, it does not throw away itself.
    truncate.reopen();
    truncate.open().unwrap();
    emit(&truncate, "x").unwrap();
    assert_eq!(lines(&path), ["<w>", "<x>"]);
}

#[test]
fn a_file_is_emptied_by_a_handler_at_work_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    fs::write(&path, "old\n").unwrap();
    // Its config failed.
    let failed = handler(&path, OpenMode::Truncate);
    failed.open().unwrap();
    failed.close();
    assert_eq!(lines(&path), ["old"]);
    // It waited for a first record, and another config came: the file may be that one's by now.
    let closed = handler(&path, OpenMode::Truncate);
    closed.close();
    emit(&closed, "late").unwrap();
    emit(&failed, "later").unwrap();
    assert_eq!(lines(&path), ["old", "<late>", "<later>"]);
    // Nobody started it.
    let eager = handler(&path, OpenMode::Truncate);
    eager.open().unwrap();
    emit(&eager, "a").unwrap();
    emit(&eager, "b").unwrap();
    assert_eq!(lines(&path), ["<a>", "<b>"]);
}

#[test]
fn nothing_is_there_before_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = handler(&path, OpenMode::Append);
    assert!(!path.exists());
    handler.open().unwrap();
    assert!(path.exists());
    assert_eq!(handler.file(), Some(path.as_path()));
}

#[test]
fn a_file_that_will_not_open_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/directory/a.log");
    let message = handler(&missing, OpenMode::Append).open().unwrap_err().to_string();
    assert!(message.contains(missing.to_str().unwrap()) && message.contains("No such file"), "{message}");
    let message = handler(directory.path(), OpenMode::Append).open().unwrap_err().to_string();
    assert!(message.contains("Is a directory"), "{message}");
    // Opened late it fails at each record, and works as soon as it can.
    let late = handler(&missing, OpenMode::Append);
    assert!(matches!(emit(&late, "lost"), Err(EmitError::Io(_))));
    fs::create_dir_all(missing.parent().unwrap()).unwrap();
    emit(&late, "kept").unwrap();
    assert_eq!(lines(&missing), ["<kept>"]);
}

#[test]
fn a_file_that_was_moved_is_followed_until_it_is_reopened() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    let handler = handler(&path, OpenMode::Append);
    emit(&handler, "one").unwrap();
    fs::rename(&path, &moved).unwrap();
    emit(&handler, "two").unwrap();
    assert!(!path.exists());
    handler.reopen();
    emit(&handler, "three").unwrap();
    assert_eq!((lines(&moved), lines(&path)), (vec!["<one>".into(), "<two>".into()], vec!["<three>".into()]));
}

#[test]
fn a_deleted_file_is_written_to_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = handler(&path, OpenMode::Append);
    emit(&handler, "one").unwrap();
    let kept = fs::File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    emit(&handler, "two").unwrap();
    assert!(!path.exists());
    assert_eq!(std::io::read_to_string(kept).unwrap(), "<one>\n<two>\n");
}

#[test]
fn a_file_that_was_truncated_outside_goes_on_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let handler = handler(&path, OpenMode::Truncate);
    emit(&handler, "one").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    emit(&handler, "two").unwrap();
    assert_eq!(lines(&path), ["<two>"]);
}

#[test]
fn a_device_without_room_is_an_error_at_each_record() {
    let handler = handler(Path::new("/dev/full"), OpenMode::Append);
    handler.open().unwrap();
    for _ in 0..3 {
        let Err(EmitError::Io(error)) = emit(&handler, "m") else { panic!("/dev/full took a line") };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

#[test]
fn text_that_the_encoding_lacks_is_an_error_that_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let config = FileHandlerConfig { encoding: "ascii".parse().unwrap(), ..FileHandlerConfig::new(&path) };
    let handler = FileHandler::new(config).unwrap();
    // CPython 3.13: '<aé>\n'.encode('ascii').
    assert_eq!(
        emit(&handler, "aé").unwrap_err().to_string(),
        "UnicodeEncodeError: 'ascii' codec can't encode character '\\xe9' in position 2: ordinal not in range(128)"
    );
    emit(&handler, "ae").unwrap();
    assert_eq!(lines(&path), ["<ae>"]);
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let directory = tempfile::tempdir().unwrap();
    for encoding in ["utf-8", "latin-1"] {
        let config = FileHandlerConfig {
            encoding: encoding.parse().unwrap(),
            ..FileHandlerConfig::new(directory.path().join(encoding))
        };
        let handler = Arc::new(FileHandler::new(config).unwrap());
        emit(&handler, "é").unwrap();
        let allocations = allocation_counter::measure(|| {
            with_record("é", |record| {
                (0..100).for_each(|_| handler.emit(record, &Brackets, &mut Direct).unwrap());
            });
        });
        // The record itself takes one: its callsite's name.
        assert_eq!(allocations.count_total, 1, "{encoding}");
    }
}

#[test]
fn a_link_leads_to_the_log_of_the_last_one_that_opened() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let handler = |name: &str, delay: bool| {
        let given = serde_json::json!({"filename": at(name), "latest": "app.log", "delay": delay});
        let config = FileHandlerConfig::from_kwargs(crate::cpython::kwargs("FileHandler", &given, Vec::new()));
        FileHandler::new(config.unwrap()).unwrap()
    };
    for (name, delay) in [("app-1.log", false), ("app-2.log", true)] {
        let handler = handler(name, delay);
        assert!(fs::read_link(at("app.log")).ok() != Some(name.into()), "not before it is opened");
        handler.open().unwrap();
        assert_eq!(fs::read_link(at("app.log")).unwrap(), Path::new(name));
        with_record(name, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
        assert_eq!(lines(&at("app.log")), [format!("<{name}>")]);
    }
    fs::remove_file(at("app.log")).unwrap();
    fs::write(at("app.log"), "somebody's").unwrap();
    let error = handler("app-3.log", false).open().unwrap_err().to_string();
    assert!(error.contains("cannot make a link to the log file") && error.contains("is there already"), "{error}");
    assert_eq!(fs::read_to_string(at("app.log")).unwrap(), "somebody's");
}

#[test]
fn directories_are_made_where_that_is_asked_for_and_again_when_they_were_removed() {
    let directory = tempfile::tempdir().unwrap();
    for delay in [false, true] {
        let base = directory.path().join(format!("{delay}"));
        let path = base.join("of/all/a.log");
        let config = FileHandlerConfig { delay, ..FileHandlerConfig::new(&path) };
        let refused = emit(&FileHandler::new(config.clone()).unwrap(), "a").unwrap_err().to_string();
        // CPython 3.13: "[Errno 2] No such file or directory: '/…/a.log'".
        let why = format!("cannot open '{}': No such file or directory (os error 2)", path.display());
        assert_eq!(refused, format!("FileNotFoundError: {why}"));
        let config = FileHandlerConfig { makedirs: true, ..config };
        let handler = FileHandler::new(config.clone()).unwrap();
        handler.open().unwrap();
        assert!(path.parent().unwrap().is_dir());
        assert_eq!(path.exists(), !delay);
        emit(&handler, "a").unwrap();
        fs::remove_dir_all(&base).unwrap();
        handler.reopen();
        emit(&handler, "b").unwrap();
        assert_eq!(lines(&path), ["<b>"]);

        let rolling =
            RotatingFileHandlerConfig { max_bytes: 10, backup_count: 2, ..RotatingFileHandlerConfig::new("") };
        let rolling = RotatingFileHandler::new(RotatingFileHandlerConfig { file: config.clone(), ..rolling }).unwrap();
        let watched = WatchedFileHandler::new(config).unwrap();
        for handler in [&rolling as &dyn Handler, &watched] {
            handler.open().unwrap();
            let emit = |message| with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
            emit("1234567");
            fs::remove_dir_all(&base).unwrap();
            emit("1234568");
            assert_eq!(lines(&path), ["<1234568>"]);
            fs::remove_dir_all(&base).unwrap();
        }
    }
}
