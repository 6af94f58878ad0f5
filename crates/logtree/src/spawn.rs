//! Threads of logtree's own in a host's process.

/// Starts a thread that receives no signal of the host's.
#[cfg(target_os = "linux")]
pub(crate) use logtree_os::spawn_masked as spawn;

/// Starts a thread. Elsewhere than on Linux it may receive signals of the host's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<std::thread::Thread> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(|handle| handle.thread().clone())
}
