//! The thread that empties a queue (Python's `QueueListener`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logtree_core::{Direct, HeldRecords, Record, side, with_own_record};

use super::Shared;
use super::state::{Rest, State, Waiting};
use crate::spawn::spawn;

const THREAD_NAME: &str = "logtree-queue";
/// How long the thread naps after records came, before it sleeps until it is woken.
const NAPS: Duration = Duration::from_millis(50);
const NAP: Duration = Duration::from_millis(1);
/// A sleep is timed, so that nothing is lost for good with a wake-up that was lost.
const SLEEP: Duration = Duration::from_secs(1);
/// Drops are said at most so often, unless somebody waits for all to be said.
const SAY_INTERVAL: Duration = Duration::from_secs(1);
/// Between two attempts to start a thread.
const RETRY: Duration = Duration::from_secs(1);

impl Shared {
    /// Starts the thread; `false` if there is none to be had.
    #[cold]
    pub(super) fn start(self: &Arc<Self>, state: &mut State) -> bool {
        if state.no_thread.is_some_and(|tried| tried.elapsed() < RETRY) {
            return false;
        }
        let shared = Arc::clone(self);
        let (in_hand, handled) = (Arc::clone(&state.records_in_hand), Arc::clone(&state.handled));
        let listen = move || Listener { shared, in_hand, handled, said: None, own: 0 }.listen();
        match spawn(THREAD_NAME, listen) {
            Ok(thread) => {
                state.begin(thread);
                state.no_thread = None;
                true
            }
            Err(_) => {
                state.no_thread = Some(Instant::now());
                false
            }
        }
    }
}

/// What the thread has at hand.
struct Listener {
    shared: Arc<Shared>,
    /// How many records are taken out and not begun to be handled.
    in_hand: Arc<AtomicUsize>,
    handled: Arc<AtomicU64>,
    /// When drops were said last.
    said: Option<Instant>,
    /// What handlers had to say to that, and was dropped: said with the next drops, as it would be said for ever.
    own: u64,
}

impl Listener {
    fn listen(mut self) {
        side::begin_listening(self.shared.number);
        let mut busy_until = Instant::now() + NAPS;
        let mut handled = None;
        loop {
            let (next, waiters) = {
                let mut state = self.shared.state.lock();
                let waiters = match handled.take() {
                    Some(handled) => {
                        state.give_back(handled);
                        state.take_waiters()
                    }
                    None => Vec::new(),
                };
                (state.next(), waiters)
            };
            waiters.iter().for_each(|waiter| waiter.tell());
            match next {
                Some(Waiting::Records(mut piece)) => {
                    self.handle(&piece);
                    piece.clear();
                    handled = Some(piece);
                }
                Some(Waiting::Roll) => {
                    self.shared.listener.roll(&mut Direct);
                    self.handled.fetch_add(1, Ordering::Release);
                }
                None => {
                    self.say_drops();
                    if self.rest(Instant::now() < busy_until) {
                        break;
                    }
                    continue;
                }
            }
            busy_until = Instant::now() + NAPS;
        }
        side::end_listening();
    }

    /// Hands a piece to the handlers, then what these have logged.
    fn handle(&mut self, piece: &HeldRecords) {
        let listener = &self.shared.listener;
        piece.for_each(|record| {
            self.in_hand.fetch_sub(1, Ordering::Relaxed);
            listener.handle(record, &mut Direct, |_| true);
        });
        side::handle_kept(|record| listener.handle(record, &mut Direct, |_| true));
        let own = side::take_dropped();
        if own > 0 {
            self.shared.state.lock().drops.own += own;
        }
        self.handled.fetch_add(piece.len() as u64, Ordering::Release);
    }

    /// Says what was dropped, if it is time to.
    fn say_drops(&mut self) {
        let (drops, is_awaited) = {
            let state = self.shared.state.lock();
            (state.drops, state.is_awaited())
        };
        let is_due = self.said.is_none_or(|said| said.elapsed() >= SAY_INTERVAL);
        if drops.total() == 0 || !(is_due || is_awaited) {
            return;
        }
        let listener = &self.shared.listener;
        let message = format!(
            "{} records were dropped before the queue '{}': {} did not fit into it, {} were too large, \
             {} were made by its own handlers",
            drops.total() + self.own,
            listener.name,
            drops.full,
            drops.too_large,
            drops.own + self.own,
        );
        let say = |record: &Record<'_>| listener.handle(record, &mut Direct, |_| true);
        side::handle_own(|| with_own_record("listener", &message, say));
        let own = std::mem::replace(&mut self.own, side::take_dropped());
        self.said = Some(Instant::now());
        self.shared.state.lock().said(&drops, own);
    }

    /// Naps, or sleeps until it is woken; whether it is to end instead.
    fn rest(&self, is_busy: bool) -> bool {
        let (is_over, may_rest, waiters) = {
            let mut state = self.shared.state.lock();
            let is_over = state.end();
            let may_rest = !is_over && state.rest(if is_busy { Rest::Nap } else { Rest::Sleep });
            (is_over, may_rest, state.take_waiters())
        };
        waiters.iter().for_each(|waiter| waiter.tell());
        if may_rest {
            thread::park_timeout(if is_busy { NAP } else { SLEEP });
        }
        is_over
    }
}
