//! What keeps a rolled file from being compressed, and for how long.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use logtree_core::{Direct, Handler as _};
use logtree_handlers::Compress;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{emit, gzipped, handler, names, set, text, until, until_compressed};
use crate::child::{assert_passed, test_process};
use crate::failures::disk::{disk, on_a_small_disk};
use crate::specimen::{Brackets, with_record};

#[test]
fn a_compressed_file_of_another_origin_is_left_alone_and_so_is_what_it_is_not_made_from() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("app.log.1"), "ours\n").unwrap();
    for theirs in [gzipped("theirs\n"), gzipped("ours\nand more\n"), gzipped("ou"), b"no gzip".to_vec(), Vec::new()] {
        fs::write(at("app.log.1.gz"), &theirs).unwrap();
        let handler = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
        emit(&handler, "one");
        // It is said with the next record that comes when it is known.
        let mut said = String::new();
        until("it is said", || {
            let outcome = with_record("more", |record| handler.emit(record, &Brackets, &mut Direct));
            said = outcome.err().map(|error| error.to_string()).unwrap_or_default();
            !said.is_empty()
        });
        assert!(said.contains("cannot compress") && said.contains("app.log.1'"), "{said}");
        assert_eq!((fs::read(at("app.log.1.gz")).unwrap(), text(&at("app.log.1"))), (theirs, "ours\n".into()));
        assert_eq!(names(directory.path()), set(&["app.log", "app.log.1", "app.log.1.gz"]));
    }
}

#[test]
fn what_is_in_the_way_of_one_file_keeps_no_other_from_being_compressed() {
    let obstacles: [&dyn Fn(&Path); 2] =
        [&|path| fs::create_dir(path).unwrap(), &|path| fs::write(path, gzipped("theirs\n")).unwrap()];
    for obstacle in obstacles {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        ["app.log.1", "app.log.2"].iter().for_each(|name| fs::write(at(name), name).unwrap());
        let old = SystemTime::now() - Duration::from_secs(86_400);
        File::options().append(true).open(at("app.log.2")).unwrap().set_modified(old).unwrap();
        obstacle(&at("app.log.2.gz"));
        let handler = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
        let errors = std::cell::Cell::new(0);
        let log = || {
            let outcome = with_record("more", |record| handler.emit(record, &Brackets, &mut Direct));
            errors.set(errors.get() + u32::from(outcome.is_err()));
        };
        log();
        until("the other one is compressed", || at("app.log.1.gz").exists() && !at("app.log.1").exists());
        until("it is said", || {
            log();
            errors.get() > 0
        });
        assert_eq!(text(&at("app.log.2")), "app.log.2");
        // It is tried again when the handler is next asked to compress.
        if at("app.log.2.gz").is_dir() {
            fs::remove_dir(at("app.log.2.gz")).unwrap();
        } else {
            fs::remove_file(at("app.log.2.gz")).unwrap();
        }
        handler.close();
        log();
        until_compressed(directory.path());
        assert_eq!((text(&at("app.log.2.gz")), errors.get()), ("app.log.2".into(), 1));
    }
}

/// The thread goes on for the other one: what it has left alone is not left alone for as long as it lives.
#[test]
fn what_was_in_the_way_of_one_file_is_looked_at_again_though_another_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    ["app.log.1", "app.log.2"].iter().for_each(|name| fs::write(at(name), name).unwrap());
    // A late process.
    let late = File::options().append(true).open(at("app.log.1")).unwrap();
    fs::write(at("app.log.2.gz"), gzipped("theirs\n")).unwrap();
    let handler = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
    let log = || with_record("more", |record| handler.emit(record, &Brackets, &mut Direct));
    log().unwrap();
    until("it is said", || log().is_err());
    fs::remove_file(at("app.log.2.gz")).unwrap();
    handler.roll(&mut Direct).unwrap();
    log().unwrap();
    until("it is compressed", || at("app.log.3.gz").exists() && !at("app.log.3").exists());
    drop(late);
}

#[test]
fn a_thread_that_may_open_nothing_begins_anew() {
    assert_passed(&test_process("compression::failures::without_descriptors").output().unwrap());
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn without_descriptors() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("app.log.1"), "old\n").unwrap();
    let handler = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
    handler.open().unwrap();
    let log = |message: &str| with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).err();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum }).unwrap();
    // What is open is written to; that the thread cannot begin is said with a later record.
    let mut said = String::new();
    until("it is said", || {
        said = log("a record").map(|error| error.to_string()).unwrap_or_default();
        !said.is_empty()
    });
    assert!(said.contains("Too many open files"), "{said}");
    setrlimit(Resource::Nofile, limit).unwrap();
    // The next roll has it begin again.
    assert!(log(&"x".repeat(1 << 20)).is_none() && log("a record").is_none());
    until_compressed(directory.path());
    let texts: Vec<_> = ["app.log.3.gz", "app.log.2.gz"].iter().map(|name| text(&at(name))).collect();
    assert!(texts[0] == "old\n" && texts[1].lines().all(|line| line == "<a record>"), "{texts:?}");
}
#[test]
fn a_full_disk() {
    on_a_small_disk("compression::failures::on_a_disk_that_is_full");
}

#[test]
#[ignore = "the test above runs it on a small disk"]
fn on_a_disk_that_is_full() {
    let at = |name: &str| disk().join(name);
    let mut old = vec![0; 4200];
    File::open("/dev/urandom").unwrap().read_exact(&mut old).unwrap();
    fs::write(at("app.log.1"), &old).unwrap();
    fs::write(at("ballast"), [0; 4096]).unwrap();
    let first = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
    // Four pages of five are taken with the first record, and two are needed.
    let mut said = String::new();
    let mut count = 0;
    until("it is said", || {
        let outcome = with_record("more", |record| first.emit(record, &Brackets, &mut Direct));
        count += 1;
        said = outcome.err().map(|error| error.to_string()).unwrap_or_default();
        !said.is_empty()
    });
    assert!(said.contains("cannot compress") && said.contains("os error 28"), "{said}");
    // What there was is whole, and nothing is left of what could not be.
    assert_eq!((fs::read(at("app.log.1")).unwrap(), text(&at("app.log"))), (old.clone(), "<more>\n".repeat(count)));
    assert_eq!(names(&disk()), set(&["app.log", "app.log.1", "ballast"]));
    drop(first);
    fs::remove_file(at("ballast")).unwrap();
    let second = handler(&at("app.log"), 1 << 20, 9, Compress::Gzip);
    emit(&second, "one");
    until_compressed(&disk());
    let mut compressed = Vec::new();
    flate2::read::GzDecoder::new(File::open(at("app.log.1.gz")).unwrap()).read_to_end(&mut compressed).unwrap();
    assert_eq!((compressed, names(&disk())), (old, set(&["app.log", "app.log.1.gz"])));
}

#[test]
fn others_who_take_long_to_roll_the_log_are_no_error_and_are_outwaited() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    fs::write(directory.path().join("app.log.1"), "old\n").unwrap();
    fs::write(&path, "new\n").unwrap();
    // As a process has it that is stopped while it rolls.
    let rolling = File::options().append(true).open(&path).unwrap();
    flock(&rolling, FlockOperation::LockExclusive).unwrap();
    let handler = handler(&path, 1000, 3, Compress::Gzip);
    emit(&handler, "one");
    let is_being_made = || names(directory.path()).iter().any(|name| name.ends_with(".part"));
    until("the file is being compressed", is_being_made);
    until("its place was waited for in vain", || !is_being_made());
    emit(&handler, "two");
    flock(&rolling, FlockOperation::Unlock).unwrap();
    until_compressed(directory.path());
    assert_eq!(names(directory.path()), set(&["app.log", "app.log.1.gz"]));
    emit(&handler, "three");
}

/// Such as another user's, whom the program was before.
#[test]
fn what_cannot_be_swept_keeps_nothing_from_being_compressed_or_swept() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let in_the_way = [".app.log.998.gz.part", ".app.log.999.zst.part"];
    in_the_way.iter().for_each(|name| fs::create_dir(at(name)).unwrap());
    let half_made: Vec<_> = (1..20).map(|number| at(&format!(".app.log.{number}.gz.part"))).collect();
    half_made.iter().for_each(|path| fs::write(path, "half").unwrap());
    fs::write(at("app.log.1"), "old\n").unwrap();
    let handler = handler(&at("app.log"), 1000, 3, Compress::Gzip);
    let log = || with_record("more", |record| handler.emit(record, &Brackets, &mut Direct)).map_err(|e| e.to_string());
    let mut said = Vec::from_iter(log().err());
    until("it is compressed", || at("app.log.1.gz").exists() && !at("app.log.1").exists());
    until("it is said", || {
        said.extend(log().err());
        !said.is_empty()
    });
    assert!(half_made.iter().all(|path| !path.exists()));
    let names_one = |error: &String| in_the_way.iter().any(|name| error.contains(name));
    assert!(said.len() == 1 && said.iter().all(names_one), "{said:?}");
}
