//! What is read is what PyYAML reads: some 4000 texts.

use crate::corpus::{self, Chosen};

const CORPUS: &str = include_str!("../../tests/data/yaml.jsonl");

/// What PyYAML does not read and logtree does. DIFFERENCE, each of them.
const ACCEPTED: &[Chosen] = &[
    (|text| text.contains('\t'), "a tab may stand between tokens, and in a plain scalar"),
    (|text| super::parse(text).unwrap().repr().contains("None: "), "a key that is not there is null"),
    (|text| text.starts_with("..."), "a document may end before it begins"),
    (|text| text.starts_with('%'), "the name of a directive that nobody knows may be anything"),
    (|text| text.starts_with("|\n"), "a block scalar that is the whole document need not be indented"),
    (|text| text.contains("<<: *line,...\n"), "three dots inside a line are no mark"),
    (|text| text == "[!]", "a tag may end at a bracket"),
];

/// What PyYAML reads and logtree does not. DIFFERENCE, each of them.
const REFUSED: &[Chosen] = &[
    (|text| text.contains(['\u{85}', '\u{2028}']), "they end a line in YAML 1.1, and none in 1.2"),
    (|text| text.starts_with("!!omap") || text.starts_with("!!pairs"), "a list of pairs"),
    (|text| text.contains("[?"), "a question mark before a scalar in brackets"),
    (|text| text == "[-]", "a scalar that is an indicator"),
    (|text| text.contains("[# x"), "a comment without a space before it"),
    (|text| ["&x:", "&a:", "&evel:"].iter().any(|name| text.contains(name)), "an anchor that a colon follows at once"),
    (|text| text.contains("formatters:\n|\n"), "a block scalar that stands no deeper than its key"),
];

#[test]
fn what_is_read_is_what_pyyaml_reads() {
    corpus::compare(CORPUS, super::parse, ACCEPTED, REFUSED);
}

#[test]
fn the_corpus_is_what_pyyaml_says_today() {
    corpus::draw_again("yaml_corpus.py", "import yaml; assert yaml.__version__ == '6.0.4'", CORPUS);
}
