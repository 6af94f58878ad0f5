//! `--requests N`: drives the service from outside, and judges what it wrote.
//!
//! The service is this very program, started a second time as a user would start it, in a temporary directory, where
//! the relative file names of its config lead. This process is no part of it: it speaks HTTP with it, reads its standard
//! output, looks at `/proc`, kills one of its workers, and at last reads the log file.

mod client;
mod line;
mod load;
mod process;
mod table;
mod verdict;
mod watch;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::process::{getpid, set_child_subreaper};

use crate::args::Args;
use crate::service::log_file;
use crate::{Failure, complain, say};
use process::Service;
use table::Findings;
use verdict::Verdict;
use watch::Watch;

/// How long processes of the service may be there when it has ended: helpers leave by themselves.
const LEAVING: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &Args, requests: u64) -> Result<ExitCode, Failure> {
    // What the service's processes leave behind becomes a child of this one, and is seen.
    set_child_subreaper(Some(getpid()))?;
    let config =
        args.config.canonicalize().map_err(|error| format!("cannot read {}: {error}", args.config.display()))?;
    let directory = tempfile::Builder::new().prefix("logtree-prefork-").tempdir()?;
    let file_name = log_file::of(&config)?.ok_or("the config names no log file, so that there is nothing to judge")?;
    // An absolute name leads elsewhere, and there may be older lines.
    let log_file = directory.path().join(file_name);
    let older_bytes = log_file.metadata().map_or(0, |metadata| metadata.len());

    let mut service = Service::start(args, &config, directory.path())?;
    let watch = Watch::start();
    let load = client::drive(service.address(), requests)?;
    let listeners = watch.stop()?;
    let console = service.stop()?;
    let strays = strays_after(LEAVING)?;

    let verdict = Verdict::of(&read_from(&log_file, older_bytes)?, &load);
    let findings = Findings { load, verdict, listeners, on_console: Verdict::whole_lines_in(&console) };
    let mode = if args.no_preload { "which each install the config" } else { "forked from a master that installed it" };
    say(format_args!("{requests} requests over HTTP, {} workers {mode}", args.workers));
    say(&findings);
    if strays.is_empty() && findings.are_good() {
        return Ok(ExitCode::SUCCESS);
    }
    if !strays.is_empty() {
        complain(format_args!("the service has ended, and left these processes: {strays:?}"));
    }
    complain(format_args!("what it wrote is kept in {}", directory.keep().display()));
    Ok(ExitCode::FAILURE)
}

/// The processes of the service that are still there when the time is over.
fn strays_after(patience: Duration) -> Result<Vec<u32>, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let strays = watch::descendants()?;
        if strays.is_empty() || Instant::now() >= deadline {
            return Ok(strays);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read_from(path: &Path, start: u64) -> Result<Vec<u8>, Failure> {
    let mut file = File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
