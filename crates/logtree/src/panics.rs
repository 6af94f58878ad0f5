//! Panics in the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location, PanicHookInfo};

use logtree_core::{Level, Value};
use logtree_layer::TreeHandle;

use crate::{guard, logger};

/// Has each panic logged, before whatever else is done about it: by the logger `panic` at CRITICAL, with the panic's own
/// file and line, its message, and, where `RUST_BACKTRACE` asks for one, the field `backtrace`. The hook of before, std's
/// to begin with, is called afterwards.
///
/// It is logged where the thread's records go, see [`LoggerHandle`](crate::LoggerHandle); and if they go nowhere, by all
/// [layers](crate::Config::layer) that there are, as the program may be about to end. Where a panic aborts the program (`panic = "abort"`), what was logged is flushed first.
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
    let log = |tree: &TreeHandle| tree.log("panic", Level::CRITICAL, &message, fields, location);
    let mut is_logged = false;
    logger::each_tree(|tree| {
        is_logged = true;
        log(tree);
    });
    if !is_logged {
        guard::all().iter().for_each(|guarded| log(&guarded.tree));
    }
    if cfg!(panic = "abort") {
        guard::flush_all();
    }
}
