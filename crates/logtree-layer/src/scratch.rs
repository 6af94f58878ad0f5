//! The buffers of one thread, and what happens to a record that is made while another is being handled.
//!
//! A handler may log, and so may the `Debug` of a field. With a global subscriber nothing would stop such a record from
//! being handled inside the other one, and a handler that logs would recurse until the stack ends. So it waits: it is
//! encoded into a short queue of its thread and handled when the outer record is done. What is logged while those are
//! handled is dropped and counted, or a handler that logs at each record would never end.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use logtree_core::codec::{self, Encoded};
use logtree_core::{Callsite, Direct, Origin, Record, SpansBuf, Tree, logger_name};

use crate::TreeHandle;
use crate::visit::EventText;

/// What one enormous record needed is not kept for all that follow: a service has many threads, and each meets one some day.
pub(crate) const KEPT_BYTES: usize = 64 * 1024;

/// How many records may wait on one thread.
const WAITING_MAX: usize = 64;

/// Records that were dropped because they were made while waiting ones were handled, or because too many waited.
static DROPPED: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) text: EventText,
    pub(crate) spans: SpansBuf,
}

impl Scratch {
    /// How many bytes it has memory for.
    #[inline]
    fn capacity(&self) -> usize {
        self.text.capacity() + self.spans.capacity()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Busy {
    /// Nothing is being handled on this thread.
    No,
    /// A record is.
    Record,
    /// The records that waited for it are.
    Waiting,
}

#[derive(Debug)]
struct Waiting {
    callsite: Callsite,
    origin: Origin,
    bytes: Vec<u8>,
}

thread_local! {
    static BUSY: Cell<Busy> = const { Cell::new(Busy::No) };
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// Records dropped so far because a handler logged too much while handling.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Whether the calling thread is handling a record.
pub(crate) fn is_handling() -> bool {
    BUSY.try_with(Cell::get).is_ok_and(|busy| busy != Busy::No)
}

/// Forgets the record that the calling thread is handling, and those that wait for it: for a process that was made in the
/// middle of a logging call and never goes back there, such as a listener. What it logs itself would wait for ever.
pub fn abandon_handling() {
    let _ = BUSY.try_with(|busy| busy.set(Busy::No));
    let _ = WAITING.try_with(|all| all.try_borrow_mut().map(|mut all| all.clear()));
}

/// Lends the thread's buffers, empty. Inside itself, and while the thread's locals are destroyed, it lends new ones.
#[inline]
pub(crate) fn with_scratch(use_it: impl FnOnce(&mut Scratch)) {
    let lent = SCRATCH.try_with(Cell::take).ok().flatten();
    let mut scratch = lent.unwrap_or_default();
    scratch.text.clear();
    scratch.spans.clear();
    use_it(&mut scratch);
    if scratch.capacity() <= KEPT_BYTES {
        let _ = SCRATCH.try_with(|place| place.set(Some(scratch)));
    }
}

/// Hands a record to its route; or, inside another record's handling, lets it wait.
// Always: it is a part of the hot path, whoever else calls it.
#[inline(always)]
pub(crate) fn handle(tree: &Tree, route: u32, record: &Record<'_>) {
    match BUSY.try_with(|busy| busy.replace(Busy::Record)) {
        Ok(Busy::No) => {
            let _reset = ResetBusy;
            tree.route(route).handle(record, &mut Direct);
            handle_waiting(tree);
        }
        // The thread is ending and keeps no locals: nothing of ours can be on its stack below a destructor's event.
        Err(_) => tree.route(route).handle(record, &mut Direct),
        Ok(outer) => {
            let _ = BUSY.try_with(|busy| busy.set(outer));
            if outer == Busy::Waiting || !wait(record) {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Records that were made and are not handled yet, for another thread to do so.
#[derive(Debug)]
pub struct SetAside(Vec<Waiting>);

/// Has records made that the calling thread does not handle. Inside the handling of another one they wait for that as all do,
/// and nothing is set aside.
pub fn set_aside(log: impl FnOnce()) -> SetAside {
    if BUSY.try_with(Cell::get) != Ok(Busy::No) {
        log();
        return SetAside(Vec::new());
    }
    let _ = BUSY.try_with(|busy| busy.set(Busy::Record));
    let _reset = ResetBusy;
    log();
    SetAside(WAITING.try_with(RefCell::take).unwrap_or_default())
}

impl SetAside {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Handles them by this tree, and then what handlers have logged meanwhile.
    pub fn handle(self, tree: &TreeHandle) {
        let tree = tree.load();
        let _ = BUSY.try_with(|busy| busy.set(Busy::Record));
        let _reset = ResetBusy;
        handle_each(&tree, self.0);
        handle_waiting(&tree);
    }
}

/// Nothing of ours panics between, but a filter of a user's may.
struct ResetBusy;

impl Drop for ResetBusy {
    fn drop(&mut self) {
        let _ = BUSY.try_with(|busy| busy.set(Busy::No));
    }
}

#[cold]
fn wait(record: &Record<'_>) -> bool {
    let bytes = Encoded::new(record, 0).slices().concat();
    let waiting = Waiting { callsite: record.callsite.clone(), origin: record.origin.clone(), bytes };
    WAITING
        .try_with(|all| match all.try_borrow_mut() {
            Ok(mut all) if all.len() < WAITING_MAX => {
                all.push(waiting);
                true
            }
            _ => false,
        })
        .unwrap_or(false)
}

#[inline]
fn handle_waiting(tree: &Tree) {
    let is_empty = WAITING.try_with(|all| all.try_borrow().is_ok_and(|all| all.is_empty())).unwrap_or(true);
    if !is_empty {
        handle_all_waiting(tree);
    }
}

#[cold]
fn handle_all_waiting(tree: &Tree) {
    let _ = BUSY.try_with(|busy| busy.set(Busy::Waiting));
    handle_each(tree, WAITING.try_with(RefCell::take).unwrap_or_default());
}

fn handle_each(tree: &Tree, waiting: Vec<Waiting>) {
    for Waiting { callsite, origin, bytes } in waiting {
        if let Ok(parts) = codec::decode(&bytes) {
            let record = parts.into_record(&callsite, &origin, tree.level_names());
            tree.find(&logger_name(record.name)).handle(&record, &mut Direct);
        }
    }
}

#[cfg(test)]
mod tests {
    use logtree_core::{FieldName, FieldsBuf, Value};

    use super::*;

    #[test]
    fn buffers_are_reused_unless_they_grew_huge() {
        let place = |scratch: &Scratch| std::ptr::from_ref(scratch).addr();
        let (mut first, mut again) = (0, 0);
        with_scratch(|scratch| first = place(scratch));
        with_scratch(|scratch| again = place(scratch));
        assert_eq!(again, first);
        let huge = [0; KEPT_BYTES];
        let grow: [&dyn Fn(&mut Scratch); 3] = [
            &|scratch| scratch.text.message.reserve(KEPT_BYTES + 1),
            &|scratch| scratch.text.fields.push(FieldName::Index(0), Value::Bytes(&huge)),
            &|scratch| {
                let mut fields = FieldsBuf::new();
                fields.push(FieldName::Inline("huge"), Value::Bytes(&huge));
                scratch.spans.push("span", &fields);
            },
        ];
        for grow in grow {
            with_scratch(grow);
            with_scratch(|scratch| assert!(scratch.capacity() <= KEPT_BYTES));
        }
    }
}
