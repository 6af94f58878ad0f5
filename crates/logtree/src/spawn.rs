//! Threads of logtree's own in a host's process.

use std::sync::mpsc;
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
    let (hand_over, handed_over) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    let spawned = spawn("logtree-aside", move || {
        let kept = stand_in.run(|| handed_over.into_iter().for_each(|act: Box<dyn FnOnce() + Send>| _ = caught(act)));
        let _ = done.send(kept);
    });
    if spawned.is_err() {
        return act();
    }
    let _ = hand_over.send(Box::new(act));
    drop(hand_over);
    match is_done.recv_timeout(patience) {
        Ok(kept) => kept.keep_here(),
        Err(_) => side::count_dropped(1),
    }
}
