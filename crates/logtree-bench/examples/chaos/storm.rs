//! One round: a contestant at work while its processes are killed, stopped and let go on, and its disk is full for a while.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::contestant::{Kind, Run, Witness};
use super::random::Random;
use super::verdict::Verdict;

/// How many processes of which kind were killed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kills {
    pub(crate) workers: u32,
    pub(crate) listeners: u32,
    pub(crate) standbys: u32,
    /// Rounds in which all processes were killed at once.
    pub(crate) all: u32,
}

impl Kills {
    pub(crate) fn total(&self) -> u32 {
        self.workers + self.listeners + self.standbys
    }
}

/// What a round is like.
pub(crate) struct Round<'a> {
    pub(crate) kind: Kind,
    pub(crate) run: &'a Run,
    /// How many kills it has.
    pub(crate) kills: u32,
    /// The disk is full for a while: it is one for this alone.
    pub(crate) fills_disk: bool,
    /// All processes are killed at its end, and a new one comes.
    pub(crate) kills_all: bool,
}

/// A round whose processes have not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(45);
const FULL_FOR: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Worker,
    Listener,
    Standby,
}

impl Round<'_> {
    /// Has it happen; whether its processes ended in time.
    pub(crate) fn happen(&self, kills: &mut Kills, random: &mut Random) -> (Verdict, bool) {
        let log = &self.run.logs;
        let witness = Witness::of(self.run);
        witness.begin();
        let mut master = self.command(false).spawn().unwrap();
        let pid = Pid::from_child(&master);
        wait_for(|| witness.slots().iter().any(|slot| slot.1 > 100), PATIENCE);
        let mut filled = None;
        let until = kills.total() + self.kills;
        while kills.total() < until {
            self.strike(pid, &witness, kills, random);
            if self.fills_disk && filled.is_none() && kills.total() + self.kills / 2 > until {
                filled = Some(fill(log));
            }
            if filled.is_some_and(|filled: Instant| filled.elapsed() > FULL_FOR) {
                let _ = std::fs::remove_file(log.join("filler"));
            }
            std::thread::sleep(Duration::from_micros(random.below(6000)));
        }
        let _ = std::fs::remove_file(log.join("filler"));
        if self.kills_all {
            kills.all += 1;
            kill_all(&mut master, pid);
            if self.kind == Kind::Logtree {
                master = self.command(true).spawn().unwrap();
            }
        } else {
            witness.end();
        }
        let is_dead = self.kills_all && self.kind != Kind::Logtree;
        let has_ended = is_dead || self.wait_for_end(&mut master, pid, log);
        (Verdict::of(log, &witness.slots()), has_ended)
    }

    fn command(&self, is_heir: bool) -> Command {
        let Run { directory, logs, workers, seed } = self.run;
        if self.kind == Kind::Cpython {
            let mut command = python();
            command.args(["-c", include_str!("cpython.py")]).args([directory, logs]);
            command.args([workers.to_string(), seed.to_string(), super::contestant::MAX_BYTES.to_string()]);
            command.stderr(Stdio::null());
            return command;
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--master", self.kind.name(), "--directory"]).arg(directory).arg("--logs").arg(logs);
        command.args(["--workers", &workers.to_string(), "--seed", &seed.to_string()]);
        command.args(is_heir.then_some("--heir"));
        // What could not be written when the disk was full is said there, at length.
        command.stderr(Stdio::null());
        command
    }

    /// Kills somebody, or stops somebody for a moment.
    fn strike(&self, master: Pid, witness: &Witness, kills: &mut Kills, random: &mut Random) {
        let listener = witness.slots()[0].1;
        let role_of = |(pid, name): &(Pid, String)| match name.as_str() {
            "logtree-listen" => Role::Listener,
            "logtree-standby" => Role::Standby,
            _ if u64::from(pid.as_raw_nonzero().get().unsigned_abs()) == listener => Role::Listener,
            _ => Role::Worker,
        };
        let family: Vec<_> = children(master).iter().map(|child| (child.0, role_of(child))).collect();
        let (dice, which, pause) = (random.below(100), random.below(1 << 20), random.below(30_000));
        let pick = |role: Option<Role>| {
            let of_role: Vec<_> = family.iter().filter(|child| role.is_none_or(|role| child.1 == role)).collect();
            (!of_role.is_empty()).then(|| *of_role[which as usize % of_role.len()])
        };
        let chosen = match dice {
            0..15 => pick(Some(Role::Listener)),
            15..20 => pick(Some(Role::Standby)),
            20..85 => None,
            _ => {
                if let Some((pid, _)) = pick(None) {
                    let _ = kill_process(pid, Signal::STOP);
                    std::thread::sleep(Duration::from_micros(pause));
                    let _ = kill_process(pid, Signal::CONT);
                }
                return;
            }
        };
        let Some((pid, role)) = chosen.or_else(|| pick(Some(Role::Worker))) else { return };
        if kill_process(pid, Signal::KILL).is_ok() {
            match role {
                Role::Worker => kills.workers += 1,
                Role::Listener => kills.listeners += 1,
                Role::Standby => kills.standbys += 1,
            }
        }
    }

    /// Whether all processes of the round ended by themselves.
    fn wait_for_end(&self, master: &mut Child, pid: Pid, log: &Path) -> bool {
        let ends_well = |master: &mut Child| {
            let mut status = None;
            wait_for(
                || master.try_wait().is_ok_and(|ended| ended.inspect(|of| status = Some(*of)).is_some()),
                PATIENCE,
            );
            status.is_some_and(|status| status.success())
        };
        let has_ended = ends_well(master);
        if !has_ended {
            kill_all(master, pid);
        }
        // The listener leaves when it has written everything, and with it the claim. Where both helpers were killed at the
        // very end, a thread of a process has listened: then the next process sees to it.
        let is_gone = || !log.join(".app.log.logtree").exists();
        has_ended
            && (wait_for(is_gone, PATIENCE / 20)
                || ends_well(&mut self.command(true).spawn().unwrap()) && wait_for(is_gone, PATIENCE))
    }
}

/// CPython 3.13, by itself or by way of a version manager that asks for this.
pub(crate) fn python() -> Command {
    let mut command = Command::new("python3.13");
    command.env("PYENV_VERSION", "3.13.0");
    command
}

fn wait_for(mut is_so: impl FnMut() -> bool, patience: Duration) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Kills a master with all that it has forked; when this returns, none of them runs.
fn kill_all(master: &mut Child, pid: Pid) {
    // It is to fork no more.
    let _ = kill_process(pid, Signal::STOP);
    wait_for(|| state_of(pid).is_none_or(|(state, ..)| state == "T"), PATIENCE);
    // The standby first, so that it does not take the listener's place.
    let mut family = children(pid);
    family.sort_by_key(|(_, name)| name != "logtree-standby");
    for (pid, _) in &family {
        let _ = kill_process(*pid, Signal::KILL);
    }
    let _ = master.kill();
    let _ = master.wait();
    // A signal takes a moment to kill.
    wait_for(|| family.iter().all(|(pid, _)| state_of(*pid).is_none()), PATIENCE);
}

/// Fills the file system that the log is on.
fn fill(log: &Path) -> Instant {
    let mut file = File::create(log.join("filler")).unwrap();
    let piece = vec![0; 1 << 20];
    while file.write_all(&piece).is_ok() {}
    Instant::now()
}

/// The living children of a process, with their names.
fn children(parent: Pid) -> Vec<(Pid, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &Pid| state_of(*pid).filter(|(_, of, _)| *of == Some(parent));
    numbers.filter_map(Pid::from_raw).filter_map(|pid| is_child(&pid).map(|(.., name)| (pid, name))).collect()
}

/// The state, the parent and the name of a process that has not ended.
fn state_of(pid: Pid) -> Option<(String, Option<Pid>, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let name = stat.get(stat.find('(')? + 1..stat.rfind(')')?)?.to_owned();
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ');
    let (state, parent) = (fields.next()?.to_owned(), Pid::from_raw(fields.next()?.parse().ok()?));
    (state != "Z").then_some((state, parent, name))
}
