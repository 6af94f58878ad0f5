//! What other processes defined, as the listener remembers it.

use std::collections::HashMap;
use std::sync::Arc;

use logtree_core::codec::{self, Definition};
use logtree_core::{Callsite, Origin};
use logtree_os::{Segment, SlotIndex};

/// A process's slot and the number that it gave the definition.
type Key = (SlotIndex, u32);

/// So many definitions of a kind are found without a hash: most records come from few places.
const AT_HAND: usize = 256;

/// Definitions that were read.
#[derive(Default)]
pub(crate) struct Definitions {
    callsites: Known<Callsite>,
    origins: Known<Origin>,
    bytes: Vec<u8>,
}

/// Definitions of one kind. The numbers are other processes' choice: the worst that they can choose has all of them looked
/// up in the table, whose hashes nobody foresees.
struct Known<T> {
    /// By what their numbers end with; one that is looked up takes the place of another.
    at_hand: Vec<Option<(Key, Arc<T>)>>,
    all: HashMap<Key, Arc<T>>,
}

impl Definitions {
    /// What a record names; `None` if the process never defined it.
    pub(crate) fn of_record(
        &mut self,
        segment: &Segment,
        slot: SlotIndex,
        callsite: u32,
        origin: u32,
    ) -> Option<(&Callsite, &Origin)> {
        let bytes = &mut self.bytes;
        let callsite = self.callsites.get((slot, callsite), |key| match read(segment, key, bytes)? {
            Definition::Callsite(callsite) => Some(callsite),
            Definition::Origin(_) => None,
        })?;
        let origin = self.origins.get((slot, origin), |key| match read(segment, key, bytes)? {
            Definition::Callsite(_) => None,
            Definition::Origin(origin) => Some(origin),
        })?;
        Some((callsite, origin))
    }

    /// Forgets a process: its slot will be another's.
    pub(crate) fn forget(&mut self, slot: SlotIndex) {
        self.callsites.forget(slot);
        self.origins.forget(slot);
    }
}

impl<T> Known<T> {
    #[inline]
    fn get(&mut self, key: Key, read: impl FnOnce(Key) -> Option<T>) -> Option<&T> {
        let (slot, id) = key;
        // Processes that one master forked number the same definitions alike.
        let place = (id as usize).wrapping_add(slot.number() * 37) % AT_HAND;
        if !matches!(&self.at_hand[place], Some((known, _)) if *known == key) {
            self.at_hand[place] = Some((key, self.look_up(key, read)?));
        }
        self.at_hand[place].as_ref().map(|(_, definition)| &**definition)
    }

    #[cold]
    fn look_up(&mut self, key: Key, read: impl FnOnce(Key) -> Option<T>) -> Option<Arc<T>> {
        if let Some(known) = self.all.get(&key) {
            return Some(Arc::clone(known));
        }
        let definition = Arc::new(read(key)?);
        self.all.insert(key, Arc::clone(&definition));
        Some(definition)
    }

    fn forget(&mut self, slot: SlotIndex) {
        self.all.retain(|(of, _), _| *of != slot);
        self.at_hand.iter_mut().for_each(|known| _ = known.take_if(|((of, _), _)| *of == slot));
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { at_hand: (0..AT_HAND).map(|_| None).collect(), all: HashMap::new() }
    }
}

fn read(segment: &Segment, (slot, id): Key, bytes: &mut Vec<u8>) -> Option<Definition> {
    bytes.clear();
    if !segment.definition(slot, id, bytes) {
        return None;
    }
    codec::decode_definition(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_core::Timestamp;
    use logtree_os::{DefinitionWriter, ProcessIdentity, SegmentOptions};

    use super::*;

    fn define(writer: &mut DefinitionWriter, line: u32) -> u32 {
        writer.define(&codec::encode_callsite(&Callsite { line, ..Callsite::default() })).unwrap()
    }

    fn lines(of: &mut Definitions, segment: &Segment, slot: SlotIndex, ids: &[u32], origin: u32) -> Vec<u32> {
        ids.iter().map(|id| of.of_record(segment, slot, *id, origin).unwrap().0.line).collect()
    }

    #[test]
    fn each_record_gets_its_own_definitions() {
        let directory = tempfile::tempdir().unwrap();
        let segment = Segment::create(&directory.path().join("queues"), "all", &SegmentOptions::default()).unwrap();
        let process = segment.attach(&ProcessIdentity::current()).unwrap();
        let (slot, mut writer) = (process.slot(), process.definitions());
        let origin = writer.define(&codec::encode_origin(&Origin { process: 7, ..Origin::default() })).unwrap();
        // More than there are places at hand, so that they take turns.
        let all: Vec<u32> = (0..3 * AT_HAND as u32).collect();
        let ids: Vec<u32> = all.iter().map(|line| define(&mut writer, *line)).collect();
        let mut definitions = Definitions::default();
        for _ in 0..3 {
            assert_eq!(lines(&mut definitions, &segment, slot, &ids, origin), all);
        }
        let of_record = |definitions: &mut Definitions, callsite, origin| {
            definitions.of_record(&segment, slot, callsite, origin).map(|(_, origin)| origin.process)
        };
        assert_eq!(of_record(&mut definitions, ids[0], origin), Some(7));
        assert_eq!(of_record(&mut definitions, ids[0], ids[1]), None, "a callsite is no origin");
        assert_eq!(of_record(&mut definitions, origin, origin), None, "an origin is no callsite");
        assert_eq!(of_record(&mut definitions, 1, origin), None, "nobody defined it");
        // The slot becomes another process's, whose definitions have the same numbers.
        process.leave();
        assert!(segment.release_process(slot));
        let successor = segment.attach(&ProcessIdentity::current()).unwrap();
        assert_eq!(successor.slot(), slot);
        let mut writer = successor.definitions();
        let started = Timestamp(1);
        let origin_of = Origin { process: 8, started, ..Origin::default() };
        assert_eq!(writer.define(&codec::encode_origin(&origin_of)), Ok(origin));
        assert_eq!(define(&mut writer, 1000), ids[0]);
        definitions.forget(slot);
        let (callsite, found) = definitions.of_record(&segment, slot, ids[0], origin).unwrap();
        assert_eq!((callsite.line, found), (1000, &origin_of));
    }
}
