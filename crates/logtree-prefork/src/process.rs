//! This process in a segment: its slot, and what its records name by a number.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use logtree_core::{Callsite, Origin, codec};
use logtree_os::{AttachError, Attachment, DefineError, DefinitionWriter, ForkReset, ProcessIdentity, Segment};

use crate::streams::OwnStreams;

/// How many callsites that do not live as long as the process (those of `log` records) may be defined; a program has
/// no more places that log, and names made up at run time must not fill the segment.
const PASSING_CALLSITES_MAX: usize = 16_384;
/// The word of its slot in which a process says how much each of its lanes may hold.
pub(crate) const CAPACITY_WORD: usize = 0;

/// So often is looked whether a listener that would leave is done, with such pauses; after every few looks it is told to stay: it
/// needs microseconds, on a busy machine some milliseconds.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
const LOOKING_TAKES: u32 = 20;

/// This process's place in a segment.
#[derive(Debug)]
pub(crate) struct ProcessSide {
    pub(crate) attachment: Arc<Attachment>,
    pub(crate) own_streams: OwnStreams,
    writer: DefinitionWriter,
    /// By [`Callsite::index`]; 0 where nothing is defined yet.
    lasting: Vec<u32>,
    passing: HashMap<Callsite, u32>,
}

impl ProcessSide {
    /// Takes a place. A listener that looks whether it can leave is waited for, but not for longer than it takes to look: one that
    /// is stopped in it will find that it stays.
    pub(crate) fn attach(segment: &Arc<Segment>, capacity_bytes: usize) -> Result<Self, AttachError> {
        let mut looks = 0;
        let attachment = loop {
            match segment.attach(&ProcessIdentity::current()) {
                Err(error) if error.is_closing() && looks < LOOKS => {
                    looks += 1;
                    if looks % LOOKING_TAKES == 0 {
                        segment.reopen();
                    }
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                outcome => break Arc::new(outcome?),
            }
        };
        attachment.set_word(CAPACITY_WORD, capacity_bytes as u64);
        let own_streams = OwnStreams::of_this_process(segment);
        let writer = attachment.definitions();
        Ok(Self { attachment, own_streams, writer, lasting: Vec::new(), passing: HashMap::new() })
    }

    /// The definition of a callsite, written if it is new.
    pub(crate) fn define_callsite(&mut self, callsite: &Callsite) -> Result<u32, DefineError> {
        if let Some(index) = callsite.index {
            let index = index as usize;
            if let Some(&id) = self.lasting.get(index).filter(|id| **id != 0) {
                return Ok(id);
            }
            let id = self.writer.define(&codec::encode_callsite(callsite))?;
            if self.lasting.len() <= index {
                self.lasting.resize(index + 1, 0);
            }
            self.lasting[index] = id;
            return Ok(id);
        }
        if let Some(&id) = self.passing.get(callsite) {
            return Ok(id);
        }
        if self.passing.len() < PASSING_CALLSITES_MAX {
            let id = self.writer.define(&codec::encode_callsite(callsite))?;
            self.passing.insert(callsite.clone(), id);
            return Ok(id);
        }
        // One place for all that come too late: the record still has its own name, message and fields.
        let unknown = Callsite::default();
        match self.passing.get(&unknown) {
            Some(&id) => Ok(id),
            None => {
                let id = self.writer.define(&codec::encode_callsite(&unknown))?;
                self.passing.insert(unknown, id);
                Ok(id)
            }
        }
    }

    pub(crate) fn define_origin(&mut self, origin: &Origin) -> Result<u32, DefineError> {
        self.writer.define(&codec::encode_origin(origin))
    }
}

/// The slot that a queue keeps of its process.
#[derive(Debug, Default)]
pub(crate) struct Slot(pub(crate) Option<ProcessSide>);

impl ForkReset for Slot {
    /// The slot is the parent's: the child takes one of its own.
    fn after_fork(&mut self) {
        self.0 = None;
    }

    fn torn() -> Self {
        Self(None)
    }
}
