//! Panics in the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location, PanicHookInfo};

use logtree_core::{Level, Value};

use crate::guard::{self, DROP_TIMEOUT};

/// Has each panic logged, before whatever else is done about it: by the logger `panic` at CRITICAL, with the panic's own
/// file and line, its message, and, where `RUST_BACKTRACE` asks for one, the field `backtrace`. The hook of before, std's
/// to begin with, is called afterwards.
///
/// Where a panic aborts the program (`panic = "abort"`), what was logged is flushed first.
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
    let Some(installed) = guard::installed() else { return };
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
    installed.tree.log("panic", Level::CRITICAL, &message, fields, location);
    if cfg!(panic = "abort") {
        let _ = installed.flush(DROP_TIMEOUT);
    }
}
