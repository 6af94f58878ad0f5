//! Contestants as processes that take turns.
//!
//! The rules: a contestant says `here` when it is ready, or `elsewhere` if it is another program than this one, or
//! `absent` and why. It answers each line of its standard input with a round, the two numbers of [`Round`]. When there are
//! no more lines, it says its peak memory in KiB, and ends; its file is then judged from outside.

use std::collections::HashSet;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
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
/// difference of a tenth to a call of a nanosecond. Who works on one thread works on the same processor as the others, and on
/// another one at the next sitting: on a machine that is shared, a stranger's thread on the same core takes up to half of what
/// one of two processors does, for a second, and would be taken for a contestant's slowness if each had its own.
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
    let processors = thread::available_parallelism()?.get();
    for sitting in 0..SITTINGS {
        let mut players = Vec::new();
        for (number, score) in scores.iter_mut().enumerate() {
            let player = Player::start(case, number, sitting % processors)?;
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
    directory: TempDir,
    /// How many it has made.
    calls: u64,
}

impl Player {
    fn start(case: &Case, number: usize, processor: usize) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--contestant", &format!("{}/{number}", case.name)]).current_dir(directory.path());
        if let Pace::Steady { .. } = case.pace {
            command.args(["--processor", &processor.to_string()]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let turns = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("no pipe")?);
        let mut player = Self { process, standing: Standing::Here, turns, answers, directory, calls: 0 };
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
                self.turn(pace)?;
                let more = self.settled_kib() - before;
                Ok(Round { cost: before / 1024.0, beside: more / f64::from(threads) })
            }
            _ => self.turn(pace),
        }
    }

    fn turn(&mut self, pace: Pace) -> Result<Round, Box<dyn Error>> {
        self.turns.as_mut().ok_or("it has finished")?.write_all(b"\n")?;
        let answer = self.answer()?;
        self.calls += u64::from(pace.calls());
        let (cost, beside) = answer.split_once(' ').ok_or("half an answer")?;
        Ok(Round { cost: cost.parse()?, beside: beside.parse()? })
    }

    fn settled_kib(&self) -> f64 {
        memory::settled_kib(self.process.id(), self.standing == Standing::Here)
    }

    /// Ends it, and adds what it has to say in the end.
    fn finish(mut self, score: &mut Score) -> Result<(), Box<dyn Error>> {
        self.turns = None;
        score.peak_kib = score.peak_kib.max(self.answer()?.parse()?);
        self.process.wait()?;
        if let Ok(log) = std::fs::read(self.directory.path().join(LOG_FILE)) {
            let (missing, repeated) = judge(&log, self.calls);
            *score.missing.get_or_insert_default() += missing;
            if let Some(repeated) = repeated {
                *score.repeated.get_or_insert_default() += repeated;
            }
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

/// Takes part: the other end of [`Player`].
///
/// # Errors
/// If there is no such contestant, or it cannot be set up.
pub(crate) fn take_part(contestant: &str, calls: Option<u32>, processor: Option<usize>) -> Result<(), Box<dyn Error>> {
    let (name, number) = contestant.split_once('/').ok_or("case/number")?;
    let case = cases::all().find(|case| case.name == name).ok_or("no such case")?;
    let contestant = case.contestants.get(number.parse::<usize>()?).ok_or("no such contestant")?;
    let pace = calls.map_or(case.pace, |calls| Pace::Steady { calls });
    let directory = std::env::current_dir()?;
    let mut stdout = io::stdout();
    let started = (contestant.start)(&directory);
    // Threads and processes that it has started go where they like.
    if let Some(processor) = processor {
        let may_be_used = sched_getaffinity(None)?;
        let mut alone = CpuSet::new();
        alone.set(
            (0..CpuSet::MAX_CPU)
                .filter(|index| may_be_used.is_set(*index))
                .nth(processor)
                .ok_or("no such processor")?,
        );
        sched_setaffinity(None, &alone)?;
    }
    let (mut call, finish) = match started {
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
    for turn in io::stdin().lines() {
        turn?;
        let Round { cost, beside } = pace.time(&mut call);
        writeln!(stdout, "{cost} {beside}")?;
    }
    finish();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()).unwrap_or("0");
    writeln!(stdout, "{peak_kib}")?;
    Ok(())
}

/// How many lines a log of so many calls lacks; and, if its lines have numbers, how many stand there that should not.
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
