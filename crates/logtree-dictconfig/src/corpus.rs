//! Texts of a format and what Python's own reader makes of them, drawn by a script with a fixed seed.
//!
//! Where CPython 3.13 and what the script imports are at hand, the corpus is drawn again and must be the same; elsewhere
//! it is used as it is.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::format::SyntaxError;
use crate::node::Node;

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

/// Draws the corpus again, if Python and what `probe` asks for are there.
pub(crate) fn draw_again(script: &str, probe: &str, corpus: &str) {
    let python = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        // A version manager's shim asks for the variable; nobody else minds.
        command.args(arguments).env("PYENV_VERSION", "3.13.0").stderr(Stdio::null()).output()
    };
    let probe = format!("import sys; assert sys.version_info[:2] == (3, 13); {probe}");
    let is_right = |program: &&str| python(program, &["-c", &probe]).is_ok_and(|output| output.status.success());
    let said = match ["python3.13", "python3"].iter().find(|program| is_right(program)) {
        Some(program) => {
            let script = format!("{}/tests/dictconfig/{script}", env!("CARGO_MANIFEST_DIR"));
            let drawn = python(program, &[&script]).unwrap();
            assert!(drawn.status.success() && drawn.stdout == corpus.as_bytes(), "{script} draws another corpus here");
            format!("{script}: drawn again, and the same\n")
        }
        None => format!("{script}: what it needs is not here, so that the corpus was used as it is\n"),
    };
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
}
