//! The listener as a service: a program that does nothing else.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use logtree_os::claim::Watch;
use logtree_os::election::{Seat, is_vacant};
use logtree_os::{Segment, SegmentState};

use crate::handover;
use crate::helpers::{self, Role};
use crate::listener::{Control, listen_until};
use crate::queue::{Joined, Queue};
use crate::stats;

/// What a listening program is told, and asks back.
pub trait ServiceControl {
    /// Whether it goes on. Asked after each batch, and ten times a second while there is none; on this thread a newer
    /// config may be started meanwhile, of the same queue.
    fn goes_on(&mut self) -> bool;

    /// The program listens from now on, as the queue's `claim_number`-th listener.
    fn listens(&mut self, claim_number: u64);

    /// Another process listens, because this one cannot build its newer config.
    fn handed_over(&mut self);
}

/// Between two looks whether somebody listens, after the program had to leave the seat.
const LOOKS: Duration = Duration::from_millis(50);

/// Listens to the queue that this process has started as a service, in the place of whoever does, until it is to go on no more;
/// then writes what there is, and leaves the rest to its standby, to a process that logs, or, if there is none, to nobody, and
/// takes the queue away.
///
/// To be called from the only thread of its program.
///
/// # Errors
/// If the process has started no queue as a service, or there is no shared memory for it, or the system does not let it listen.
pub fn serve(control: &mut dyn ServiceControl) -> io::Result<()> {
    let queue = || stats::queues().into_iter().rev().find(|queue| queue.is_service());
    let first = queue().ok_or_else(|| io::Error::other("no queue was started"))?;
    let Joined::Segment(segment) = first.joined() else {
        return Err(io::Error::other("there is no shared memory for the queue"));
    };
    let mut seat = handover::ask_for_seat(&segment, Duration::MAX, || control.goes_on())?;
    loop {
        let current = queue().unwrap_or_else(|| Arc::clone(&first));
        if let Some(seat) = seat.take() {
            let mut serving = Serving { control, queue: &current, is_over: false };
            serving.control.listens(segment.claim_number() + 1);
            listen_until(&current, &segment, seat, Role::Service, Watch::default(), &mut serving);
            if serving.is_over || segment.state() == SegmentState::Closed {
                return Ok(());
            }
            control.handed_over();
        }
        std::thread::sleep(LOOKS);
        if !control.goes_on() {
            current.detach();
            return Ok(());
        }
        if is_vacant(segment.seat()) && !helpers::has_standby(&segment) {
            seat = Seat::try_take(&segment)?;
        }
    }
}

struct Serving<'a> {
    control: &'a mut dyn ServiceControl,
    queue: &'a Arc<Queue>,
    is_over: bool,
}

impl Control for Serving<'_> {
    fn is_over(&mut self, _: &Segment) -> bool {
        if !self.is_over && !self.control.goes_on() {
            self.is_over = true;
            // With nobody else attached, the queue ends with this.
            self.queue.detach();
        }
        helpers::reap(self.queue);
        self.is_over
    }
}
