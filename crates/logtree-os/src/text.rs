//! The segment's text: what the listener needs to know of its config, for itself and for `logtree stat`.

use crate::layout::{TEXT_BYTES, TextArea};
use crate::segment::Segment;
use crate::sync::{Ordering, fence};

/// The longest text of a segment.
pub const MAX_TEXT_BYTES: usize = TEXT_BYTES;

/// How often a reader that was overtaken by writers tries again.
const ATTEMPTS: usize = 8;

impl Segment {
    /// Replaces the text; `false`, and nothing done, if it is longer than [`MAX_TEXT_BYTES`]. Two processes must not do so
    /// at once: the caller holds the claim.
    pub fn set_text(&self, text: &[u8]) -> bool {
        if text.len() > TEXT_BYTES {
            return false;
        }
        let turn = &self.head().header.life.text_turn;
        let next = turn.load(Ordering::Relaxed).wrapping_add(1);
        let area = self.text_area(next);
        // A reader of the text before last, overtaken here, sees the turn of the last one too and starts over.
        fence(Ordering::Release);
        area.length.store(text.len() as u32, Ordering::Relaxed);
        for (to, &byte) in area.bytes.iter().zip(text) {
            to.store(byte, Ordering::Relaxed);
        }
        turn.store(next, Ordering::Release);
        true
    }

    /// The text, empty at first; `None` if it is being replaced faster than it can be read.
    #[must_use]
    pub fn text(&self) -> Option<Vec<u8>> {
        let turn = &self.head().header.life.text_turn;
        (0..ATTEMPTS).find_map(|_| {
            let before = turn.load(Ordering::Acquire);
            let area = self.text_area(before);
            let length = area.length.load(Ordering::Relaxed) as usize;
            let bytes = area.bytes.iter().take(length);
            let text = bytes.map(|byte| byte.load(Ordering::Relaxed)).collect();
            // The area was intact while the turn stood still: the writer fills the other one.
            fence(Ordering::Acquire);
            (turn.load(Ordering::Relaxed) == before).then_some(text)
        })
    }

    fn text_area(&self, turn: u64) -> &TextArea {
        &self.head().texts[(turn & 1) as usize]
    }
}
