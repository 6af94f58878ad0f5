//! Transactions: what the listener is about to do to files, said in shared memory before it is done.
//!
//! The listener stages bytes that mean something to the caller alone, the heads that its lanes will have, and what will have
//! been told of drops and counted; one store commits all. Nothing before that store counts. Everything behind it is carried out by
//! whoever holds the seat: by the listener itself, or, if it is killed, by the successor who finds the transaction
//! [interrupted].
//!
//! ```text
//! stage ─► describe ─► committed = n ─► step ─► step ─► heads ─► told ─► finished = n
//!                      └───── from here on a successor carries it out ─────┘
//! ```
//!
//! The bytes stand in a chain of units that the listener keeps from one transaction to the next.
//!
//! [interrupted]: Segment::interrupted

mod chain;
mod told;

use std::fmt;
use std::sync::Arc;

use crate::index::{LaneIndex, SlotIndex};
use crate::lane::{CUT, LaneHead};
use crate::layout::{CALLER_WORDS, TransactionLine};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;
use chain::Chain;
pub use told::Told;

/// The most that one transaction can hold, in bytes: shared memory is there for records first.
pub const MAX_TRANSACTION_BYTES: usize = 256 << 20;

/// Each piece begins at a multiple of this, so that the checksum goes word by word.
const GRAIN: usize = 8;
/// A head: lane, generation and head word; or what was told: counter, generation and value.
const PUBLISHED_BYTES: usize = 16;
/// So many heads at the most, one a lane, and so many counters: those of each lane, one a process, the words.
const MOST_HEADS: usize = LaneIndex::COUNT;
const MOST_TOLD: usize = (CUT + 1) * LaneIndex::COUNT + SlotIndex::COUNT + CALLER_WORDS;

/// There is no shared memory for a transaction, or it is larger than [`MAX_TRANSACTION_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionTooLarge(());

impl fmt::Display for TransactionTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no shared memory for the transaction")
    }
}

impl std::error::Error for TransactionTooLarge {}

/// The transactions of one listener, one after the other. Only the holder of the [seat](Segment::seat) has one, and
/// makes it when it has finished what was [interrupted](Segment::interrupted).
///
/// ```
/// use logtree_os::{Segment, SegmentOptions, Transactions};
///
/// # let directory = std::env::temp_dir().join(format!("logtree-doc-transaction-{}", std::process::id()));
/// let segment = Segment::create(&directory, "queue", &SegmentOptions::default())?;
/// let mut transactions = Transactions::new(&segment);
/// let mut staging = transactions.begin();
/// staging.stage(b"append a line to a file")?;
/// let mut committed = staging.commit([])?;
/// // Killed now, the successor would find:
/// let interrupted = segment.interrupted().unwrap();
/// assert!(interrupted.bytes().starts_with(b"append a line to a file"));
/// // Not killed, the listener does what it has said.
/// committed.step_done();
/// committed.finish();
/// assert!(segment.interrupted().is_none());
/// # segment.unlink()?;
/// # std::fs::remove_dir(&directory)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transactions {
    chain: Chain,
}

impl Transactions {
    /// Takes over the segment's transactions; what a dead listener had staged is forgotten.
    #[must_use]
    pub fn new(segment: &Arc<Segment>) -> Self {
        segment.units().release_all(Tag::TRANSACTION);
        Self { chain: Chain::new(segment) }
    }

    /// Gives memory back that an unusually large transaction had needed, and all of it where there is no other: it is there for
    /// records first. The last one must be finished.
    pub fn rest(&mut self) {
        self.chain.rewind();
        self.chain.give_back_excess();
        self.chain.make_room();
    }

    /// Begins to stage.
    pub fn begin(&mut self) -> Staging<'_> {
        self.chain.rewind();
        Staging { chain: &mut self.chain, bytes: 0, told: &[] }
    }
}

/// A transaction that nobody is bound by yet. Dropping it forgets it.
#[derive(Debug)]
pub struct Staging<'a> {
    chain: &'a mut Chain,
    bytes: usize,
    told: &'a [Told],
}

impl<'a> Staging<'a> {
    /// Adds a piece. A successor finds the pieces one behind the other, each filled up with zeros to a multiple of 8 bytes.
    ///
    /// # Errors
    /// There is no room; then the transaction cannot be committed.
    pub fn stage(&mut self, piece: &[u8]) -> Result<(), TransactionTooLarge> {
        self.chain.append(piece)?;
        self.bytes += piece.len().next_multiple_of(GRAIN);
        kill_point!("transaction: staged");
        Ok(())
    }

    /// The log will have told this.
    pub fn tell(&mut self, told: &'a [Told]) {
        self.told = told;
    }

    /// Commits: from here on it will be done, and the lanes will be read from these heads on.
    ///
    /// # Errors
    /// There is no room for the heads, or for what is told; then nothing was committed.
    pub fn commit(self, heads: impl IntoIterator<Item = LaneHead>) -> Result<Committed, TransactionTooLarge> {
        let mut count = 0;
        for head in heads {
            self.chain.append(&pack(head))?;
            count += 1;
        }
        for told in self.told {
            self.chain.append(&told.pack())?;
        }
        let segment = self.chain.segment();
        let line = segment.transaction_line();
        let number = line.committed.load(Ordering::Relaxed).wrapping_add(1);
        kill_point!("transaction: heads staged");
        line.first_unit.store(self.chain.first_unit(), Ordering::Relaxed);
        line.bytes.store(self.bytes as u64, Ordering::Relaxed);
        line.heads.store(count, Ordering::Relaxed);
        line.told.store(self.told.len() as u32, Ordering::Relaxed);
        line.checksum.store(self.chain.checksum(), Ordering::Relaxed);
        line.steps.store(steps_word(number, 0), Ordering::Relaxed);
        kill_point!("transaction: described");
        // Release: a successor that reads this number sees all that was staged and said of it.
        line.committed.store(number, Ordering::Release);
        kill_point!("transaction: committed");
        let segment = Arc::clone(segment);
        self.chain.give_back_excess();
        Ok(Committed { segment, number, steps: 0 })
    }
}

/// A transaction that is being carried out.
#[derive(Debug)]
#[must_use = "a transaction that is not finished will be carried out again"]
pub struct Committed {
    segment: Arc<Segment>,
    number: u64,
    steps: u32,
}

impl Committed {
    /// How many steps, from the first one on, are done for sure.
    #[must_use]
    pub fn steps_done(&self) -> u32 {
        self.steps
    }

    /// The next step is done: a successor will not do it again.
    pub fn step_done(&mut self) {
        self.steps += 1;
        // Release: the step was done before it is said to be.
        self.segment.transaction_line().steps.store(steps_word(self.number, self.steps), Ordering::Release);
        kill_point!("transaction: step done");
    }

    /// All steps are done, what was told is remembered, and all heads are published.
    pub fn finish(self) {
        self.segment.transaction_line().finished.store(self.number, Ordering::Release);
        kill_point!("transaction: finished");
    }
}

/// A transaction that a killed listener had committed and not finished.
#[derive(Debug)]
pub struct Interrupted {
    committed: Committed,
    bytes: Vec<u8>,
    heads: Vec<LaneHead>,
    told: Vec<Told>,
}

impl Interrupted {
    /// A copy of what was [staged](Staging::stage).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many steps, from the first one on, are done for sure. More may be done in part or in whole.
    #[must_use]
    pub fn steps_done(&self) -> u32 {
        self.committed.steps_done()
    }

    /// The next step is done: the next successor will not do it again.
    pub fn step_done(&mut self) {
        self.committed.step_done();
    }

    /// All steps are done: the lanes will be read from the transaction's heads on. To be called before any lane is
    /// read; the units behind the heads are given back when they are.
    pub fn finish(self) {
        self.told.iter().for_each(|told| self.committed.segment.remember_told(told));
        for head in &self.heads {
            self.committed.segment.publish_lane_head(head);
            kill_point!("recovery: head published");
        }
        self.committed.finish();
    }

    /// It makes no sense to the caller: it is forgotten, and counted. Its heads are not published, so that the records in it
    /// are read again, and drops told again: some may reach their handlers twice, but none is lost.
    pub fn refuse(self) {
        self.committed.segment.refuse_transaction();
    }
}

impl Segment {
    /// What the last listener was killed in, to be finished before any lane is read. Only for the holder of the
    /// [seat](Segment::seat).
    ///
    /// The bytes are copied first and judged then. What does not pass is forgotten and counted: see
    /// [`refused_transactions`](Segment::refused_transactions).
    #[must_use]
    pub fn interrupted(self: &Arc<Self>) -> Option<Interrupted> {
        let line = self.transaction_line();
        // Acquire: all that was staged lies before the number.
        let number = line.committed.load(Ordering::Acquire);
        let finished = line.finished.load(Ordering::Acquire);
        if number == finished {
            return None;
        }
        let interrupted = (number == finished.wrapping_add(1)).then(|| self.copy_transaction(number)).flatten();
        if interrupted.is_none() {
            self.refuse_transaction();
        }
        interrupted
    }

    /// How many transactions were not taken up, because their bytes made no sense.
    #[must_use]
    pub fn refused_transactions(&self) -> u64 {
        self.transaction_line().refused.load(Ordering::Relaxed)
    }

    fn copy_transaction(self: &Arc<Self>, number: u64) -> Option<Interrupted> {
        let line = self.transaction_line();
        let staged_bytes = usize::try_from(line.bytes.load(Ordering::Relaxed)).ok()?;
        let heads = line.heads.load(Ordering::Relaxed) as usize;
        let told = line.told.load(Ordering::Relaxed) as usize;
        if heads > MOST_HEADS
            || told > MOST_TOLD
            || staged_bytes > MAX_TRANSACTION_BYTES
            || !staged_bytes.is_multiple_of(GRAIN)
        {
            return None;
        }
        let told_begins = staged_bytes + heads * PUBLISHED_BYTES;
        let whole = told_begins + told * PUBLISHED_BYTES;
        let mut bytes = chain::copy(self, line.first_unit.load(Ordering::Relaxed), whole)?;
        if chain::checksum_of(&bytes) != line.checksum.load(Ordering::Relaxed) {
            return None;
        }
        let pieces = |from: usize, to: usize| bytes[from..to].chunks_exact(PUBLISHED_BYTES);
        let heads = pieces(staged_bytes, told_begins).map(unpack).collect::<Option<Vec<_>>>()?;
        let told = pieces(told_begins, whole).map(Told::unpack).collect::<Option<Vec<_>>>()?;
        bytes.truncate(staged_bytes);
        let word = line.steps.load(Ordering::Acquire);
        // The word of another transaction says nothing of this one, nor does one of more steps than can have been staged.
        let is_sound = word == steps_word(number, word as u32) && word as u32 as usize <= staged_bytes / GRAIN;
        let steps = if is_sound { word as u32 } else { 0 };
        Some(Interrupted { committed: Committed { segment: Arc::clone(self), number, steps }, bytes, heads, told })
    }

    fn refuse_transaction(&self) {
        let line = self.transaction_line();
        line.refused.fetch_add(1, Ordering::Relaxed);
        line.finished.store(line.committed.load(Ordering::Relaxed), Ordering::Release);
    }

    fn transaction_line(&self) -> &TransactionLine {
        &self.head().header.transaction
    }
}

/// How many steps of which transaction are done.
fn steps_word(number: u64, steps: u32) -> u64 {
    number << 32 | u64::from(steps)
}

fn pack(head: LaneHead) -> [u8; PUBLISHED_BYTES] {
    let who = u64::from(head.generation) << 32 | head.lane.number() as u64;
    let mut bytes = [0; PUBLISHED_BYTES];
    bytes[..8].copy_from_slice(&who.to_ne_bytes());
    bytes[8..].copy_from_slice(&head.head.pack().to_ne_bytes());
    bytes
}

fn unpack(bytes: &[u8]) -> Option<LaneHead> {
    let (who, head) = bytes.split_first_chunk::<8>()?;
    let who = u64::from_ne_bytes(*who);
    let head = crate::lane::Position::unpack(u64::from_ne_bytes(*head.first_chunk()?));
    Some(LaneHead { lane: LaneIndex::new(who as u32 as usize)?, generation: (who >> 32) as u32, head })
}
