//! Texts of a format and what Python's own reader makes of them, drawn by a script with a fixed seed.

use serde_json::Value;

use crate::format::SyntaxError;
use crate::node::Node;

#[path = "../tests/dictconfig/drawn.rs"]
mod drawn;
pub(crate) use drawn::draw_again;

/// A kind of texts that is answered otherwise than in Python, and why.
pub(crate) type Chosen = (fn(&str) -> bool, &'static str);

/// Compares what is read with what Python reads. `accepted` and `refused` are what is so by choice.
pub(crate) fn compare(
    corpus: &str,
    parse: impl Fn(&str) -> Result<Node, SyntaxError>,
    accepted: &[Chosen],
    refused: &[Chosen],
) {
    let is_chosen = |kinds: &[Chosen], text: &str| kinds.iter().any(|(is_of, _)| is_of(text));
    let mut differing = Vec::new();
    for line in corpus.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        let ours = parse(text);
        let is_same = match (&case["value"], &ours) {
            (Value::String(value), Ok(node)) => node.repr() == *value,
            (Value::String(_), Err(_)) => is_chosen(refused, text),
            (Value::Null, Ok(_)) => is_chosen(accepted, text),
            (_, ours) => ours.is_err(),
        };
        if !is_same {
            let ours = ours.map(|node| node.repr()).map_err(|error| error.message);
            differing.push(format!("{text:?}\n  Python {}\n  logtree {ours:?}", case["value"]));
        }
    }
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}
