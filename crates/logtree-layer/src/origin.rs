//! Which thread of which process a record comes from, asked once for each thread of each process.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

use logtree_core::{Origin, Timestamp};
use logtree_os::ForkGeneration;

/// When logging began in this process or the one it was forked from: Python's `logging._startTime`.
pub(crate) fn started() -> Timestamp {
    static STARTED: OnceLock<Timestamp> = OnceLock::new();
    *STARTED.get_or_init(Timestamp::now)
}

/// The calling thread's origin. Also there while thread-locals are being destroyed, only slower.
pub(crate) fn current() -> Rc<Origin> {
    thread_local! {
        static CURRENT: RefCell<Option<(ForkGeneration, Rc<Origin>)>> = const { RefCell::new(None) };
    }
    let generation = ForkGeneration::current();
    let known = CURRENT.try_with(|current| match &*current.try_borrow().ok()? {
        Some((made_in, origin)) if *made_in == generation => Some(Rc::clone(origin)),
        _ => None,
    });
    if let Ok(Some(origin)) = known {
        return origin;
    }
    logtree_os::first_record();
    let origin = Rc::new(gather());
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            *current = Some((generation, Rc::clone(&origin)));
        }
    });
    origin
}

fn gather() -> Origin {
    let process = std::process::id();
    let thread = thread_id();
    // Rust calls the main thread "main"; Python calls it, and the one thread that a fork leaves, "MainThread".
    let is_main = thread == u64::from(process);
    let thread_name = match std::thread::current().name() {
        _ if is_main => "MainThread".into(),
        Some(name) => name.into(),
        None => system_thread_name(),
    };
    Origin { process, process_name: "MainProcess".into(), thread, thread_name, started: started() }
}

#[cfg(target_os = "linux")]
fn thread_id() -> u64 {
    logtree_os::current_thread_id().into()
}

#[cfg(target_os = "linux")]
fn system_thread_name() -> Box<str> {
    logtree_os::current_thread_name().into()
}

/// A number for the thread, counted as threads first log: the system's own cannot be had without `unsafe`.
#[cfg(not(target_os = "linux"))]
fn thread_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static ID: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    let main = u64::from(std::process::id());
    match std::thread::current().name() {
        Some("main") => main,
        _ => ID.try_with(|id| (1 << 32) + *id).unwrap_or(u64::MAX),
    }
}

#[cfg(not(target_os = "linux"))]
fn system_thread_name() -> Box<str> {
    "".into()
}
