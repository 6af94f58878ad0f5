//! The interpreter that the corpora come from, and their cases.

use std::path::Path;
use std::process::Command;

use logtree_core::{Argument, Kwargs};
use serde_json::Value as Json;

/// A CPython 3.13, if there is one.
pub(crate) fn python() -> Option<Command> {
    let command = |name: &str| {
        let mut command = Command::new(name);
        // A version manager's shim asks for it; nobody else minds.
        command.env("PYENV_VERSION", "3.13.0").env("PYTHONUTF8", "1");
        command
    };
    let is_right = |name: &&&str| {
        let version = command(name).args(["-c", "import sys; print(sys.version_info[:2])"]).output();
        version.is_ok_and(|output| output.status.success() && output.stdout == b"(3, 13)\n")
    };
    ["python3.13", "python3"].iter().find(is_right).map(|name| command(name))
}

/// The cases of a corpus, one a line; where there is a CPython 3.13, it must write the same one.
pub(crate) fn cases(script: &str, corpus: &str) -> Vec<Json> {
    match python() {
        Some(mut python) => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/handlers").join(script);
            let output = python.arg(&script).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stdout == corpus.as_bytes(), "{} prints another corpus than the one here", script.display());
        }
        None => println!("no CPython 3.13: {script} is not run, its corpus is taken as it is"),
    }
    corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A JSON object as the arguments of a class.
pub(crate) fn kwargs(class: &str, arguments: &Json, attributes: Vec<(String, Argument)>) -> Kwargs {
    let arguments = arguments.as_object().unwrap().iter().map(|(name, value)| (name.clone(), argument(value)));
    Kwargs::new(format!("{class}.__init__()"), arguments.collect()).of_entry("h", attributes)
}

fn argument(json: &Json) -> Argument {
    match json {
        Json::Null => Argument::None,
        Json::Bool(value) => Argument::Bool(*value),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Argument::Float(number.as_f64().unwrap()), Argument::Int)
        }
        Json::String(text) => Argument::Str(text.clone()),
        Json::Array(items) => Argument::List(items.iter().map(argument).collect()),
        Json::Object(_) => panic!("no argument of any case: {json}"),
    }
}
