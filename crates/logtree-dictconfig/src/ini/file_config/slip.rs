//! What the hand did where a config is not what was meant: what CPython says, or does, tells nobody.

use std::collections::{BinaryHeap, HashSet};

use super::{HANDLER_OPTIONS, Name, Translation, split};
use crate::node::{Entry, Kind, Node, Span};
use crate::python::trim;
use crate::suggest;

/// In a text of more sections than this none is guessed.
const MOST_SECTIONS: usize = 100;

impl Translation<'_> {
    /// Warns of `('app.log', 1000000, 5)`: Python takes the size as the mode, which does not matter to it here.
    pub(super) fn warn_of_mode(&mut self, section: &str, span: Span, arguments: &[Entry]) {
        let mode = arguments.iter().find(|argument| argument.key.as_str() == Some("mode"));
        if let Some(Node { kind: Kind::Int(mode), .. }) = mode.map(|argument| &argument.value) {
            let message = format!("{mode} is taken as the mode in which the file is opened");
            self.warn(section, "args", span, message);
            self.expected("filename, mode, maxBytes, backupCount");
        }
    }

    /// A section that is perhaps that of a name, as no other name in the list of keys has it.
    pub(super) fn meant_section(&self, prefix: &str, name: &Name) -> Option<String> {
        let keys = self.ini.raw(&format!("{}s", prefix.trim_end_matches('_')), "keys")?;
        // Each is looked at for each name that has none.
        if self.ini.names().count() > MOST_SECTIONS || keys.text.len() > MOST_SECTIONS * MOST_SECTIONS {
            return None;
        }
        let listed: HashSet<String> = split(&keys).into_iter().map(|name| format!("{prefix}{}", name.text)).collect();
        let free = self.ini.names().map(|(section, _)| section).filter(|section| !listed.contains(*section));
        // As in `unused`.
        let free = free.collect::<BinaryHeap<&str>>().into_sorted_vec();
        let own: Vec<&str> = free.iter().filter_map(|section| section.strip_prefix(prefix)).collect();
        let close = suggest::closest(&name.text, &own).map(|own| format!("{prefix}{own}"));
        close.or_else(|| suggest::closest(&format!("{prefix}{}", name.text), &free).map(str::to_owned))
    }

    /// Says of a value that goes on with what looks like the next option why that is so.
    pub(super) fn expected_by_indent(&mut self, text: &str) {
        let name = |line: &'_ str| line.split_once(['=', ':']).map(|(name, _)| trim(name).to_lowercase());
        let is_option = |name: String| HANDLER_OPTIONS.contains(&&*name);
        if text.lines().skip(1).filter_map(name).any(is_option) {
            self.expected(
                "no space before the name of the next option: a line that is indented goes on with this value",
            );
        }
    }
}
