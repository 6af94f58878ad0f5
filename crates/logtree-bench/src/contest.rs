//! Contestants as processes that take turns.
//!
//! A contestant says that it is ready, answers each line of its standard input with a round, and, when there are no
//! more lines, says how many lines its file lacks.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::cases::{CASES, Case, LOG_FILE};
use crate::round::{Pace, Round};

/// Rounds that do not count: callsites register, buffers grow, files are opened.
const WARM_UP: usize = 3;

/// What a contestant achieved.
#[derive(Default)]
pub(crate) struct Score {
    pub(crate) rounds: Vec<Round>,
    /// How many lines its file lacks, if it writes one.
    pub(crate) missing: Option<u64>,
    /// The most memory that it had, in KiB.
    pub(crate) peak_kib: u64,
}

/// How often all processes of a case are started anew: where the system happens to put a process's stack makes a
/// difference of a tenth to a call of a nanosecond.
const SITTINGS: usize = 10;

/// Lets the contestants of a case take turns, so many rounds each or a few more.
///
/// # Errors
/// If one cannot be started or does not keep to the rules.
pub(crate) fn hold(case: &Case, rounds: usize) -> Result<Vec<Score>, Box<dyn Error>> {
    let mut scores: Vec<Score> = case.contestants.iter().map(|_| Score::default()).collect();
    for _ in 0..SITTINGS {
        let mut players = Vec::new();
        for number in 0..case.contestants.len() {
            players.push(Player::start(case, number)?);
        }
        for turn in 0..WARM_UP + rounds.div_ceil(SITTINGS) {
            for number in 0..players.len() {
                // Nobody always runs behind the same other one.
                let at = (number + turn) % players.len();
                let round = players[at].round()?;
                if turn >= WARM_UP {
                    scores[at].rounds.push(round);
                }
            }
        }
        for (score, player) in scores.iter_mut().zip(players) {
            let (missing, peak_kib) = player.finish()?;
            score.missing = missing.map(|missing| missing + score.missing.unwrap_or(0));
            score.peak_kib = score.peak_kib.max(peak_kib);
        }
    }
    Ok(scores)
}

/// A contestant, seen from outside.
struct Player {
    process: Child,
    /// Until it is told to finish.
    turns: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Its own, and gone with it.
    _directory: TempDir,
}

impl Player {
    fn start(case: &Case, number: usize) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--contestant", &format!("{}/{number}", case.name)]).current_dir(directory.path());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let turns = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("no pipe")?);
        let mut player = Self { process, turns, answers, _directory: directory };
        player.answer()?;
        Ok(player)
    }

    fn round(&mut self) -> Result<Round, Box<dyn Error>> {
        self.turns.as_mut().ok_or("it has finished")?.write_all(b"\n")?;
        let answer = self.answer()?;
        let (mean, p99) = answer.split_once(' ').ok_or("half an answer")?;
        Ok(Round { mean_ns: mean.parse()?, p99_ns: p99.parse()? })
    }

    /// Ends it: how many lines its file lacks, if it writes one, and the most memory it had, in KiB.
    fn finish(mut self) -> Result<(Option<u64>, u64), Box<dyn Error>> {
        self.turns = None;
        let answer = self.answer()?;
        let (peak_kib, missing) = answer.split_once(' ').ok_or("half an answer")?;
        self.process.wait()?;
        Ok((missing.parse().ok(), peak_kib.parse()?))
    }

    fn answer(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("a contestant has died".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

/// So many calls a round for counting: valgrind takes fifty times as long as the processor.
const COUNTED_CALLS: u32 = 1_000;

/// The instructions of one call, for each contestant whose calls follow each other: those of three rounds less those of one.
/// None where valgrind is not at hand.
///
/// # Errors
/// If valgrind says something else than how many there were.
pub(crate) fn instructions(case: &Case) -> Result<Vec<Option<f64>>, Box<dyn Error>> {
    let count = |number: usize, rounds: usize| -> Result<Option<u64>, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
        command.args(["--contestant", &format!("{}/{number}", case.name), "--calls", &COUNTED_CALLS.to_string()]);
        command.current_dir(directory.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut process) = command.spawn() else { return Ok(None) };
        process.stdin.take().ok_or("no pipe")?.write_all("\n".repeat(rounds).as_bytes())?;
        let output = process.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let counted = said.lines().find_map(|line| line.split_once("Collected : ")).ok_or(said.clone())?;
        Ok(Some(counted.1.trim().parse()?))
    };
    let of_call = |number| {
        let (Some(one), Some(three)) = (count(number, 1)?, count(number, 3)?) else { return Ok(None) };
        Ok(Some(three.saturating_sub(one) as f64 / f64::from(2 * COUNTED_CALLS)))
    };
    match case.pace {
        Pace::Steady { .. } => (0..case.contestants.len()).map(of_call).collect(),
        // Who sleeps between calls, and has another process or thread at work, counts other things than calls.
        Pace::Bursts { .. } => Ok(vec![None; case.contestants.len()]),
    }
}

/// Takes part: the other end of [`Player`].
///
/// # Errors
/// If there is no such contestant, or it cannot be set up.
pub(crate) fn take_part(contestant: &str, calls: Option<u32>) -> Result<(), Box<dyn Error>> {
    let (name, number) = contestant.split_once('/').ok_or("case/number")?;
    let case = CASES.iter().find(|case| case.name == name).ok_or("no such case")?;
    let contestant = case.contestants.get(number.parse::<usize>()?).ok_or("no such contestant")?;
    let pace = calls.map_or(case.pace, |calls| Pace::Steady { calls });
    let directory = std::env::current_dir()?;
    let mut running = (contestant.start)(&directory)?;
    let mut stdout = io::stdout();
    writeln!(stdout, "ready")?;
    let mut calls = 0;
    for turn in io::stdin().lines() {
        turn?;
        let Round { mean_ns, p99_ns } = pace.time(&mut running.call);
        calls += u64::from(pace.calls());
        writeln!(stdout, "{mean_ns} {p99_ns}")?;
    }
    (running.finish)();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()).unwrap_or("0");
    match std::fs::read(directory.join(LOG_FILE)) {
        Ok(log) => {
            let lines = log.iter().filter(|byte| **byte == b'\n').count() as u64;
            writeln!(stdout, "{peak_kib} {}", calls.saturating_sub(lines))?;
        }
        Err(_) => writeln!(stdout, "{peak_kib} no file")?,
    }
    Ok(())
}
