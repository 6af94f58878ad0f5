//! Errors while logging go to stderr, past every lock.

use logtree_core::{ErrorReport, set_report_hook};

/// Has errors of handlers written to the descriptor itself: a child of `fork` may find std's lock on stderr held by a
/// thread that it does not have.
pub(crate) fn to_stderr() {
    set_report_hook(|report: &ErrorReport<'_>| {
        // A closed stderr is nobody's fault here, and there is nobody left to tell.
        let _ = logtree_os::streams::StandardStream::Stderr.write_all(report.to_string().as_bytes());
    });
}
