//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

/// More are taken for a slip of the hand: each worker is a process with a socket and a lane of shared memory.
const MOST_WORKERS: u64 = 256;

/// More would ask for more memory than is sensible, as each is remembered.
const MOST_REQUESTS: u64 = 10_000_000;

/// A prefork HTTP service that logs through one listener process.
///
/// Serves GET /test until SIGTERM or Ctrl-C. With --requests it starts itself a second time in a temporary directory, sends
/// that service requests over HTTP, kills a worker half way, and judges the log file line by line; it exits 1 unless nothing
/// was lost, torn or repeated and exactly one process listened all the time.
#[derive(Debug, Parser)]
#[command(name = "prefork")]
pub(crate) struct Args {
    /// How many workers serve.
    #[arg(long, value_name = "N", default_value = "2", allow_negative_numbers = true)]
    #[arg(value_parser = RangedU64ValueParser::<u16>::new().range(1..=MOST_WORKERS))]
    pub(crate) workers: u16,

    /// Where to listen [default: 127.0.0.1:8000; with --requests, a free port]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Option<SocketAddr>,

    /// The logging config, as Python's dictConfig reads it. Relative file names in it start from the working directory.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/prefork/logging.json"))]
    pub(crate) config: PathBuf,

    /// Each worker installs the config for itself, as gunicorn's workers do without --preload; the master installs nothing.
    #[arg(long)]
    pub(crate) no_preload: bool,

    /// Drive the service with so many requests, judge its log, and exit. The lines must have the form of logging.json.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..=MOST_REQUESTS))]
    pub(crate) requests: Option<u64>,

    /// This process is the service that another one drives: it ends with that one.
    #[arg(long, hide = true, conflicts_with = "requests")]
    pub(crate) driven: bool,
}

impl Args {
    /// The address to listen on.
    pub(crate) fn address(&self) -> SocketAddr {
        let port = if self.requests.is_some() { 0 } else { 8000 };
        self.bind.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)))
    }
}
