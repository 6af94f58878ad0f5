//! Contestants as processes that take turns.
//!
//! The rules: a contestant says `here` when it is ready, or `elsewhere` if it is another program than this one, or
//! `absent` and why. It answers each line of its standard input with a round, the two numbers of [`Round`]. When there are
//! no more lines, it says its peak memory in KiB, how many lines its file lacks, and how many it has twice: `-` where there
//! is nothing to be said.

use std::collections::HashSet;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::cases::{self, Absent, Case, LOG_FILE, Running};
use crate::memory;
use crate::round::{Pace, Round};

/// Rounds that do not count: callsites register, buffers grow, files are opened.
const WARM_UP: usize = 3;

/// How a contestant takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    #[default]
    Here,
    /// As a program of its own.
    Elsewhere,
    /// Not, and why.
    Absent(String),
}

/// What a contestant achieved.
#[derive(Default)]
pub(crate) struct Score {
    pub(crate) standing: Standing,
    pub(crate) rounds: Vec<Round>,
    /// How many lines its file lacks, if it writes one.
    pub(crate) missing: Option<u64>,
    /// How many it has once more, if they have numbers.
    pub(crate) repeated: Option<u64>,
    /// The most memory that it had, in KiB.
    pub(crate) peak_kib: u64,
}

/// How often all processes of a case are started anew: where the system happens to put a process's stack makes a
/// difference of a tenth to a call of a nanosecond.
const SITTINGS: usize = 10;

/// Lets the contestants of a case take turns, so many rounds each or a few more; one round a sitting for memory at rest.
///
/// # Errors
/// If one cannot be started or does not keep to the rules.
pub(crate) fn hold(case: &Case, rounds: usize) -> Result<Vec<Score>, Box<dyn Error>> {
    let mut scores: Vec<Score> = case.contestants.iter().map(|_| Score::default()).collect();
    let (warm_up, counted) = match case.pace {
        Pace::AtRest { .. } => (0, 1),
        _ => (WARM_UP, rounds.div_ceil(SITTINGS)),
    };
    for _ in 0..SITTINGS {
        let mut players = Vec::new();
        for (number, score) in scores.iter_mut().enumerate() {
            let player = Player::start(case, number)?;
            score.standing = player.standing.clone();
            if !matches!(score.standing, Standing::Absent(_)) {
                players.push((number, player));
            }
        }
        for turn in 0..warm_up + counted {
            // Nobody always runs behind the same other one.
            players.rotate_left(1);
            for (number, player) in &mut players {
                let round = player.round(case.pace)?;
                if turn >= warm_up {
                    scores[*number].rounds.push(round);
                }
            }
        }
        for (number, player) in players {
            player.finish(&mut scores[number])?;
        }
    }
    Ok(scores)
}

/// A contestant, seen from outside.
struct Player {
    process: Child,
    standing: Standing,
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
        let mut player = Self { process, standing: Standing::Here, turns, answers, _directory: directory };
        player.standing = match &*player.answer()? {
            "here" => Standing::Here,
            "elsewhere" => Standing::Elsewhere,
            other => Standing::Absent(other.strip_prefix("absent ").ok_or("it is not ready")?.to_owned()),
        };
        Ok(player)
    }

    fn round(&mut self, pace: Pace) -> Result<Round, Box<dyn Error>> {
        match pace {
            Pace::AtRest { threads } => {
                let before = self.settled_kib();
                self.turn()?;
                let more = self.settled_kib() - before;
                Ok(Round { cost: before / 1024.0, beside: more / f64::from(threads) })
            }
            _ => self.turn(),
        }
    }

    fn turn(&mut self) -> Result<Round, Box<dyn Error>> {
        self.turns.as_mut().ok_or("it has finished")?.write_all(b"\n")?;
        let answer = self.answer()?;
        let (cost, beside) = answer.split_once(' ').ok_or("half an answer")?;
        Ok(Round { cost: cost.parse()?, beside: beside.parse()? })
    }

    fn settled_kib(&self) -> f64 {
        memory::settled_kib(self.process.id(), self.standing == Standing::Here)
    }

    /// Ends it, and adds what it has to say in the end.
    fn finish(mut self, score: &mut Score) -> Result<(), Box<dyn Error>> {
        self.turns = None;
        let answer = self.answer()?;
        let [peak_kib, missing, repeated] = *answer.split(' ').collect::<Vec<_>>() else {
            return Err(format!("no answer: {answer}").into());
        };
        self.process.wait()?;
        score.peak_kib = score.peak_kib.max(peak_kib.parse()?);
        for (sum, said) in [(&mut score.missing, missing), (&mut score.repeated, repeated)] {
            *sum = said.parse::<u64>().ok().map(|count| count + sum.unwrap_or(0));
        }
        Ok(())
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

/// The instructions of one call, for each contestant of this program whose calls follow each other: those of three rounds
/// less those of one. None where valgrind is not at hand.
///
/// # Errors
/// If valgrind says something else than how many there were.
pub(crate) fn instructions(case: &Case, scores: &[Score]) -> Result<Vec<Option<f64>>, Box<dyn Error>> {
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
    let of_call = |number: usize| {
        if scores[number].standing != Standing::Here {
            return Ok(None);
        }
        let (Some(one), Some(three)) = (count(number, 1)?, count(number, 3)?) else { return Ok(None) };
        Ok(Some(three.saturating_sub(one) as f64 / f64::from(2 * COUNTED_CALLS)))
    };
    match case.pace {
        Pace::Steady { .. } => (0..case.contestants.len()).map(of_call).collect(),
        // Who sleeps between calls, and has another process or thread at work, counts other things than calls.
        _ => Ok(vec![None; case.contestants.len()]),
    }
}

/// Takes part: the other end of [`Player`].
///
/// # Errors
/// If there is no such contestant, or it cannot be set up.
pub(crate) fn take_part(contestant: &str, calls: Option<u32>) -> Result<(), Box<dyn Error>> {
    let (name, number) = contestant.split_once('/').ok_or("case/number")?;
    let case = cases::all().find(|case| case.name == name).ok_or("no such case")?;
    let contestant = case.contestants.get(number.parse::<usize>()?).ok_or("no such contestant")?;
    let pace = calls.map_or(case.pace, |calls| Pace::Steady { calls });
    let directory = std::env::current_dir()?;
    let mut stdout = io::stdout();
    let (mut call, finish) = match (contestant.start)(&directory) {
        Err(error) if error.is::<Absent>() => return Ok(writeln!(stdout, "absent {error}")?),
        started => match started? {
            Running::Here { call, finish } => (call, finish),
            Running::Elsewhere { mut program, finish } => {
                let status = program.args(pace.arguments()).status();
                finish();
                return if status?.success() { Ok(()) } else { Err("it failed".into()) };
            }
        },
    };
    writeln!(stdout, "here")?;
    let mut calls = 0;
    for turn in io::stdin().lines() {
        turn?;
        let Round { cost, beside } = pace.time(&mut call);
        calls += u64::from(pace.calls());
        writeln!(stdout, "{cost} {beside}")?;
    }
    finish();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()).unwrap_or("0");
    let lines = std::fs::read(directory.join(LOG_FILE)).ok().map(|log| judge(&log, calls));
    let said = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let (missing, repeated) = (lines.map(|(missing, _)| missing), lines.and_then(|(_, repeated)| repeated));
    writeln!(stdout, "{peak_kib} {} {}", said(missing), said(repeated))?;
    Ok(())
}

/// How many lines a log of so many calls lacks; and, if its lines have numbers, how many stand there that should not. Lines
/// without numbers are no more than counted, as this is among the instructions of the calls.
fn judge(log: &[u8], calls: u64) -> (u64, Option<u64>) {
    const MARK: &str = " number=";
    let beginning = log.get(..1000).unwrap_or(log);
    if !beginning.windows(MARK.len()).any(|window| window == MARK.as_bytes()) {
        let lines = log.iter().filter(|byte| **byte == b'\n').count() as u64;
        return (calls.saturating_sub(lines), None);
    }
    let log = String::from_utf8_lossy(log);
    let numbers: HashSet<u64> = log.lines().filter_map(|line| line.rsplit_once(MARK)?.1.parse().ok()).collect();
    let (lines, distinct) = (log.lines().count() as u64, numbers.len() as u64);
    (calls.saturating_sub(distinct), Some(lines - distinct))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_and_what_is_repeated_does_not_cancel_out() {
        assert_eq!(judge(b"a\na\n", 3), (1, None));
        assert_eq!(judge(b"a number=0\na number=1\na number=2\n", 3), (0, Some(0)));
        assert_eq!(judge(b"a number=0\na number=0\na number=2\n", 3), (1, Some(1)));
        assert_eq!(judge(b"a number=0\na numbera number=1\n number=\n", 3), (1, Some(1)));
    }
}
