//! What the parser reads from.

use granit_parser::{BorrowedInput, Input, StrInput};

/// A text whose characters are fetched by calls. The parser is compiled for what it reads from and does so in some hundred
/// places, in each of which the code of [`StrInput`] would stand: a config is not worth that.
pub(super) struct Text<'t>(StrInput<'t>);

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(StrInput::new(text))
    }
}

impl Input for Text<'_> {
    #[inline(never)]
    fn lookahead(&mut self, count: usize) {
        self.0.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.0.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.0.bufmaxlen()
    }

    fn byte_offset(&self) -> Option<usize> {
        self.0.byte_offset()
    }

    // The default takes a NUL for the end of the text.
    #[inline(never)]
    fn next_is_z(&self) -> bool {
        self.0.next_is_z()
    }

    #[inline(never)]
    fn raw_read_ch(&mut self) -> char {
        self.0.raw_read_ch()
    }

    #[inline(never)]
    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.0.raw_read_non_breakz_ch()
    }

    #[inline(never)]
    fn skip(&mut self) {
        self.0.skip();
    }

    #[inline(never)]
    fn skip_n(&mut self, count: usize) {
        self.0.skip_n(count);
    }

    #[inline(never)]
    fn peek(&self) -> char {
        self.0.peek()
    }

    #[inline(never)]
    fn peek_nth(&self, n: usize) -> char {
        self.0.peek_nth(n)
    }

    #[inline(never)]
    fn slice_bytes(&self, start: usize, end: usize) -> Option<&str> {
        self.0.slice_bytes(start, end)
    }
}

impl<'t> BorrowedInput<'t> for Text<'t> {
    #[inline(never)]
    fn slice_borrowed(&self, start: usize, end: usize) -> Option<&'t str> {
        self.0.slice_borrowed(start, end)
    }
}

#[cfg(test)]
mod tests {
    use granit_parser::Parser;
    use proptest::prelude::*;

    use super::*;

    /// Up to the first error, behind which there is nothing to read.
    fn events<'t>(input: impl BorrowedInput<'t>) -> Vec<String> {
        let mut is_whole = true;
        let events = Parser::new(input).take_while(|event| std::mem::replace(&mut is_whole, event.is_ok()));
        events.map(|event| format!("{event:?}")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn the_parser_reads_what_it_reads_from_a_str(text in "([-?:] |[a-z0-9é😀]{1,4}|[-?:,\\[\\]{}#&*!|>'\"%@`.~<=_/\\\\]|\n *| |\t|\r\n|\0|\u{1}|\u{feff}){0,24}") {
            prop_assert_eq!(events(Text::new(&text)), events(StrInput::new(&text)));
        }
    }
}
