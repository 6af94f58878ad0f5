//! What `WatchedFileHandler` does besides the contract.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use logtree_core::{Direct, EmitError, Handler as _};
use logtree_handlers::{FileHandlerConfig, WatchedFileHandler};

use crate::specimen::{Brackets, lines, with_record};

fn handler(path: &Path) -> WatchedFileHandler {
    WatchedFileHandler::new(FileHandlerConfig::new(path)).unwrap()
}

fn emit(handler: &WatchedFileHandler, message: &str) -> Result<(), EmitError> {
    with_record(message, |record| handler.emit(record, &Brackets, &mut Direct))
}

#[test]
fn a_file_that_was_moved_replaced_or_deleted_is_opened_anew_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    let handler = handler(&path);
    emit(&handler, "one").unwrap();
    fs::rename(&path, &moved).unwrap();
    emit(&handler, "two").unwrap();
    assert_eq!((lines(&moved), lines(&path)), (vec!["<one>".into()], vec!["<two>".into()]));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "theirs\n").unwrap();
    emit(&handler, "three").unwrap();
    assert_eq!(lines(&path), ["theirs", "<three>"]);
    fs::remove_file(&path).unwrap();
    emit(&handler, "four").unwrap();
    assert_eq!(lines(&path), ["<four>"]);
}

#[test]
fn a_directory_that_was_removed_costs_records_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logs/a.log");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let handler = handler(&path);
    emit(&handler, "one").unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert!(matches!(emit(&handler, "lost"), Err(EmitError::Io(_))));
    fs::create_dir(path.parent().unwrap()).unwrap();
    emit(&handler, "two").unwrap();
    assert_eq!(lines(&path), ["<two>"]);
}

#[test]
fn where_no_file_can_be_made_the_moved_one_is_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
    let handler = handler(&path);
    emit(&handler, "one").unwrap();
    fs::rename(&path, &moved).unwrap();
    // Also root cannot open a directory for writing.
    fs::create_dir(&path).unwrap();
    emit(&handler, "two").unwrap();
    assert_eq!(lines(&moved), ["<one>", "<two>"]);
    fs::remove_dir(&path).unwrap();
    emit(&handler, "three").unwrap();
    assert_eq!(lines(&path), ["<three>"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0);
}
