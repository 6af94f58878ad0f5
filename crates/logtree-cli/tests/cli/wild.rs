//! The configs met in the wild, through `logtree emit` and through CPython, as far as what they name is there on both
//! sides: `wild.jsonl`, written by `wild.py`.

use std::process::Command;

use serde_json::Value as Json;

use crate::differential::Compared;

const CORPUS: &str = include_str!("wild.jsonl");

#[test]
fn configs_of_the_wild_write_what_they_write_under_cpython() {
    let is_whole = |line: &&str| serde_json::from_str::<Json>(line).unwrap()["is_whole"] == true;
    assert!(CORPUS.lines().filter(is_whole).count() >= 8);
    assert_eq!(Compared::of(CORPUS).the_same(), 23);
}

/// Where there are the packages whose classes they name, CPython is asked again.
#[test]
fn the_wild_is_cpythons() {
    let python =
        |arguments: &[&str]| Command::new("python3.13").args(arguments).env("PYENV_VERSION", "3.13.0").output();
    let packages = "['colorlog', 'uvicorn', 'django', 'python-json-logger']";
    let versions = format!("import importlib.metadata as m; print(*[m.version(x) for x in {packages}])");
    let has_them = python(&["-c", &versions]).is_ok_and(|output| output.stdout == b"6.12.0 0.54.0 6.1.3 4.2.0\n");
    if !has_them {
        println!("no CPython 3.13 with {packages} here: the corpus was used as it is");
        return;
    }
    let output = python(&["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/wild.py")]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap() == CORPUS, "run wild.py again");
}
