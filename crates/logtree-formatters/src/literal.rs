//! Text that stands in a format as it is.

/// Text of a format.
///
/// Between fields it is short. Short text is copied with the rest of its block, which is taken off again: a copy of
/// constant size is a move or two, any other is a call.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    /// The text; blanks behind it up to the block's end, unless it is longer.
    block: Box<str>,
    length: usize,
}

/// In bytes: what one register holds.
const BLOCK: usize = 16;

impl Literal {
    pub(crate) fn new(text: &str) -> Self {
        let blanks = BLOCK.saturating_sub(text.len());
        Self { block: format!("{text}{:blanks$}", "").into(), length: text.len() }
    }

    /// Appends the text.
    #[inline]
    pub(crate) fn push(&self, out: &mut String) {
        let end = out.len() + self.length;
        if self.block.len() == BLOCK {
            out.push_str(&self.block);
            out.truncate(end);
        } else {
            out.push_str(&self.block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_length_is_appended_and_nothing_else() {
        for length in 0..40 {
            for char in ["x", "é", "가", "😀"] {
                let text = char.repeat(length);
                let mut out = String::from("before ");
                Literal::new(&text).push(&mut out);
                assert_eq!(out, format!("before {text}"));
            }
        }
    }
}
