//! Panics in the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location, PanicHookInfo};

use logtree_core::{Level, Value};
use logtree_layer::{TreeHandle, set_aside};

use crate::guard::{self, DROP_TIMEOUT, LAST_TIMEOUT};
use crate::logger;
use crate::spawn::elsewhere;

/// Has each panic logged, before whatever else is done about it: by the logger `panic` at CRITICAL, with the panic's own
/// file and line, its message, and, where `RUST_BACKTRACE` asks for one, the field `backtrace`. The hook of before, std's
/// to begin with, is called afterwards. One that is set later takes its place, unless it calls the one before itself:
/// color-eyre's does not, so that `color_eyre::install` belongs before this.
///
/// It is logged where the thread's records go, see [`LoggerHandle`](crate::LoggerHandle); and if they go nowhere, by all
/// [layers](crate::Config::layer) that there are, as the program may be about to end. Where a panic aborts the program
/// (`panic = "abort"`, a panic in a destructor that another one runs, or one that would reach foreign code), what was logged is
/// flushed first.
///
/// The handlers run on a thread of that moment, which the panic waits for, for 5 s at most: one that panics itself, or does not
/// return, is no harm. What a panicking handler's own panic has to say it is handed once, and no more.
///
/// ```
/// logtree::log_panics();
/// ```
pub fn log_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        record(info);
        before(info);
    }));
}

fn record(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("a panic without a message");
    let location = info.location().unwrap_or(Location::caller());
    let backtrace = Backtrace::capture();
    let text = match backtrace.status() {
        BacktraceStatus::Captured => backtrace.to_string(),
        _ => String::new(),
    };
    let field = [("backtrace", Value::Display(&text))];
    let fields = if text.is_empty() { &field[..0] } else { &field };
    let mut made = Vec::new();
    let mut log = |tree: &TreeHandle| {
        let log = || tree.log("panic", Level::CRITICAL, &message, fields, location);
        made.push((tree.clone(), set_aside(log)));
    };
    let mut is_logged = false;
    logger::each_tree(|tree| {
        is_logged = true;
        log(tree);
    });
    if !is_logged {
        guard::all().iter().for_each(|guarded| log(&guarded.tree));
    }
    made.retain(|(_, records)| !records.is_empty());
    if !made.is_empty() {
        elsewhere(DROP_TIMEOUT, || made.into_iter().for_each(|(tree, records)| records.handle(&tree)));
    }
    if cfg!(panic = "abort") || CANNOT_UNWIND.contains(&message) {
        elsewhere(DROP_TIMEOUT + LAST_TIMEOUT, guard::flush_all);
    }
}

/// What std says of panics that abort the program however it was built: out of a destructor that another panic runs, and out of
/// a function that foreign code has called. Its hook is not told otherwise (`PanicHookInfo::can_unwind` is not stable).
const CANNOT_UNWIND: [&str; 2] = ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];
