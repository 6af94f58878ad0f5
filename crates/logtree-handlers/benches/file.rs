//! What a record costs that goes straight into a file: `cargo bench -p logtree-handlers`.
//!
//! Beside it what the system alone takes for the same bytes, and for the look at the descriptor before each write.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fs::File;
use std::os::fd::AsFd as _;
use std::time::Instant;

use logtree_core::{Callsite, Direct, FormatError, Formatter, Handler as _, Level, Origin, Record, Timestamp};
use logtree_handlers::{FileHandler, FileHandlerConfig};

struct Bare;

impl Formatter for Bare {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(record.message);
        Ok(())
    }
}

const ROUNDS: u32 = 20;
const RECORDS: u32 = 20_000;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let (callsite, origin) = (Callsite::default(), Origin::default());
    let message = "x".repeat(120);
    let record = Record::new(&callsite, &origin, Level::INFO, Timestamp(0), &message);
    let handler = FileHandler::new(FileHandlerConfig::new(directory.path().join("a.log"))).unwrap();
    let file = File::options().append(true).create(true).open(directory.path().join("b.log")).unwrap();
    let line = format!("{message}\n");
    measure("FileHandler::emit", || handler.emit(&record, &Bare, &mut Direct).unwrap());
    measure("write(2) alone", || assert_eq!(rustix::io::write(file.as_fd(), line.as_bytes()), Ok(line.len())));
    measure("fstat(2) before it", || {
        assert!(rustix::fs::fstat(file.as_fd()).is_ok());
        assert_eq!(rustix::io::write(file.as_fd(), line.as_bytes()), Ok(line.len()));
    });
}

fn measure(what: &str, mut once: impl FnMut()) {
    let mut round = || {
        let start = Instant::now();
        (0..RECORDS).for_each(|_| once());
        start.elapsed().as_nanos() as f64 / f64::from(RECORDS)
    };
    let best = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    println!("{what:20} {best:7.1} ns");
}
