//! What the user got wrong, or the machine: each is said clearly, and nothing is half started.

use std::fs;
use std::net::TcpListener;

use super::support::{Ended, MODES, Place};

/// Runs the service, in both modes, with options that cannot work. All of `expected` must be in the message.
fn assert_refused(place: &Place, options: &[&str], expected: &[&str]) {
    for mode in MODES {
        let before = fs::read_dir(place.directory.path()).unwrap().count();
        let bind: &[&str] = if options.contains(&"--bind") { &[] } else { &["--bind", "127.0.0.1:0"] };
        let ended = place.run(&[mode, bind, options].concat());
        let Ended { status, stdout, stderr } = &ended;
        assert!(status.code().is_some_and(|code| code != 0), "{ended:?}");
        for part in expected {
            assert!(stderr.contains(part), "{part:?} is not said in {stderr}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(!stdout.contains("serving"), "{stdout}");
        place.assert_nothing_left(None);
        assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), before, "a file was left");
    }
}

#[test]
fn a_missing_config() {
    let place = Place::new();
    assert_refused(&place, &["--config", "missing.json"], &["missing.json", "No such file"]);
}

#[test]
fn a_config_with_a_syntax_error() {
    let place = Place::new();
    place.file("logging.json", "{\n  \"version\": 1,\n  \"handlers\": {]\n}\n");
    // The bracket is the fifteenth character of the third line.
    assert_refused(&place, &["--config", "logging.json"], &["logging.json", "3:16", "\"handlers\": {]"]);
}

#[test]
fn an_unknown_class() {
    let place = Place::new();
    place.config(|config| config["handlers"]["file"]["class"] = "logging.FileHandlr".into());
    // CPython's words for it, and what it is near to.
    let said = ["Unable to configure handler 'file'", "logging.FileHandlr", "logging.FileHandler"];
    assert_refused(&place, &["--config", "logging.json"], &said);
}

#[test]
fn a_log_directory_that_does_not_exist() {
    let place = Place::new();
    place.config(|config| config["handlers"]["file"]["filename"] = "missing/service.log".into());
    let said = ["Unable to configure handler 'file'", "missing/service.log", "No such file or directory"];
    assert_refused(&place, &["--config", "logging.json"], &said);
}

#[test]
fn a_log_directory_that_cannot_be_written() {
    let place = Place::new();
    // Not even root makes files there.
    place.config(|config| config["handlers"]["file"]["filename"] = "/proc/service.log".into());
    assert_refused(&place, &["--config", "logging.json"], &["Unable to configure handler 'file'", "/proc/service.log"]);
}

#[test]
fn a_port_in_use() {
    let place = Place::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    assert_refused(&place, &["--bind", &address], &[&address, "Address already in use"]);
}

#[test]
fn numbers_of_workers_that_make_no_sense() {
    let place = Place::new();
    for number in ["0", "10000", "-1", "two"] {
        assert_refused(&place, &["--workers", number], &["--workers", number]);
    }
}

#[test]
fn the_driver_says_that_its_service_does_not_start() {
    let place = Place::new();
    place.config(|config| config["handlers"]["file"]["filename"] = "missing/service.log".into());
    let options = ["--requests", "10", "--config", "logging.json"];
    assert_refused(&place, &options, &["missing/service.log", "the service did not start"]);
}
