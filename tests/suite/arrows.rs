//! The arrows between the crates, as the design draws them: what a crate must never depend on, by whatever way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// For each crate, what it never depends on. A name with a star stands for all that begin so.
///
/// logtree-dictconfig and logtree-handlers know nothing of tracing, so that the tree can be built, checked and shown
/// without it; logtree-core knows nothing of the system, so that it can be reasoned about.
const NEVER: &[(&str, &[&str])] = &[
    ("logtree-core", &["tracing*", "libc", "rustix", "logtree-*"]),
    ("logtree-os", &["logtree-*", "tracing*"]),
    ("logtree-formatters", &["tracing*", "logtree-handlers", "logtree-os", "logtree-layer", "logtree-prefork"]),
    ("logtree-handlers", &["tracing*", "logtree-dictconfig", "logtree-layer", "logtree-prefork"]),
    ("logtree-layer", &["logtree-handlers", "logtree-formatters", "logtree-dictconfig", "logtree-prefork"]),
    ("logtree-dictconfig", &["tracing*", "logtree-prefork", "logtree-layer"]),
    ("logtree-prefork", &["tracing*", "logtree-dictconfig", "logtree-handlers", "logtree-formatters", "logtree-layer"]),
];

/// The one crate that may contain `unsafe` code.
const MAY_BE_UNSAFE: &str = "logtree-os";

#[test]
fn no_crate_depends_on_what_it_must_not() {
    let workspace = Workspace::read();
    let mut wrong = Vec::new();
    for (name, never) in NEVER {
        for dependency in workspace.reached_from(name) {
            if never.iter().any(|pattern| matches(pattern, &dependency)) {
                wrong.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The facade and the command stand on top: no crate below them needs either.
#[test]
fn nothing_depends_on_the_top() {
    let workspace = Workspace::read();
    let below = workspace.members.keys().filter(|name| name.starts_with("logtree-"));
    for name in below.filter(|name| !matches!(name.as_str(), "logtree-cli" | "logtree-bench" | "logtree-repository")) {
        let reached = workspace.reached_from(name);
        assert!(!reached.contains("logtree") && !reached.contains("logtree-cli"), "{name} depends on the top");
    }
}

#[test]
fn every_published_crate_but_the_top_has_its_rule() {
    let ruled: BTreeSet<_> = NEVER.iter().map(|(name, _)| *name).chain(["logtree", "logtree-cli"]).collect();
    let workspace = Workspace::read();
    let published = workspace.members.iter().filter(|(_, member)| member.published).map(|(name, _)| name.as_str());
    assert_eq!(published.collect::<BTreeSet<_>>(), ruled);
}

#[test]
fn unsafe_code_is_forbidden_in_all_crates_but_one() {
    let workspace = Workspace::read();
    let roots =
        workspace.members.iter().filter(|(name, _)| *name != MAY_BE_UNSAFE).flat_map(|(_, member)| &member.roots);
    let mut looked_at = 0;
    for root in roots {
        let text = std::fs::read_to_string(root).unwrap();
        assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{} forbids it not", root.display());
        looked_at += 1;
    }
    assert!(looked_at >= NEVER.len(), "only {looked_at} crate roots were found");
}

#[test]
fn patterns_match_what_they_name() {
    assert!(matches("tracing*", "tracing") && matches("tracing*", "tracing-core"));
    assert!(matches("libc", "libc") && !matches("libc", "libc-extra") && !matches("logtree-*", "logtree"));
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// What `cargo metadata` says, with all features on.
struct Workspace {
    members: BTreeMap<String, Member>,
    /// The dependencies of each package in builds for users: neither those of tests nor those of build scripts.
    edges: BTreeMap<String, Vec<String>>,
    names: BTreeMap<String, String>,
}

struct Member {
    id: String,
    published: bool,
    /// The first files of its library, programs and examples.
    roots: Vec<PathBuf>,
}

impl Workspace {
    fn read() -> Self {
        // One platform, so that nothing has to be fetched that no build here needs; on it, logtree is complete.
        let arguments = ["metadata", "--format-version", "1", "--all-features", "--locked"];
        let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).args(platform).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();

        let members = list(&metadata, "/workspace_members");
        let packages = list(&metadata, "/packages");
        let names = packages.iter().map(|package| (text(package, "/id"), text(package, "/name"))).collect();
        let of_workspace = packages.iter().filter(|package| members.contains(&package["id"]));
        let members = of_workspace.map(|package| (text(package, "/name"), Member::read(package))).collect();
        let nodes = list(&metadata, "/resolve/nodes");
        let edges = nodes.iter().map(|node| (text(node, "/id"), dependencies(node))).collect();
        Self { members, edges, names }
    }

    /// The names of all packages that this member needs, directly or not.
    fn reached_from(&self, member: &str) -> BTreeSet<String> {
        let start = &self.members.get(member).unwrap_or_else(|| panic!("there is no crate {member}")).id;
        let mut reached = BTreeSet::new();
        let mut to_visit = vec![start];
        while let Some(id) = to_visit.pop() {
            for dependency in &self.edges[id] {
                if reached.insert(dependency) {
                    to_visit.push(dependency);
                }
            }
        }
        reached.into_iter().map(|id| self.names[id].clone()).collect()
    }
}

impl Member {
    fn read(package: &Value) -> Self {
        let targets = list(package, "/targets");
        let kinds = ["lib", "bin", "example"].map(Value::from);
        let shipped = targets.iter().filter(|target| list(target, "/kind").iter().any(|kind| kinds.contains(kind)));
        let roots = shipped.map(|target| text(target, "/src_path").into()).collect();
        // `publish = false` is an empty list of registries.
        let published = package["publish"] != Value::Array(Vec::new());
        Self { id: text(package, "/id"), published, roots }
    }
}

fn dependencies(node: &Value) -> Vec<String> {
    let is_normal = |dependency: &&Value| list(dependency, "/dep_kinds").iter().any(|kind| kind["kind"].is_null());
    list(node, "/deps").iter().filter(is_normal).map(|dependency| text(dependency, "/pkg")).collect()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list {pointer} in {value}"))
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {pointer} in {value}")).to_owned()
}
