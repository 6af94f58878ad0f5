//! How many crates logtree brings to a program that has tracing-subscriber already.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that the facade needs on this machine and tracing-subscriber does not, but for logtree's own.
fn brought(features: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--package", "logtree", "--edges", "normal", "--prefix", "depth", "--no-dedupe", "--locked"]);
    let output = cargo.args(features).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();

    let (mut all, mut own) = (BTreeSet::new(), BTreeSet::new());
    let mut depth_of_subscriber = None;
    for line in tree.lines() {
        let digits = line.len() - line.trim_start_matches(|char: char| char.is_ascii_digit()).len();
        let depth: usize = line[..digits].parse().unwrap();
        let name = line[digits..].split(' ').next().unwrap().to_owned();
        depth_of_subscriber = depth_of_subscriber.filter(|of| depth > *of);
        if name == "tracing-subscriber" {
            depth_of_subscriber = Some(depth);
        }
        if depth_of_subscriber.is_some() {
            own.insert(name.clone());
        }
        all.insert(name);
    }
    assert!(own.contains("tracing-core"), "{own:?}");
    all.into_iter().filter(|name| !own.contains(name) && !name.starts_with("logtree")).collect()
}

#[test]
fn few_crates_come_by_default_and_fewer_without() {
    for (features, most) in [(&[][..], 45), (&["--no-default-features"], 20)] {
        let brought = brought(features);
        eprintln!("{} crates with {features:?}", brought.len());
        assert!(brought.len() <= most, "{} with {features:?}: {brought:?}", brought.len());
    }
}
