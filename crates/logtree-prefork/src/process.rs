//! This process in a segment: its slot, and what its records name by a number.

use std::collections::HashMap;
use std::sync::Arc;

use logtree_core::{Callsite, Origin, codec};
use logtree_os::{Attachment, DefineError, DefinitionWriter, ForkReset, ProcessIdentity, Segment};

use crate::streams::OwnStreams;

/// How many callsites that do not live as long as the process (those of `log` records) may be defined; a program has
/// no more places that log, and names made up at run time must not fill the segment.
const PASSING_CALLSITES_MAX: usize = 16_384;
/// The word of its slot in which a process says how much each of its lanes may hold.
pub(crate) const CAPACITY_WORD: usize = 0;

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
    pub(crate) fn attach(segment: &Arc<Segment>, capacity_bytes: usize) -> Result<Self, logtree_os::AttachError> {
        let attachment = Arc::new(segment.attach(&ProcessIdentity::current())?);
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
