//! What other processes defined, as the listener remembers it.

use std::collections::HashMap;
use std::sync::Arc;

use logtree_core::codec::{self, Definition};
use logtree_core::{Callsite, Origin};
use logtree_os::{Segment, SlotIndex};

/// Definitions that were read, by the process's slot and number.
#[derive(Default)]
pub(crate) struct Definitions {
    callsites: HashMap<(SlotIndex, u32), Arc<Callsite>>,
    origins: HashMap<(SlotIndex, u32), Arc<Origin>>,
    bytes: Vec<u8>,
}

impl Definitions {
    /// The callsite that a record names; `None` if the process never defined it.
    pub(crate) fn callsite(&mut self, segment: &Segment, slot: SlotIndex, id: u32) -> Option<Arc<Callsite>> {
        if let Some(known) = self.callsites.get(&(slot, id)) {
            return Some(Arc::clone(known));
        }
        let Definition::Callsite(callsite) = self.read(segment, slot, id)? else { return None };
        let callsite = Arc::new(callsite);
        self.callsites.insert((slot, id), Arc::clone(&callsite));
        Some(callsite)
    }

    /// The origin that a record names; `None` if the process never defined it.
    pub(crate) fn origin(&mut self, segment: &Segment, slot: SlotIndex, id: u32) -> Option<Arc<Origin>> {
        if let Some(known) = self.origins.get(&(slot, id)) {
            return Some(Arc::clone(known));
        }
        let Definition::Origin(origin) = self.read(segment, slot, id)? else { return None };
        let origin = Arc::new(origin);
        self.origins.insert((slot, id), Arc::clone(&origin));
        Some(origin)
    }

    /// Forgets a process: its slot will be another's.
    pub(crate) fn forget(&mut self, slot: SlotIndex) {
        self.callsites.retain(|(of, _), _| *of != slot);
        self.origins.retain(|(of, _), _| *of != slot);
    }

    fn read(&mut self, segment: &Segment, slot: SlotIndex, id: u32) -> Option<Definition> {
        self.bytes.clear();
        if !segment.definition(slot, id, &mut self.bytes) {
            return None;
        }
        codec::decode_definition(&self.bytes).ok()
    }
}
