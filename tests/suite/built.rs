//! The examples, as `cargo test` builds them before it runs these tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The program of an example.
///
/// # Panics
/// If it is not built, or older than its sources: `cargo test --test suite` builds the tests alone.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let advice = format!("build it: cargo build --example {name}");
    let built = modified(&program).unwrap_or_else(|error| panic!("{}: {error}; {advice}", program.display()));
    // Cargo writes beside a program what it was made of, in the form of a rule for make.
    let rule = fs::read_to_string(program.with_extension("d")).unwrap();
    let (_, sources) = rule.trim_end().split_once(": ").unwrap();
    for source in sources.replace("\\ ", "\0").split(' ').map(|source| source.replace('\0', " ")) {
        let is_newer = modified(Path::new(&source)).is_ok_and(|modified| modified > built);
        assert!(!is_newer, "{source} is newer than {}; {advice}", program.display());
    }
    program
}
