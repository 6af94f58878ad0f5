//! The Rust core of a Python service: what an extension module does to log through `tracing` and logtree.
//!
//! ```python
//! import shop_core
//!
//! shop_core.init("logging.json")      # at import: once in a preloading master, else in each worker
//! shop_core.handle("17-4", 1, "…")    # called for each request; logs through `tracing`
//! ```
//!
//! Python's own `logging` is left alone. The guard stays in a static: nobody drops it, and the end of the process flushes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use logtree::Guard;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// What is installed: by this process, or by the one that it was forked from.
static GUARD: OnceLock<Guard> = OnceLock::new();

/// Counts the records of this process, so that their order can be judged.
static RECORDS: AtomicU64 = AtomicU64::new(0);

/// Installs the logging config. In a worker of a master that has done so already, nothing is left to do.
#[pyfunction]
fn init(python: Python<'_>, config: &str) -> PyResult<()> {
    if GUARD.get().is_some() {
        return Ok(());
    }
    python.detach(|| {
        logtree::on_listener_start(|| tracing::info!(target: "shop.listener", listener = std::process::id(), "listens"));
        let guard = logtree::from_file(config).and_then(logtree::Config::install).map_err(failed)?;
        // Who else calls this meanwhile is refused by `install`.
        let _ = GUARD.set(guard);
        Ok(())
    })
}

/// A request's work: it logs `records` records, every seventh of them a warning.
#[pyfunction]
fn handle(request: &str, records: u64, payload: &str) {
    for number in 0..records {
        let order = RECORDS.fetch_add(1, Ordering::Relaxed);
        if number % 7 == 6 {
            tracing::warn!(target: "shop.orders", request, number, order, payload, "handled");
        } else {
            tracing::info!(target: "shop.orders", request, number, order, payload, "handled");
        }
    }
}

/// Reads the config's file again; for a server's reload hook.
#[pyfunction]
fn reload(python: Python<'_>) -> PyResult<()> {
    python.detach(|| guard()?.reload().map_err(failed))
}

/// Waits until all that this process has logged is in the files; `False` when that takes longer.
#[pyfunction]
fn flush(python: Python<'_>, seconds: f64) -> PyResult<bool> {
    let timeout = Duration::try_from_secs_f64(seconds).map_err(failed)?;
    // The interpreter's lock is given back: a flush waits for another process.
    python.detach(|| Ok(guard()?.flush(timeout)))
}

fn guard() -> PyResult<&'static Guard> {
    GUARD.get().ok_or_else(|| PyRuntimeError::new_err("shop_core.init was not called"))
}

fn failed(error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

#[pymodule]
mod shop_core {
    #[pymodule_export]
    use super::{flush, handle, init, reload};
}
