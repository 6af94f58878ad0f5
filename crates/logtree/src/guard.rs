//! What is installed, and the guard that flushes it.

use std::time::{Duration, Instant};

use logtree_layer::TreeHandle;
use logtree_os::{ForkGeneration, ForkLock, ForkReset};

use crate::error::Error;

/// How long a guard that is dropped waits for what was logged to be written.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the program has installed; a child of `fork` has it too.
static INSTALLED: ForkLock<Installed> = ForkLock::new(Installed(None));

struct Installed(Option<(ForkGeneration, TreeHandle)>);

impl ForkReset for Installed {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(None)
    }
}

/// Whether this process may install.
pub(crate) enum Install {
    New(Installing),
    Inherited(Guard),
}

/// The right to install, which nobody else in the process has meanwhile.
pub(crate) struct Installing(logtree_os::ForkLockGuard<'static, Installed>);

pub(crate) fn begin_install() -> Result<Install, Error> {
    let installed = INSTALLED.lock();
    match &installed.0 {
        None => Ok(Install::New(Installing(installed))),
        Some((generation, handle)) if *generation != ForkGeneration::current() => {
            Ok(Install::Inherited(Guard { tree: handle.clone() }))
        }
        Some(_) => Err(Error::already_installed()),
    }
}

impl Installing {
    pub(crate) fn done(mut self, tree: TreeHandle) -> Guard {
        self.0.0 = Some((ForkGeneration::current(), tree.clone()));
        Guard { tree }
    }
}

/// Holds the program's logging: dropping it flushes, and leaves logging installed.
///
/// In a child of `fork` it flushes what the child itself has logged.
#[derive(Debug)]
#[must_use = "dropped at once it flushes at once, and not at the end of the program"]
pub struct Guard {
    tree: TreeHandle,
}

impl Guard {
    /// Waits until everything that this process has logged so far is where it belongs, `timeout` at most; answers
    /// whether it is.
    pub fn flush(&self, timeout: Duration) -> bool {
        let now = Instant::now();
        let far = || now + Duration::from_secs(365 * 24 * 60 * 60);
        self.tree.tree().flush(now.checked_add(timeout).unwrap_or_else(far))
    }

    /// How many records handlers of this process could not handle because of an error.
    pub fn errors(&self) -> u64 {
        self.tree.tree().handlers().iter().map(|handler| handler.errors.count()).sum()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What is not written by now was said or counted where it happened.
        let _ = self.flush(DROP_TIMEOUT);
    }
}
