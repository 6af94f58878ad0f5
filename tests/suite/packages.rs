//! What goes to crates.io.

use std::path::Path;
use std::process::Command;

/// The largest had 420 KiB when this was written. What CPython says to our tests had megabytes.
const MOST_BYTES: u64 = 800_000;

#[test]
fn packages_have_their_licences_and_no_tests() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut looked_at = 0;
    for directory in std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path()) {
        let name = directory.file_name().unwrap().to_str().unwrap();
        if name == "logtree-bench" {
            continue;
        }
        let mut cargo = Command::new(env!("CARGO"));
        let output =
            cargo.args(["package", "--list", "--allow-dirty", "--offline"]).current_dir(&directory).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let files: Vec<_> = text.lines().collect();
        for wanted in ["LICENSE-APACHE", "LICENSE-MIT", "Cargo.toml"] {
            assert!(files.contains(&wanted), "{name} is packaged without {wanted}");
        }
        let of_tests = files.iter().find(|file| file.starts_with("tests/") || file.starts_with("benches/"));
        assert_eq!(of_tests, None, "{name}");
        // Some of them cargo writes itself.
        let bytes = |file: &&str| std::fs::metadata(directory.join(file)).map_or(0, |metadata| metadata.len());
        let bytes: u64 = files.iter().map(bytes).sum();
        assert!(bytes < MOST_BYTES, "{name} is packaged with {bytes} bytes");
        if ["logtree", "logtree-cli"].contains(&name) {
            assert!(files.contains(&"README.md"), "{name} is packaged without a README");
        }
        looked_at += 1;
    }
    assert_eq!(looked_at, 9);
}
