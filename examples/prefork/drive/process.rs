//! The driven service, as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::args::Args;

/// How long the service may take to serve, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The service while it runs. Dropped, it is ended.
pub(super) struct Service {
    child: Child,
    address: SocketAddr,
    output: Receiver<Output>,
}

/// What the service printed.
enum Output {
    /// The line that says that it serves.
    Serving(SocketAddr),
    /// Everything, when the last process has closed it.
    Everything(Vec<u8>),
}

impl Service {
    /// Starts the service with the options of this process, and waits until it serves.
    pub(super) fn start(args: &Args, config: &Path, directory: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--driven").arg("--config").arg(config);
        command.arg("--workers").arg(args.workers.to_string()).arg("--bind").arg(args.address().to_string());
        if args.no_preload {
            command.arg("--no-preload");
        }
        command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (sender, output) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || read(stdout, &sender));
        }
        let mut service = Self { child, address: args.address(), output };
        match service.output.recv_timeout(PATIENCE) {
            Ok(Output::Serving(address)) => service.address = address,
            Ok(Output::Everything(_)) | Err(RecvTimeoutError::Disconnected) => {
                return Err(format!("the service did not start: {}", service.wait()?).into());
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("the service did not start within {} s", PATIENCE.as_secs()).into());
            }
        }
        Ok(service)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the service as a service manager does, and returns all that it and its helpers printed.
    pub(super) fn stop(&mut self) -> Result<Vec<u8>, Failure> {
        self.signal(Signal::TERM);
        let status = self.wait()?;
        if !status.success() {
            return Err(format!("the service did not end well: {status}").into());
        }
        match self.output.recv_timeout(PATIENCE) {
            Ok(Output::Everything(printed)) => Ok(printed),
            _ => Err("the service has ended, but a process of it still holds its standard output".into()),
        }
    }

    fn wait(&mut self) -> Result<ExitStatus, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(format!("the service did not end within {} s", PATIENCE.as_secs()).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::TERM);
            if self.wait().is_err() {
                self.signal(Signal::KILL);
            }
        }
    }
}

/// Takes in what the service prints, so that a full pipe never holds it up.
fn read(stdout: ChildStdout, sender: &Sender<Output>) {
    let mut stdout = BufReader::new(stdout);
    let mut printed = Vec::new();
    loop {
        let start = printed.len();
        match stdout.read_until(b'\n', &mut printed) {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                if let Some(address) = serving_address(&printed[start..]) {
                    let _ = sender.send(Output::Serving(address));
                    let _ = stdout.read_to_end(&mut printed);
                }
            }
        }
    }
    let _ = sender.send(Output::Everything(printed));
}

/// The address in `serving http://ADDRESS/test …`.
fn serving_address(line: &[u8]) -> Option<SocketAddr> {
    let url = std::str::from_utf8(line).ok()?.strip_prefix("serving http://")?;
    url.split('/').next()?.parse().ok()
}
