//! The copies that are broken on purpose: too long to run here, but a change may not take away what is to be broken.

use std::path::Path;
use std::process::Command;

#[test]
fn each_break_finds_its_place() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/logtree-prefork/tests/broken/run.py");
    match Command::new("python3").arg(script).arg("--check").output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("skipped: python3: {error}"),
    }
}
