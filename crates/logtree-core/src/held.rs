//! Records that are held: they outlive the logging call that made them.

use crate::codec::{self, Encoded};
use crate::{Callsite, LevelNames, Origin, Record};

/// Records one behind the other, encoded, in memory that is used again: once it has grown to what is needed, holding a
/// record of a known callsite and thread allocates nothing.
///
/// ```
/// # use logtree_core::{Callsite, HeldRecords, Level, Origin, Record, Timestamp};
/// # let (callsite, origin) = (Callsite::default(), Origin::default());
/// # let record = Record::new(&callsite, &origin, Level::INFO, Timestamp(0), "held");
/// let mut held = HeldRecords::default();
/// held.push(&record);
/// held.for_each(|record| assert_eq!(record.message, "held"));
/// held.clear();
/// assert!(held.is_empty());
/// ```
#[derive(Debug, Default)]
pub struct HeldRecords {
    /// For each record its length, the place of its callsite, and what [`Encoded`] makes of it.
    bytes: Vec<u8>,
    len: usize,
    callsites: Definitions<Callsite>,
    /// By [`Callsite::index`] the place in `callsites` and one; 0 where it was not met yet.
    places: Vec<u32>,
    origins: Definitions<Origin>,
}

/// What stands before each record: its length and the place of its callsite.
const HEAD_BYTES: usize = 8 + 4;
/// What a burst needed is given back once it is over.
const KEPT_BYTES: usize = 1 << 20;
/// So many callsites or origins are kept for the records to come.
const KEPT_DEFINITIONS: usize = 4096;

impl HeldRecords {
    /// Takes a record in.
    pub fn push(&mut self, record: &Record<'_>) {
        self.push_within(record, usize::MAX);
    }

    /// How many bytes a record takes.
    pub fn bytes_of(record: &Record<'_>) -> usize {
        record.with_level_name(|record| HEAD_BYTES + length(&Encoded::new(record, 0)))
    }

    /// Takes a record in if it takes so many bytes at most; answers whether it did.
    pub fn push_within(&mut self, record: &Record<'_>, most_bytes: usize) -> bool {
        if record.level_names.added(record.level).is_some() {
            record.with_level_name(|record| self.push_standard(record, most_bytes))
        } else {
            self.push_standard(record, most_bytes)
        }
    }

    #[inline]
    fn push_standard(&mut self, record: &Record<'_>, most_bytes: usize) -> bool {
        let encoded = Encoded::new(record, self.origins.place(record.origin));
        let length = length(&encoded);
        if HEAD_BYTES + length > most_bytes {
            return false;
        }
        let callsite = self.callsite(record.callsite);
        self.bytes.reserve(HEAD_BYTES + length);
        self.bytes.extend_from_slice(&(length as u64).to_le_bytes());
        self.bytes.extend_from_slice(&callsite.to_le_bytes());
        // Most of a usual record's are empty, and each costs a call.
        let pieces = encoded.slices().into_iter().filter(|piece| !piece.is_empty());
        pieces.for_each(|piece| self.bytes.extend_from_slice(piece));
        self.len += 1;
        true
    }

    fn callsite(&mut self, callsite: &Callsite) -> u32 {
        let Some(index) = callsite.index.map(|index| index as usize) else { return self.callsites.place(callsite) };
        if let Some(place) = self.places.get(index).and_then(|place| place.checked_sub(1)) {
            return place;
        }
        let place = self.callsites.push(callsite);
        if self.places.len() <= index {
            self.places.resize(index + 1, 0);
        }
        self.places[index] = place + 1;
        place
    }

    /// Lends every record, the oldest first.
    pub fn for_each(&self, mut use_it: impl FnMut(&Record<'_>)) {
        let mut rest = self.bytes.as_slice();
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let [l0, l1, l2, l3, l4, l5, l6, l7, place @ ..] = *head;
            let length = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]) as usize;
            let Some((bytes, next)) = behind.split_at_checked(length) else { return };
            rest = next;
            let callsite = self.callsites.known.get(u32::from_le_bytes(place) as usize);
            let parts = codec::decode(bytes).ok();
            let origin = parts.and_then(|parts| self.origins.known.get(parts.origin as usize));
            if let (Some(parts), Some(callsite), Some(origin)) = (parts, callsite, origin) {
                use_it(&parts.into_record(callsite, origin, LevelNames::STANDARD));
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes they take.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the records and keeps the memory, unless it is much.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.len = 0;
        self.origins.trim();
        if self.callsites.trim() {
            self.places = Vec::new();
        }
    }
}

fn length(encoded: &Encoded<'_>) -> usize {
    encoded.slices().iter().map(|slice| slice.len()).sum()
}

/// The constant parts of records, each named by its place.
#[derive(Debug)]
struct Definitions<T> {
    known: Vec<T>,
    /// The place that was asked for last.
    last: usize,
}

impl<T> Default for Definitions<T> {
    fn default() -> Self {
        Self { known: Vec::new(), last: 0 }
    }
}

impl<T: Clone + PartialEq> Definitions<T> {
    /// The place of one that is the same. Only the latest are compared: to hold one twice does no harm.
    fn place(&mut self, wanted: &T) -> u32 {
        const COMPARED: usize = 32;
        if self.known.get(self.last).is_some_and(|known| known == wanted) {
            return self.last as u32;
        }
        let first = self.known.len().saturating_sub(COMPARED);
        match self.known[first..].iter().rposition(|known| known == wanted) {
            Some(at) => {
                self.last = first + at;
                self.last as u32
            }
            None => self.push(wanted),
        }
    }

    fn push(&mut self, wanted: &T) -> u32 {
        self.last = self.known.len();
        self.known.push(wanted.clone());
        self.last as u32
    }

    /// Forgets all of them if they are too many.
    fn trim(&mut self) -> bool {
        let is_too_many = self.known.len() > KEPT_DEFINITIONS;
        if is_too_many {
            *self = Self::default();
        }
        is_too_many
    }
}
