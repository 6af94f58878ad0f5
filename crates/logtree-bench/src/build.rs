//! The time of a clean release build: the hello-world of logtree's README beside the same with tracing-subscriber's fmt.
//!
//! Each is a package of its own in a temporary directory, outside of the workspace, with its profile as cargo makes it
//! and the versions of the workspace's lock file. They are built by turns, each time into an empty directory. Nothing is
//! fetched while the clock runs.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::round::quantile;

/// By which it is called beside the cases.
pub(crate) const NAME: &str = "build";

/// A program, and what it depends on besides `tracing`.
struct Package {
    name: &'static str,
    /// A line of its manifest; `PATH` stands for the directory of logtree's crate.
    dependency: &'static str,
    main: &'static str,
    /// At most so many times as long as fmt's is its build to take.
    target: Option<f64>,
}

/// The first is what the others are divided by.
const PACKAGES: [Package; 3] = [
    Package { name: "tracing-subscriber", dependency: "tracing-subscriber = \"0.3\"", main: HELLO_FMT, target: None },
    Package { name: "logtree", dependency: "logtree = { path = PATH }", main: HELLO_LOGTREE, target: Some(3.0) },
    Package {
        name: "logtree without default features",
        dependency: "logtree = { path = PATH, default-features = false }",
        main: HELLO_LOGTREE,
        target: Some(3.0),
    },
];

const HELLO_LOGTREE: &str = include_str!("../../../examples/hello/main.rs");

/// The same events.
const HELLO_FMT: &str = r#"
use tracing::{info, warn};

fn main() {
    tracing_subscriber::fmt().init();
    info!(target: "shop::orders", order = 17, "paid");
    warn!(target: "shop::stock", item = "green tea", left = 2, "running low");
}
"#;

/// What a build took.
#[derive(Clone, Copy)]
struct Took {
    clock_s: f64,
    processor_s: f64,
}

/// The table, after so many builds of each.
///
/// # Errors
/// If cargo has not what it needs, or a build fails.
pub(crate) fn table(rounds: usize) -> Result<String, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let homes = [0, 1, 2].map(|number| directory.path().join(number.to_string()));
    for (package, home) in PACKAGES.iter().zip(&homes) {
        make(package, home)?;
        run(cargo(home).arg("fetch"))?;
    }
    let mut took: [Vec<Took>; PACKAGES.len()] = Default::default();
    for _ in 0..rounds {
        for (took, home) in took.iter_mut().zip(&homes) {
            took.push(build(home)?);
        }
    }

    let mut out = format!(
        "\n## a clean release build of the hello-world\n\nThe README's program, and the same events with fmt; \
         {rounds} builds of each by turns, of which these are the medians. Processor seconds are those of cargo, rustc and the \
         linker together. Crates are all that are built, proc macros too.\n\n\
         |  | crates | s | processor s | times fmt's |\n| --- | ---: | ---: | ---: | --- |\n"
    );
    for ((package, home), ours) in PACKAGES.iter().zip(&homes).zip(&took) {
        let ratio = |of: fn(&Took) -> f64| median(ours.iter().zip(&took[0]).map(|(ours, fmt)| of(ours) / of(fmt)));
        let ratio = match package.target {
            Some(target) => format!(
                "× **{:.2}**, target ≤ {target}; × {:.2} of processors",
                ratio(|took| took.clock_s),
                ratio(|took| took.processor_s)
            ),
            None => String::new(),
        };
        writeln!(
            out,
            "| {} | {} | {:.1} | {:.1} | {ratio} |",
            package.name,
            crates(home)?,
            median(ours.iter().map(|took| took.clock_s)),
            median(ours.iter().map(|took| took.processor_s)),
        )?;
    }
    Ok(out)
}

/// Writes the package into an empty directory.
fn make(package: &Package, home: &Path) -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A string of JSON is one of TOML.
    let path = serde_json::to_string(&workspace.join("crates/logtree").canonicalize()?)?;
    let dependency = package.dependency.replace("PATH", &path);
    // The empty table keeps cargo from looking for a workspace above.
    let manifest = format!(
        "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\ntracing = \"0.1\"\n{dependency}\n\n[workspace]\n"
    );
    fs::create_dir_all(home.join("src"))?;
    fs::write(home.join("Cargo.toml"), manifest)?;
    fs::write(home.join("src/main.rs"), package.main)?;
    // cargo takes from it what the package needs.
    fs::copy(workspace.join("Cargo.lock"), home.join("Cargo.lock"))?;
    Ok(())
}

/// Cargo in the directory, without what the caller's environment would change in the build.
fn cargo(home: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(home).stdout(Stdio::null());
    let spoiling =
        ["CARGO_TARGET_DIR", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];
    for name in spoiling {
        cargo.env_remove(name);
    }
    cargo
}

/// Waits for the command. What it said is shown only if it fails.
fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.stderr(Stdio::piped()).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

fn build(home: &Path) -> Result<Took, Box<dyn Error>> {
    let target = home.join("target");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let (start, before_s) = (Instant::now(), children_s()?);
    run(cargo(home).args(["build", "--release", "--offline", "--locked"]))?;
    let took = Took { clock_s: start.elapsed().as_secs_f64(), processor_s: children_s()? - before_s };
    if !target.join("release/hello").exists() {
        return Err("nothing was built".into());
    }
    Ok(took)
}

/// The processor time of all children that have ended, and of theirs: the fields 16 and 17 of proc_pid_stat(5), in ticks,
/// of which Linux tells programs that there are a hundred a second.
fn children_s() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses, which may contain anything.
    let (_, fields) = stat.rsplit_once(") ").ok_or("no name in /proc/self/stat")?;
    let ticks = fields.split(' ').skip(13).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}

/// How many crates the program is built of, itself and proc macros included.
fn crates(home: &Path) -> Result<usize, Box<dyn Error>> {
    let mut tree = cargo(home);
    tree.args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"]);
    let output = tree.stdout(Stdio::piped()).output()?;
    let lines = String::from_utf8(output.stdout)?;
    let names: std::collections::BTreeSet<_> =
        lines.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>()).collect();
    Ok(names.len())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&mut values.collect::<Vec<_>>(), 0.5)
}
