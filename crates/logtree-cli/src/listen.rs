//! `logtree listen`: the listener of a queue as a service.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use logtree::prefork::{Service, ServiceControl};
use logtree::{Config, Error};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag::register;

use crate::{Outcome, say, say_why};

/// Listen to the queue of a config, in the place of its programs' helpers, until SIGTERM or SIGINT
///
/// What it does it says on standard error. On SIGHUP it reads the config again. Told to end, it writes what there is; if the
/// programs still run, a process of its own or one of theirs goes on.
///
/// Exit code: 2 if the config is refused, or names classes that only a program registers.
#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// The config file; the extension tells the format
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
}

impl Listen {
    pub(crate) fn run(&self) -> Outcome {
        match self.listen() {
            Ok(()) => Outcome::Good,
            Err(error) => say_why(&error),
        }
    }

    fn listen(&self) -> Result<(), Error> {
        // The program may be in another directory once a config says that its files count from there.
        let path = std::path::absolute(&self.config).unwrap_or_else(|_| self.config.clone());
        let config = load(&path)?;
        let signals = Signals::default();
        if let Err(error) = signals.wait_for() {
            say(&format!("logtree: it cannot be told to end but by SIGKILL: {error}\n"));
        }
        let service = Service::start(config)?;
        Service::listen(&mut Control { path: &path, service, signals, is_ending: false })?;
        say("logtree: ended\n");
        Ok(())
    }
}

fn load(path: &Path) -> Result<Config, Error> {
    Config::load(path, &logtree::registry())
}

/// Signals that have come and were not seen yet.
#[derive(Default)]
struct Signals {
    end: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    fn wait_for(&self) -> io::Result<()> {
        register(SIGTERM, Arc::clone(&self.end))?;
        register(SIGINT, Arc::clone(&self.end))?;
        register(SIGHUP, Arc::clone(&self.reload))?;
        Ok(())
    }
}

struct Control<'a> {
    path: &'a Path,
    service: Service,
    signals: Signals,
    is_ending: bool,
}

impl ServiceControl for Control<'_> {
    fn goes_on(&mut self) -> bool {
        if self.signals.reload.swap(false, Ordering::Relaxed) {
            match load(self.path).and_then(|config| self.service.change(config)) {
                Ok(()) => say(&format!("logtree: read {} again\n", self.path.display())),
                Err(error) => {
                    say_why(&error);
                    say("logtree: goes on with the config of before\n");
                }
            }
        }
        if self.signals.end.load(Ordering::Relaxed) && !self.is_ending {
            self.is_ending = true;
            say("logtree: writes what there is, and ends\n");
        }
        !self.is_ending
    }

    fn listens(&mut self, claim_number: u64) {
        let name = self.service.name();
        say(&format!("logtree: listens to the queue '{name}' of {}, as number {claim_number}\n", self.path.display()));
    }

    fn handed_over(&mut self) {
        say("logtree: another process listens, and this one waits for the seat\n");
    }
}
