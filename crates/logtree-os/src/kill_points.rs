//! Kill points: places in the work of listeners, standbys and producers where a test kills them, or holds them while others
//! go on.
//!
//! They are there under `--cfg logtree_kill_points` alone, and nothing but a relaxed look at a static before a test
//! [shares](share) its plan.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::{Pid, Signal, getpid, kill_process};

/// Every kill point there is; [`pass`] refuses any other name, so that a walk over these leaves none out.
pub const NAMES: &[&str] = &[
    "config: files claimed",
    "config: published",
    "config: rebuilt",
    "config: closed",
    "config: files freed",
    "config: followed",
    "transaction: unit taken",
    "transaction: staged",
    "transaction: described",
    "transaction: committed",
    "transaction: unit given back",
    "file: created",
    "file: to be written",
    "file: half written",
    "batch: planned",
    "batch: appended",
    "batch: renamed",
    "batch: deleted",
    "batch: replacing",
    "batch: replaced",
    "compression: begun",
    "compression: written",
    "transaction: step done",
    "batch: carried out",
    "lane: head stored",
    "lane: unit announced",
    "lane: anchor moved",
    "lane: unit given back",
    "lane: passed stored",
    "batch: heads published",
    "drops: due",
    "drops: told",
    "transaction: finished",
    "recovery: read",
    "recovery: half written",
    "recovery: completed",
    "recovery: renamed",
    "recovery: deleted",
    "recovery: replacing",
    "recovery: replaced",
    "recovery: all completed",
    "recovery: head published",
    "lane: resumed",
    "spill: written",
    "spill: handled",
    "spill: deleted",
    "spill: swept",
    "attach: slot taken",
    "attach: life held",
    "attach: introduced",
    "attach: attached",
    "claim: lane taken",
    "claim: lane counted",
    "claim: first unit taken",
    "claim: anchor set",
    "claim: lane begun",
    "push: record begun",
    "push: record written",
    "push: record published",
    "grow: unit taken",
    "grow: units chained",
    "grow: unit ended",
    "grow: chain continued",
    "units: one taken",
    "definition: unit taken",
    "definition: chain continued",
    "definition: begun",
    "definition: written",
    "definition: published",
    "detach: due",
    "detach: done",
    "wake: due",
    "meeting: claim made",
    "meeting: claim locked",
    "meeting: claim awaited",
    "meeting: claim half written",
    "meeting: claim written",
    "meeting: claim emptied",
    "meeting: claim removed",
    "claims: missed",
    "claims: put back",
    "segment: made aside",
    "segment: mapped",
    "segment: described",
    "segment: named",
    "segment: to be removed",
    "segment: removed",
    "join: segment made",
    "join: attached",
    "join: somebody listens",
    "seat: announced",
    "seat: taken",
    "seat: listed",
    "seat: to be left",
    "seat: unlisted",
    "seat: empty",
    "standby: made",
    "standby: begun",
    "standby: introduced",
    "standby: seated",
    "take over: opened",
    "take over: freed",
    "take over: counted",
    "listener: begun",
    "sleep: announced",
    "progress: counted",
    "reclaim: lane marked",
    "reclaim: units freed",
    "units: one freed of many",
    "shrink: units taken",
    "shrink: announced",
    "shrink: memory taken",
    "shrink: unit freed",
    "shrink: memory asked for",
    "reclaim: words cleared",
    "reclaim: lane freed",
    "release: slot marked",
    "release: units freed",
    "release: slot freed",
    "closing: announced",
    "closing: decided",
    "transaction: heads staged",
];

/// What the processes of a test share. Zero, nobody is killed.
#[derive(Default)]
#[repr(C)]
struct Plan {
    /// Up to three kills, one after the other: `point + 1 << 32 | passes until then`.
    kills: [AtomicU64; 3],
    /// Where somebody is to be held, or is: `point + 1 << 32 | the process that has come`.
    holds: [AtomicU64; 2],
}

/// Stands for a kill that is happening, until the next one is known.
const HAPPENING: u64 = 1;

static PLAN: OnceLock<&'static Plan> = OnceLock::new();

/// The process that passes every point unharmed; 0, none.
static SPARED: AtomicI32 = AtomicI32::new(0);

/// From now on this process and its children pass kill points that [`arm`] can make deadly.
pub fn share() {
    PLAN.get_or_init(|| {
        let flags = MapFlags::SHARED;
        // SAFETY: a null hint lets the kernel choose a free range, so no memory in use is touched.
        let page = unsafe {
            rustix::mm::mmap_anonymous(std::ptr::null_mut(), 4096, ProtFlags::READ | ProtFlags::WRITE, flags)
        };
        match page {
            // SAFETY: the page is zeroed, aligned, large enough and never unmapped; the plan is all atomics.
            Ok(page) => unsafe { &*page.cast() },
            Err(_) => Box::leak(Box::default()),
        }
    });
}

/// Plans kills, one after the other: who comes to the point for the n-th time (from 1 on) dies there, and the next kill is
/// waited for. At most three.
pub fn arm(kills: &[(&str, u32)]) {
    let Some(plan) = PLAN.get() else { return };
    // The first one last: with it the plan begins.
    for (at, word) in plan.kills.iter().enumerate().rev() {
        let kill = kills.get(at).map_or(0, |(name, nth)| (number(name) as u64 + 1) << 32 | u64::from(*nth));
        word.store(kill, Ordering::SeqCst);
    }
}

/// Who comes to this point next stops there, until it is sent SIGCONT: see [`held`]. At most two points in a plan's life, each as
/// often as it is called.
pub fn hold(name: &str) {
    let Some(plan) = PLAN.get() else { return };
    let awaited = held_word(name, 0);
    let is_its = |word| (word == 0 || word >> 32 == awaited >> 32).then_some(awaited);
    let free = |place: &AtomicU64| place.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_its).is_ok();
    assert!(plan.holds.iter().any(free), "nobody else can be held");
}

/// The process that is held at this point, as soon as somebody has come to it; it may not have stopped yet.
pub fn held(name: &str) -> Option<Pid> {
    let words = PLAN.get()?.holds.iter().map(|place| place.load(Ordering::SeqCst));
    let come = words.filter(|word| word >> 32 == held_word(name, 0) >> 32).map(|word| word as u32);
    come.filter_map(|process| Pid::from_raw(process.cast_signed())).next()
}

/// This process dies at no point and counts for none; what it forks does.
pub fn spare() {
    SPARED.store(getpid().as_raw_nonzero().get(), Ordering::SeqCst);
}

/// Whether every planned kill has happened.
pub fn is_over() -> bool {
    PLAN.get().is_none_or(|plan| plan.kills[0].load(Ordering::SeqCst) == 0)
}

/// Passes a point; use [`kill_point!`](crate::kill_point).
pub fn pass(name: &str) {
    if is_deadly(name) {
        die();
    }
    if is_to_be_held(name) {
        let _ = kill_process(getpid(), Signal::STOP);
    }
}

/// Kills this process at once.
pub fn die() {
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Passes a point, and says whether the process is to die at it: for places that do half of something first.
pub fn is_deadly(name: &str) -> bool {
    let Some(plan) = PLAN.get().filter(|_| !is_spared()) else { return false };
    let point = number(name);
    let [first, second, third] = &plan.kills;
    loop {
        let kill = first.load(Ordering::SeqCst);
        if kill >> 32 != point as u64 + 1 {
            return false;
        }
        let left = if kill as u32 > 1 { kill - 1 } else { HAPPENING };
        // Of two processes at one point, one dies.
        if first.compare_exchange(kill, left, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            if left != HAPPENING {
                return false;
            }
            break;
        }
    }
    let next = second.load(Ordering::SeqCst);
    second.store(third.swap(0, Ordering::SeqCst), Ordering::SeqCst);
    first.store(next, Ordering::SeqCst);
    true
}

fn is_to_be_held(name: &str) -> bool {
    let Some(plan) = PLAN.get().filter(|_| !is_spared()) else { return false };
    let (awaited, come) = (held_word(name, 0), held_word(name, getpid().as_raw_nonzero().get().cast_unsigned()));
    plan.holds.iter().any(|place| place.compare_exchange(awaited, come, Ordering::SeqCst, Ordering::SeqCst).is_ok())
}

fn held_word(name: &str, process: u32) -> u64 {
    (number(name) as u64 + 1) << 32 | u64::from(process)
}

fn is_spared() -> bool {
    SPARED.load(Ordering::SeqCst) == getpid().as_raw_nonzero().get()
}

fn number(name: &str) -> usize {
    let found = NAMES.iter().position(|known| *known == name);
    // A test build's only: a point that no walk knows of is a mistake in the code under test.
    #[allow(clippy::expect_used)]
    found.expect("the kill point is listed")
}
