//! Signals whose handlers let no system call go on (signal(7)): each call is made again, as CPython does (PEP 475).

use std::fs;

use logtree_handlers::{FileHandlerConfig, Fsync, OpenMode};

use super::{Class, Log};
use crate::calls::{calls_with, log};

/// All that may be interrupted, by its manual, of what a line takes on its way into a file.
const CALLS: &str = "?open,?openat,?write,?pwrite64,?flock,?ftruncate,?fsync,?fdatasync";

#[test]
fn what_is_interrupted_is_done_all_the_same() {
    let place = tempfile::tempdir().unwrap();
    // A signal to each call, and none to the next attempt.
    let inject = format!("inject={CALLS}:error=EINTR:when=1+2");
    let mut arguments = vec!["-e".to_owned(), inject];
    // Of the files alone, and not of what starts a process.
    let paths = VARIANTS.iter().map(|name| place.path().join("logs").join(name).join("app.log"));
    arguments.extend(paths.flat_map(|path| ["-P".to_owned(), path.to_str().unwrap().to_owned()]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    calls_with(&arguments, "failures::signals::while_all_is_interrupted", CALLS, place.path());
}

const VARIANTS: [&str; 3] = ["never", "each", "emptied"];

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn while_all_is_interrupted() {
    for class in Class::ALL {
        for variant in VARIANTS {
            let directory = log().with_file_name(variant);
            fs::create_dir(&directory).unwrap();
            let fsync = if variant == "each" { Fsync::Each } else { Fsync::Never };
            let mode = if variant == "emptied" { OpenMode::Truncate } else { OpenMode::Append };
            let file = FileHandlerConfig { fsync, mode, ..FileHandlerConfig::new(directory.join("app.log")) };
            let log = Log::of(class, file);
            log.entry.handler.open().unwrap();
            log.entry.handler.start().unwrap();
            assert_eq!(log.log_all(0..250), (0..250).collect::<Vec<_>>(), "{class:?}, {variant}");
            assert_eq!(log.numbers(), (0..250).collect::<Vec<_>>(), "{class:?}, {variant}");
            fs::remove_dir_all(directory).unwrap();
        }
    }
}
