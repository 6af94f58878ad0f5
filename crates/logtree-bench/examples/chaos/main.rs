//! What stands in the log when processes are killed at random: logtree and what users would take instead, in one harness.
//!
//! ```text
//! cargo run --release -p logtree-bench --example chaos                            # 1,000 kills of each
//! cargo run --release -p logtree-bench --example chaos -- --kills 100 --only logtree --seed 7
//! cargo test --release -p logtree-bench --test chaos                              # the short form
//! ```
//!
//! A round is a master with workers that log in bursts. Workers, the listener and its standby are killed by SIGKILL or stopped
//! for a moment at random; the master forks new workers, at times many at once; once in a round the disk is full (a tmpfs of
//! its own, for root); each third round ends with the death of all, and a process that comes after them. What is published
//! a worker marks, when the logging call has returned, in a file that is in memory; what stands in the log is compared
//! byte for byte.
//!
//! It fails if logtree has torn, repeated or lost one record.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod contestant;
mod random;
mod storm;
mod verdict;

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Parser;

use self::contestant::{Kind, Run};
use self::random::Random;
use self::storm::{Kills, Round, python};
use self::verdict::Verdict;

#[derive(Debug, Parser)]
struct Args {
    /// How many processes of each contestant are killed.
    #[arg(long, default_value_t = 1000)]
    kills: u32,
    /// The contestants that take part; all without it.
    #[arg(long)]
    only: Vec<Kind>,
    #[command(flatten)]
    run: Run,
    /// Is the master of a contestant.
    #[arg(long, hide = true)]
    master: Option<Kind>,
    /// Comes after all were killed.
    #[arg(long, hide = true)]
    heir: bool,
    /// Has a file system of its own for its files.
    #[arg(long, hide = true)]
    has_disk: bool,
    /// What the runner of tests says.
    #[arg(long, hide = true)]
    quiet: bool,
}

/// So many kills a round has.
const KILLS_A_ROUND: u32 = 50;
const DISK_BYTES: &str = "512m";

pub(crate) fn main() -> ExitCode {
    let mut args = Args::parse();
    if let Some(kind) = args.master {
        contestant::run(kind, &args.run, args.heir);
        return ExitCode::SUCCESS;
    }
    if !std::env::args().any(|argument| argument.starts_with("--seed")) {
        args.run.seed = u64::from(std::process::id());
    }
    // As a test: a short form, of logtree alone.
    if cfg!(test) && args.only.is_empty() {
        (args.kills, args.only) = (300, vec![Kind::Logtree]);
    }
    if !args.has_disk
        && let Some(refused) = with_a_disk(&args)
    {
        println!("No disk of its own, which takes root ({refused}): no full disk.");
    }
    println!("seed {}", args.run.seed);
    hold(&args)
}

/// Starts itself again in a mount namespace with a small file system for the logs; why not, if it cannot.
fn with_a_disk(args: &Args) -> Option<std::io::Error> {
    let can = Command::new("unshare").args(["--mount", "true"]).output();
    if !can.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(can.err().unwrap_or(std::io::ErrorKind::PermissionDenied.into()));
    }
    let directory = tempfile::tempdir().unwrap().keep();
    let script = format!(
        "mount -t tmpfs -o size={DISK_BYTES} chaos \"$1\" && shift && \"$@\"; code=$?; umount \"$0\"; rmdir \"$0\"; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).arg(&directory).arg(&directory);
    command.arg(std::env::current_exe().unwrap()).args(["--has-disk", "--directory"]).arg(&directory);
    command.args(["--kills", &args.kills.to_string(), "--seed", &args.run.seed.to_string()]);
    command.args(["--workers", &args.run.workers.to_string()]);
    for kind in &args.only {
        command.args(["--only", kind.name()]);
    }
    Some(command.exec())
}

fn hold(args: &Args) -> ExitCode {
    let kinds = [Kind::Logtree, Kind::Cpython, Kind::Append, Kind::NonBlocking];
    println!(
        "\n| | records | killed: workers, listeners, standbys, all at once | torn | repeated | lost after publish | unexplained gaps | rounds that hung |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut is_whole = true;
    for kind in kinds.into_iter().filter(|kind| args.only.is_empty() || args.only.contains(kind)) {
        if kind == Kind::Cpython && !python().arg("--version").output().is_ok_and(|output| output.status.success()) {
            println!("| {} | skipped: there is no python3.13 | | | | | | |", kind.title());
            continue;
        }
        let (verdict, kills, hung) = rounds(args, kind);
        let Verdict { records, torn, repeated, lost, gaps } = verdict;
        let Kills { workers, listeners, standbys, all } = kills;
        let title = kind.title();
        println!(
            "| {title} | {records} | {workers}, {listeners}, {standbys}, {all} | {torn} | {repeated} | {lost} | {gaps} | {hung} |"
        );
        is_whole &= kind != Kind::Logtree || verdict.is_whole() && hung == 0;
    }
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rounds(args: &Args, kind: Kind) -> (Verdict, Kills, u32) {
    let (mut verdict, mut kills, mut hung) = (Verdict::default(), Kills::default(), 0);
    let mut random = Random::of(args.run.seed);
    for number in 0..args.kills.div_ceil(KILLS_A_ROUND) {
        let place = match args.has_disk {
            true => tempfile::tempdir_in(&args.run.directory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        // The witness is not to be refused when the disk is full.
        let directory = tempfile::tempdir().unwrap();
        let (directory_path, logs) = (directory.path().to_owned(), place.path().to_owned());
        let run = Run { directory: directory_path, logs, seed: args.run.seed + u64::from(number), ..args.run };
        let (fills_disk, kills_all) = (args.has_disk, number % 3 == 2);
        let round = Round { kind, run: &run, kills: KILLS_A_ROUND, fills_disk, kills_all };
        let (of_round, has_ended) = round.happen(&mut kills, &mut random);
        if kind == Kind::Logtree && (!of_round.is_whole() || !has_ended) {
            let kept = keep(place, number);
            println!("round {number} (see {}): {of_round:?}, ended: {has_ended}", kept.display());
        }
        verdict += of_round;
        hung += u32::from(!has_ended);
    }
    (verdict, kills, hung)
}

/// Leaves the files of a round that went wrong to be looked at, where they outlive the disk.
fn keep(place: tempfile::TempDir, number: u32) -> std::path::PathBuf {
    let kept = std::env::temp_dir().join(format!("logtree-chaos-{}-{number}", std::process::id()));
    let copied = Command::new("cp").arg("-r").arg(place.path()).arg(&kept).status();
    if copied.is_ok_and(|status| status.success()) { kept } else { Path::new("nowhere").to_owned() }
}
