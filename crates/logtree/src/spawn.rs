//! Threads of logtree's own in a host's process.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logtree_core::{caught, side};

/// Starts a thread that receives no signal of the host's.
#[cfg(target_os = "linux")]
pub(crate) use logtree_os::spawn_masked as spawn;

/// Starts a thread. Elsewhere than on Linux it may receive signals of the host's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<std::thread::Thread> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(|handle| handle.thread().clone())
}

/// Does something on a thread of its own, and waits for it, `patience` at most: a handler that panics inside a panic's hook
/// aborts the program, whoever would have caught it, and one that does not return would hold up whoever calls it.
///
/// What a queue's listener logs to its own queue waits on its thread: that thread's stand-in hands it back, or it would come
/// in anew, and what a handler's panics are logged for would have no end.
pub(crate) fn elsewhere(patience: Duration, act: impl FnOnce() + Send + 'static) {
    let stand_in = side::stand_in();
    let here = Arc::new(Aside { act: Mutex::new(Some(Box::new(act))), ..Aside::default() });
    let there = Arc::clone(&here);
    let spawned = spawn("logtree-aside", move || {
        let act = lock(&there.act).take();
        let kept = stand_in.run(|| act.map_or((), |act| _ = caught(act)));
        *lock(&there.kept) = Some(kept);
        there.is_done.notify_one();
    });
    if spawned.is_err() {
        let act = lock(&here.act).take();
        return act.map_or((), |act| act());
    }
    let kept = here.is_done.wait_timeout_while(lock(&here.kept), patience, |kept| kept.is_none());
    let (mut kept, _) = kept.unwrap_or_else(PoisonError::into_inner);
    match kept.take() {
        Some(kept) => kept.keep_here(),
        None => side::count_dropped(1),
    }
}

/// What goes to the other thread and comes back from it. Two channels would be a seventh of what this crate compiles.
#[derive(Default)]
struct Aside {
    act: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    kept: Mutex<Option<side::Kept>>,
    is_done: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
