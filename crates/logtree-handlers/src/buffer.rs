//! Buffers that are reused from record to record.

use std::cell::Cell;

thread_local! {
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What one enormous record needed is not kept for all that follow.
const KEPT_BYTES: usize = 64 * 1024;

/// Lends an empty string to `use_it`, that of this thread if it is free.
///
/// The thread has given its string away as long as it is lent: a formatter that logs gets another, and one that panics
/// takes the string with it. A thread that is ending gets a new one.
pub(crate) fn with_text<R>(use_it: impl FnOnce(&mut String) -> R) -> R {
    let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
    text.clear();
    let result = use_it(&mut text);
    if text.capacity() <= KEPT_BYTES {
        // A thread that is ending does not need it again.
        let _ = TEXT.try_with(|kept| kept.set(text));
    }
    result
}

/// Lends an empty vector to `use_it`, as [`with_text`] does a string.
pub(crate) fn with_bytes<R>(use_it: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut bytes = BYTES.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    let result = use_it(&mut bytes);
    if bytes.capacity() <= KEPT_BYTES {
        let _ = BYTES.try_with(|kept| kept.set(bytes));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_while_it_is_lent_gets_another() {
        with_text(|outer| {
            outer.push_str("outer");
            with_text(|inner| {
                assert_eq!(inner, "");
                inner.push_str("inner");
            });
            assert_eq!(outer, "outer");
        });
    }

    #[test]
    fn it_is_reused_unless_it_grew_huge() {
        let first = with_text(|text| {
            text.push_str("some");
            text.as_ptr()
        });
        assert_eq!(with_text(|text| text.as_ptr()), first);
        with_text(|text| text.reserve(2 * KEPT_BYTES));
        assert!(with_text(|text| text.capacity()) <= KEPT_BYTES);
    }
}
