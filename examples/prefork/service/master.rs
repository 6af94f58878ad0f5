//! The master: forks workers, replaces those that die, and ends when all have ended.
//!
//! It never has a second thread, because it forks for as long as it lives.

use std::collections::HashMap;
use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use logtree::prefork::{Fork, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use super::notice::Notice;
use super::worker::Link;
use crate::{complain, say};

/// How long workers may take for the requests that they have begun.
const GRACE: Duration = Duration::from_secs(10);

/// How long a replacement waits if the last one did not live to serve: a fault that lasts must not become a fork storm.
const PAUSE: Duration = Duration::from_secs(1);

/// What this process is when [`run`] returns, once in the master and once in each worker.
pub(crate) enum Role {
    /// A worker, just forked: it has nothing of the master but this.
    Worker(Link),
    /// The master, without workers: all have ended.
    Master {
        /// Whether the service started, and ended because it was told to.
        ended_well: bool,
    },
}

/// Keeps `wanted` workers alive until SIGTERM or SIGINT.
///
/// # Errors
///
/// If there is no pipe or no signal to be had. Whatever goes wrong later is said on stderr, and ends the service in order.
pub(crate) fn run(url: &str, wanted: usize) -> io::Result<Role> {
    let mut master = Master::new(url, wanted)?;
    loop {
        if let Side::Child = master.fork_missing() {
            return Ok(Role::Worker(master.into_link()));
        }
        master.sleep()?;
        master.take_signals();
        master.hear()?;
        master.bury()?;
        if let Phase::Stopping { kill_at, well } = master.phase {
            if master.workers.is_empty() {
                say(format_args!("all workers have ended; they finished {} requests", master.finished));
                return Ok(Role::Master { ended_well: well });
            }
            if Instant::now() >= kill_at {
                master.kill_all();
            }
        }
    }
}

struct Master<'a> {
    url: &'a str,
    wanted: usize,
    workers: HashMap<Pid, Worker>,
    phase: Phase,
    /// No worker is forked before.
    fork_at: Instant,
    /// The requests that ended workers have answered.
    finished: u64,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    /// Nothing is ever written to it. It closes when the master stops or dies, which is how the workers know.
    lifeline: Option<PipeWriter>,
    workers_lifeline: PipeReader,
    notices: PipeReader,
    workers_notices: PipeWriter,
}

#[derive(Default)]
struct Worker {
    ready: bool,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Not all workers are ready yet; one that dies now means that the service cannot start.
    Starting,
    /// All were ready.
    Serving,
    /// The workers have been told to end.
    Stopping { kill_at: Instant, well: bool },
}

enum Side {
    Master,
    Child,
}

impl<'a> Master<'a> {
    fn new(url: &'a str, wanted: usize) -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, [SIGCHLD, SIGINT, SIGTERM])?;
        let (workers_lifeline, lifeline) = io::pipe()?;
        let (notices, workers_notices) = io::pipe()?;
        Ok(Self {
            url,
            wanted,
            workers: HashMap::new(),
            phase: Phase::Starting,
            fork_at: Instant::now(),
            finished: 0,
            signals,
            lifeline: Some(lifeline),
            workers_lifeline,
            notices,
            workers_notices,
        })
    }

    /// In a worker, what it keeps of the master. All else is dropped: above all the master's end of the lifeline, and
    /// its signal handlers, which would tell the master of the worker's signals.
    fn into_link(self) -> Link {
        Link { lifeline: self.workers_lifeline, notices: self.workers_notices }
    }

    fn fork_missing(&mut self) -> Side {
        while self.is_short_of_workers() && Instant::now() >= self.fork_at {
            match fork() {
                Ok(Fork::Child) => return Side::Child,
                Ok(Fork::Parent(worker)) => {
                    self.workers.insert(worker, Worker::default());
                    say(format_args!("worker {worker} started"));
                }
                Err(error) => {
                    complain(format_args!("cannot fork a worker: {error}"));
                    self.a_worker_is_not_to_be_had();
                }
            }
        }
        Side::Master
    }

    fn is_short_of_workers(&self) -> bool {
        !matches!(self.phase, Phase::Stopping { .. }) && self.workers.len() < self.wanted
    }

    /// A service that has begun goes on with the workers it has; one that has not, does not begin.
    fn a_worker_is_not_to_be_had(&mut self) {
        match self.phase {
            Phase::Starting => self.stop(false),
            Phase::Serving => self.fork_at = Instant::now() + PAUSE,
            Phase::Stopping { .. } => {}
        }
    }

    /// Sleeps until there is something to do.
    fn sleep(&self) -> io::Result<()> {
        let until = match self.phase {
            Phase::Stopping { kill_at, .. } => Some(kill_at),
            _ => self.is_short_of_workers().then_some(self.fork_at),
        };
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut sources =
            [PollFd::new(self.signals.get_read(), PollFlags::IN), PollFd::new(&self.notices, PollFlags::IN)];
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_signals(&mut self) {
        // SIGCHLD was there to end the sleep; `bury` looks anyway.
        if self.signals.pending().any(|signal| signal != SIGCHLD) {
            self.stop(true);
        }
    }

    fn stop(&mut self, well: bool) {
        if !matches!(self.phase, Phase::Stopping { .. }) {
            self.phase = Phase::Stopping { kill_at: Instant::now() + GRACE, well };
            self.lifeline = None;
        }
    }

    /// Takes in what the workers report.
    fn hear(&mut self) -> io::Result<()> {
        while is_readable(&self.notices)? {
            for notice in Notice::receive(&mut self.notices)? {
                match notice {
                    Notice::Ready { process } => self.welcome(process),
                    Notice::Finished { process, requests } => {
                        self.finished += requests;
                        say(format_args!("worker {process} finished {requests} requests"));
                    }
                }
            }
        }
        Ok(())
    }

    fn welcome(&mut self, process: u32) {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        if let Some(worker) = pid.and_then(|pid| self.workers.get_mut(&pid)) {
            worker.ready = true;
        }
        let all_ready = self.workers.len() == self.wanted && self.workers.values().all(|worker| worker.ready);
        if matches!(self.phase, Phase::Starting) && all_ready {
            self.phase = Phase::Serving;
            say(format_args!("serving {} with {} workers; SIGTERM or Ctrl-C ends it", self.url, self.wanted));
        }
    }

    /// Takes ended workers away.
    fn bury(&mut self) -> io::Result<()> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.bury_one(pid, status),
                Ok(None) | Err(Errno::CHILD) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn bury_one(&mut self, pid: Pid, status: WaitStatus) {
        let Some(worker) = self.workers.remove(&pid) else { return };
        match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => {}
            (Some(code), _) => complain(format_args!("worker {pid} ended with exit code {code}")),
            (None, signal) => {
                complain(format_args!("worker {pid} was killed by signal {}", signal.unwrap_or_default()))
            }
        }
        if !worker.ready {
            self.a_worker_is_not_to_be_had();
        }
    }

    /// The time for graceful ends is over.
    fn kill_all(&mut self) {
        for pid in self.workers.keys() {
            complain(format_args!("worker {pid} did not end within {} s and is killed", GRACE.as_secs()));
            let _ = kill_process(*pid, Signal::KILL);
        }
        // Asked for once; SIGKILL needs no second time, only its moment.
        self.phase = Phase::Stopping { kill_at: Instant::now() + GRACE, well: false };
    }
}

fn is_readable(pipe: &PipeReader) -> io::Result<bool> {
    let mut source = [PollFd::new(pipe, PollFlags::IN)];
    match poll(&mut source, Some(&Timespec::default())) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
