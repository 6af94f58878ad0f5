//! Contestants as processes that take turns.
//!
//! A contestant says that it is ready, answers each line of its standard input with a round, and, when there are no
//! more lines, says how many lines its file lacks.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::cases::{CASES, Case, LOG_FILE};
use crate::round::Round;

/// Rounds that do not count: callsites register, buffers grow, files are opened.
const WARM_UP: usize = 3;

/// What a contestant achieved.
#[derive(Default)]
pub(crate) struct Score {
    pub(crate) rounds: Vec<Round>,
    /// How many lines its file lacks, if it writes one.
    pub(crate) missing: Option<u64>,
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
            score.missing = player.finish()?.map(|missing| missing + score.missing.unwrap_or(0));
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

    /// Ends it: how many lines its file lacks, if it writes one.
    fn finish(mut self) -> Result<Option<u64>, Box<dyn Error>> {
        self.turns = None;
        let missing = self.answer()?.parse().ok();
        self.process.wait()?;
        Ok(missing)
    }

    fn answer(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("a contestant has died".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

/// Takes part: the other end of [`Player`].
///
/// # Errors
/// If there is no such contestant, or it cannot be set up.
pub(crate) fn take_part(contestant: &str) -> Result<(), Box<dyn Error>> {
    let (name, number) = contestant.split_once('/').ok_or("case/number")?;
    let case = CASES.iter().find(|case| case.name == name).ok_or("no such case")?;
    let contestant = case.contestants.get(number.parse::<usize>()?).ok_or("no such contestant")?;
    let directory = std::env::current_dir()?;
    let mut running = (contestant.start)(&directory)?;
    let mut stdout = io::stdout();
    writeln!(stdout, "ready")?;
    let mut calls = 0;
    for turn in io::stdin().lines() {
        turn?;
        let Round { mean_ns, p99_ns } = case.pace.time(&mut running.call);
        calls += u64::from(case.pace.calls());
        writeln!(stdout, "{mean_ns} {p99_ns}")?;
    }
    (running.finish)();
    match std::fs::read(directory.join(LOG_FILE)) {
        Ok(log) => writeln!(stdout, "{}", calls - log.iter().filter(|byte| **byte == b'\n').count() as u64)?,
        Err(_) => writeln!(stdout, "no file")?,
    }
    Ok(())
}
