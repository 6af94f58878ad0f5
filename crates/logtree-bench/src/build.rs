//! The time of a clean release build: the hello-world of logtree's README beside the same with tracing-subscriber's fmt.
//!
//! Each is a package of its own in a temporary directory, outside of the workspace, with its profile as cargo makes it
//! and the versions of the workspace's lock file. They are built by turns, each time into an empty directory. Nothing is
//! fetched while the clock runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::round::quantile;

/// By which it is called beside the cases.
pub(crate) const NAME: &str = "build";

const TITLE: &str = "a clean release build of the hello-world";

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

/// The table, after so many builds of each; and, where a target is missed, which crates take the time.
///
/// # Errors
/// If cargo has not what it needs, or a build fails.
pub(crate) fn table(rounds: usize) -> Result<(String, String), Box<dyn Error>> {
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
        "\n## {TITLE}\n\nThe README's program, and the same events with fmt; \
         {rounds} builds of each by turns, of which these are the medians. Processor seconds are those of cargo, rustc and the \
         linker together. Crates are all that are built, proc macros too.\n\n\
         |  | crates | s | processor s | times fmt's |\n| --- | ---: | ---: | ---: | --- |\n"
    );
    let mut missed = String::new();
    for ((package, home), ours) in PACKAGES.iter().zip(&homes).zip(&took) {
        let of_fmts = |of: fn(&Took) -> f64| median(ours.iter().zip(&took[0]).map(|(ours, fmt)| of(ours) / of(fmt)));
        let [clock, processors] = [of_fmts(|took| took.clock_s), of_fmts(|took| took.processor_s)];
        let ratio = match package.target {
            Some(target) => format!("× **{clock:.2}**, target ≤ {target}; × {processors:.2} of processors"),
            None => String::new(),
        };
        let name = package.name;
        writeln!(
            out,
            "| {name} | {} | {:.1} | {:.1} | {ratio} |",
            crates(home)?,
            median(ours.iter().map(|took| took.clock_s)),
            median(ours.iter().map(|took| took.processor_s)),
        )?;
        if let Some(target) = package.target.filter(|target| clock > *target) {
            writeln!(missed, "\n### {TITLE}; {name}: × **{clock:.2}** where at most {target} is due\n")?;
            write!(missed, "{TRIED}\n\n{}", whose(&by_crate(home)?, &by_crate(&homes[0])?))?;
        }
    }
    Ok((out, missed))
}

/// What was tried, and why it is missed still.
const TRIED: &str = "A config can name each class, so that all of them are in each program, and most of the time is LLVM's with \
    logtree's own. Tried: one type where maps, sorts and the code that drops were compiled for several; errors and nodes in boxes; \
    of rustix what is needed alone; arguments that are read by functions and not by generic ones. Each took some parts of a \
    hundred away. Not tried, as it would be paid for at each build of a program: code that is compiled where it is used.";

/// Whose the processor seconds of a build are, beside fmt's.
fn whose(ours: &BTreeMap<String, f64>, fmts: &BTreeMap<String, f64>) -> String {
    let (own, others): (Vec<_>, Vec<_>) = ours.iter().partition(|(name, _)| name.starts_with("logtree"));
    let (shared, more): (Vec<_>, Vec<_>) = others.into_iter().partition(|(name, _)| fmts.contains_key(*name));
    let row = |what: &str, mut crates: Vec<(&String, &f64)>| {
        crates.sort_by(|one, other| other.1.total_cmp(one.1));
        let sum: f64 = crates.iter().map(|(_, seconds)| *seconds).sum();
        let parts = crates.iter().filter(|(_, seconds)| **seconds >= 0.1);
        let parts: Vec<_> = parts.map(|(name, seconds)| format!("{name} {seconds:.1}")).collect();
        format!("| {what} | {sum:.1} | {} |\n", parts.join(", "))
    };
    let rows = [
        row("logtree's own", own),
        row("what it needs besides fmt's", more),
        row("what it shares with fmt", shared),
        row("fmt's whole build", fmts.iter().collect()),
    ];
    format!("|  | processor s | of which |\n| --- | ---: | --- |\n{}", rows.concat())
}

/// Under this name rustc's wrapper is told which file to add to.
pub(crate) const TIMES: &str = "LOGTREE_BENCH_TIMES";

/// The processor time of each crate, in a build by itself.
fn by_crate(home: &Path) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let times = home.join("times");
    // Of a build before.
    let _ = fs::remove_file(&times);
    build_by(cargo(home).env("RUSTC_WRAPPER", std::env::current_exe()?).env(TIMES, &times), home)?;
    let mut by_crate = BTreeMap::new();
    for line in fs::read_to_string(&times)?.lines() {
        let (name, seconds) = line.split_once(' ').ok_or("no time")?;
        // Build scripts are all called the same.
        *by_crate.entry(name.to_owned()).or_default() += seconds.parse::<f64>()?;
    }
    Ok(by_crate)
}

/// Compiles a crate as cargo's `RUSTC_WRAPPER`: the arguments are rustc and its own.
///
/// # Errors
/// If rustc cannot be run, or the file not be added to.
pub(crate) fn compile(times: &OsStr) -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let (rustc, arguments) = arguments.split_first().ok_or("no rustc")?;
    let status = Command::new(rustc).args(arguments).status()?;
    let name = arguments.iter().skip_while(|argument| *argument != "--crate-name").nth(1);
    // Without one rustc is only asked which it is.
    if let Some(name) = name.and_then(|name| name.to_str()) {
        let line = format!("{name} {}\n", children_s()?);
        File::options().append(true).create(true).open(times)?.write_all(line.as_bytes())?;
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    build_by(&mut cargo(home), home)
}

fn build_by(cargo: &mut Command, home: &Path) -> Result<Took, Box<dyn Error>> {
    let target = home.join("target");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let (start, before_s) = (Instant::now(), children_s()?);
    run(cargo.args(["build", "--release", "--offline", "--locked"]))?;
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
