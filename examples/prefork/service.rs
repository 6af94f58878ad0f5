//! The service: one program, a master and its workers.

pub(crate) mod log_file;
pub(crate) mod master;
mod notice;
pub(crate) mod worker;

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use logtree::Guard;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::args::Args;
use crate::{Failure, complain, say};
use master::Role;

/// How long the last records may take into the files.
const FLUSH: Duration = Duration::from_secs(10);

/// Serves until it is told to stop. What can fail is done in the order in which a failure leaves nothing behind: the
/// socket, the config, its files, and then the workers.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.driven {
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    let address = args.address();
    let listener = TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    // The workers' runtimes ask for it, and it belongs to the socket that they share.
    listener.set_nonblocking(true)?;
    let url = format!("http://{}/test", listener.local_addr()?);

    logtree::on_listener_start(|| {
        tracing::info!(target: "que_listen_logger", "[{}]: listener 프로세스가 켜졌습니다", std::process::id());
    });
    // Without preload the master reads the config all the same: a service whose config is wrong does not start.
    let config = logtree::from_file(&args.config)?;
    let guard = if args.no_preload { None } else { Some(config.install()?) };
    if let Some(path) = log_file::of(&args.config)? {
        say(format_args!("log file {}", std::path::absolute(path)?.display()));
    }

    match master::run(&url, args.workers.into())? {
        Role::Worker(link) => {
            let guard = match guard {
                Some(inherited) => inherited,
                None => logtree::from_file(&args.config)?.install()?,
            };
            worker::run(listener, link)?;
            Ok(last_words(Some(guard), true))
        }
        Role::Master { ended_well } => Ok(last_words(guard, ended_well)),
    }
}

/// Waits until this process' records are written.
fn last_words(guard: Option<Guard>, ended_well: bool) -> ExitCode {
    let written = guard.is_none_or(|guard| guard.flush(FLUSH));
    if !written {
        complain(format_args!("the last records were not written within {} s", FLUSH.as_secs()));
    }
    if ended_well && written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
