//! How the seat goes from a listener that lives to another one: to who can build the queue's newer config, or to a program
//! that does nothing but listen.
//!
//! Whoever wants the seat stands by for it, in the place of who stood by before, and asks. The listener ends its batch and
//! leaves the seat; of those who wait, only the one whom the segment names keeps it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_os::election::{Seat, is_vacant};
use logtree_os::helper::spawn_helper;
use logtree_os::{Death, ForkGeneration, ProcessIdentity, Segment, SegmentState};

use crate::helpers::{self, Role, STANDBY_LOOKS};
use crate::listener::listen;
use crate::queue::Queue;
use crate::words;

/// Waits for the seat as the one who stands by; `None` when the queue is closed or left, another one stands by, or
/// `goes_on` is false.
pub(crate) fn wait_for_seat(
    segment: &Arc<Segment>,
    mut goes_on: impl FnMut() -> bool,
) -> io::Result<Option<Seat<Segment>>> {
    let me = ProcessIdentity::current();
    // Where listeners were killed right after they had made theirs, or one asks for the seat, there are two.
    let is_replaced = || {
        let named = helpers::standby(segment);
        named != me && named.start_time != 0 && named.death() == Death::Alive
    };
    let is_over = || segment.state() == SegmentState::Closed || segment.word(words::LEFT) != Some(0);
    loop {
        if is_over() || !goes_on() {
            return Ok(None);
        }
        match Seat::wait_take(segment, STANDBY_LOOKS)? {
            // Left again at once, if its time is over.
            Some(seat) => return Ok(if is_over() || is_replaced() { None } else { Some(seat) }),
            // It waits no longer than this at a time where the system has asked it to end.
            None if logtree_os::helper::termination_requested() => std::thread::sleep(Duration::from_millis(1)),
            None => {}
        }
        if is_replaced() {
            return Ok(None);
        }
    }
}

/// Asks the listener for its seat, and waits for it, but for so long at the most.
pub(crate) fn ask_for_seat(
    segment: &Arc<Segment>,
    patience: Duration,
    mut goes_on: impl FnMut() -> bool,
) -> io::Result<Option<Seat<Segment>>> {
    let me = ProcessIdentity::current();
    helpers::appoint(segment, &me);
    let began = Instant::now();
    let seat = wait_for_seat(segment, || {
        segment.set_word(words::ASKS, me.pid.into());
        segment.request_flush();
        began.elapsed() < patience && goes_on()
    })?;
    if helpers::standby(segment) == me {
        helpers::forget_standby(segment);
    }
    if segment.word(words::ASKS) == Some(me.pid.into()) {
        segment.set_word(words::ASKS, 0);
    }
    Ok(seat)
}

/// Whether somebody waits to listen in the place of the listener.
pub(crate) fn is_asked_for(segment: &Segment) -> bool {
    let asks = segment.word(words::ASKS).unwrap_or_default();
    asks != 0 && asks == u64::from(helpers::standby(segment).pid) && helpers::has_standby(segment)
}

/// Waits until the listener has the queue's config, or for a second; if it cannot build it, one is made that can.
pub(crate) fn wait_until_followed(queue: &Arc<Queue>, segment: &Arc<Segment>) {
    const PATIENCE: Duration = Duration::from_secs(1);
    const TURN: Duration = Duration::from_millis(5);
    segment.request_flush();
    if queue.is_service() {
        return;
    }
    let began = Instant::now();
    let is_followed = || segment.word(words::LISTENING) >= Some(queue.generation());
    // That the listener cannot build it is an answer, for once.
    segment.wait_for_progress(TURN, || is_followed() || segment.word(words::REFUSED) == Some(queue.generation()));
    offer_if_asked(queue, segment);
    while !segment.wait_for_progress(TURN, is_followed) && began.elapsed() < PATIENCE {
        if is_vacant(segment.seat()) {
            helpers::nobody_listens_to(queue, segment);
        }
        offer_if_asked(queue, segment);
    }
}

/// Listens, in a helper or on a thread, with a config that the listener could not build and this process has.
pub(crate) fn offer_if_asked(queue: &Arc<Queue>, segment: &Arc<Segment>) {
    /// Nobody needs so long to take a seat that was asked for.
    const AGAIN: Duration = Duration::from_secs(5);
    let refused = segment.word(words::REFUSED).unwrap_or_default();
    if refused == 0 || refused != queue.generation() || segment.word(words::LISTENING) == Some(refused) {
        return;
    }
    let Some(mut helpers) = queue.place().helpers.try_lock() else { return };
    let now = (ForkGeneration::current(), Instant::now());
    if helpers.offered.is_some_and(|(of, offered)| of == now.0 && offered.elapsed() < AGAIN) {
        return;
    }
    helpers.offered = Some(now);
    if helpers::can_help(queue) {
        let listener = spawn_helper(&helpers::helper_options(queue, segment, helpers::STANDS_BY), || {
            if let Ok(Some(seat)) = ask_for_seat(segment, AGAIN, || true) {
                let _ = logtree_os::helper::rename(helpers::LISTENS);
                listen(queue, segment, seat, Role::Helper);
            }
            0
        });
        if let Ok(listener) = listener {
            helpers.add(listener);
        }
    } else {
        let (queue, segment) = (Arc::clone(queue), Arc::clone(segment));
        let offer = move || {
            if let Ok(Some(seat)) = ask_for_seat(&segment, AGAIN, || true) {
                listen(&queue, &segment, seat, Role::Thread);
            }
        };
        // If there can be no thread either, the records go on to the handlers of before.
        let _ = logtree_os::spawn_masked(helpers::LISTENS, offer);
    }
}
