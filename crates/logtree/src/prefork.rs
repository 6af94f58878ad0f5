//! The queue between processes, from the side of a program that forks.
//!
//! A prefork master installs logging while it has one thread, then forks its workers. `install` makes two helper
//! processes: one listens, one stands by. The program does not see them: their end raises no SIGCHLD, `waitpid(-1)` does
//! not know them, they hold none of its sockets. They leave when no process of the queue is left, and with them every
//! trace of it.
//!
//! ```no_run
//! use logtree::prefork::{Fork, fork};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _guard = logtree::from_file("logging.json")?.install()?;
//!     for _ in 0..4 {
//!         if let Fork::Child = fork()? {
//!             tracing::info!("a worker");
//!             return Ok(()); // the guard flushes what this worker has logged
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Whoever forks by other means, such as gunicorn by Python's `os.fork`, needs no [`fork`]: a child can log at once, and
//! `install` may be called before the fork, in each child, or in both. A library in such a process, such as a Python extension,
//! keeps the guard in a `static`: the end of the process flushes, and what was logged is written though it ends by `_exit`, or by
//! SIGKILL.
#![cfg(target_os = "linux")]

use std::sync::Arc;

use logtree_core::{Argument, HandlerEntry};
use logtree_dictconfig::HandlerSpec;

use crate::config::Config;
use crate::error::Error;
pub use logtree_prefork::{
    ConfigStats, Drops, Fork, LaneStats, OwnerStats, QueueLook, QueueStats, ServiceControl, fork, stats,
};

/// The queue of a config, joined by a program that is to listen to it and to do nothing else: `logtree listen`.
///
/// Of the config only the `QueueHandler` and what stands behind it is made.
#[derive(Debug)]
pub struct Service {
    /// Keeps the queue, and is changed with the config.
    queue: Arc<HandlerEntry>,
}

impl Service {
    /// Joins the queue of the config, or makes it. The program does not listen yet, and nobody else begins to because of it.
    ///
    /// # Errors
    /// If the config has no `multiprocessing.Queue`, or several, or a handler will not open or start.
    pub fn start(config: Config) -> Result<Self, Error> {
        Self::started(config, None)
    }

    /// Goes on with another config, by the same rules as [`Guard::reload`](crate::Guard::reload). The listener takes it
    /// over after its batch.
    ///
    /// # Errors
    /// As [`start`](Self::start). Then all stays as it was.
    pub fn change(&mut self, config: Config) -> Result<(), Error> {
        *self = Self::started(config.in_force_now(), Some(&self.queue.name))?;
        Ok(())
    }

    fn started(config: Config, before: Option<&str>) -> Result<Self, Error> {
        let (plan, sharing) = config.into_parts();
        let is_queue = |spec: &&HandlerSpec| match spec.argument("queue") {
            Some(Argument::Object(queue)) => queue.name().starts_with("multiprocessing."),
            _ => false,
        };
        let names: Vec<_> = plan.handlers().iter().filter(is_queue).map(|spec| spec.name().to_owned()).collect();
        let name = match &names[..] {
            [name] => name.clone(),
            [] => return Err(Error::listen("the config has no multiprocessing.Queue")),
            several if before.is_some_and(|before| several.iter().any(|name| name == before)) => {
                before.unwrap_or_default().to_owned()
            }
            several => {
                let names = several.join("', '");
                return Err(Error::listen(format!(
                    "the config has several queues, and a program listens to one: '{names}'"
                )));
            }
        };
        crate::report::to_stderr();
        let sharing = sharing.of_service();
        let started = sharing.run(|| plan.only(&name).open()?.start())?;
        let queue = started.handlers().iter().find(|entry| entry.name == name).cloned();
        queue.map(|queue| Self { queue }).ok_or_else(|| Error::listen("its queue was not made"))
    }

    /// The name of the `QueueHandler`.
    pub fn name(&self) -> &str {
        &self.queue.name
    }

    /// Listens, in the place of whoever does, until `control` says that it is over; then writes what there is and leaves. If no
    /// process has the queue any more, nothing of it stays.
    ///
    /// To be called from the only thread of its program: it makes a standby as helpers do.
    ///
    /// # Errors
    /// If there is no shared memory, or the system does not let it listen.
    pub fn listen(control: &mut dyn ServiceControl) -> Result<(), Error> {
        logtree_prefork::serve(control).map_err(|error| Error::listen(error.to_string()))
    }
}
