//! Every kill point, in every role, ten times each: somebody dies there, and nothing that was published is lost, torn or
//! repeated, nobody waits, and nothing stays behind.
//!
//! To be built with `RUSTFLAGS="--cfg logtree_kill_points"`. `LOGTREE_WALK_ROUNDS` says how often each way is walked, 10 times
//! without it.

pub(crate) mod burial;
pub(crate) mod cleaner;
pub(crate) mod held;
pub(crate) mod joiner;
pub(crate) mod leaver;
pub(crate) mod listener;
pub(crate) mod producer;
pub(crate) mod reports;
pub(crate) mod stopped;

use std::fs::File;
use std::path::Path;

use logtree_os::kill_points::{self, NAMES};

use crate::support::{in_child, wait_for_exit};

/// The points at which one process after the other dies.
type Way = Vec<&'static str>;

/// So many ways are walked at the same time: mostly they wait.
const GROUPS: usize = 16;

/// Each point there is must be on a way. That it is come to, each walk sees to.
pub(crate) fn every_kill_point_is_on_a_way() {
    let roles = [
        listener::ways,
        producer::ways,
        joiner::ways,
        leaver::ways,
        burial::ways,
        cleaner::ways,
        reports::ways,
        held::ways,
    ];
    let all = roles.map(|ways| ways()).concat();
    // Configs have walks of their own.
    let names = NAMES.iter().filter(|name| !name.starts_with("config: "));
    let missing: Vec<_> = names.filter(|name| !all.iter().flatten().any(|point| point == *name)).collect();
    assert!(missing.is_empty(), "no way leads to {missing:?}");
}

/// Walks each way as often as it is to be walked: `die` gets the way and the number of the round.
fn walk(ways: &[Way], die: fn(&[&str], u32)) {
    let rounds = std::env::var("LOGTREE_WALK_ROUNDS").map_or(10, |rounds| rounds.parse().unwrap());
    let walk = |group: usize| {
        let steps = ways.iter().flat_map(|way| (0..rounds).map(move |round| (way, round)));
        for (way, round) in steps.skip(group).step_by(GROUPS) {
            // In a process and with a plan of its own: the standby of the way before, which takes the seat of a listener that
            // leaves, would come to a point of this one's too, and die there to nobody's harm.
            let child = in_child(|| {
                kill_points::share();
                die(way, round);
            });
            assert_eq!(wait_for_exit(child), Some(0), "died in vain on the way {way:?}, round {round}");
        }
    };
    let groups: Vec<_> = (0..GROUPS).map(|group| in_child(|| walk(group))).collect();
    let outcomes: Vec<_> = groups.into_iter().map(wait_for_exit).collect();
    assert!(outcomes.iter().all(|outcome| *outcome == Some(0)), "{outcomes:?}");
}

/// Arms a way, its first point for the n-th pass.
fn arm(way: &[&str], nth: u32) {
    let kills = way.iter().enumerate().map(|(at, name)| (*name, if at == 0 { nth } else { 1 }));
    kill_points::arm(&kills.collect::<Vec<_>>());
}

/// Where a process marks how many records it has published: the mark stands when the process is killed right behind it.
struct Witness(File);

impl Witness {
    fn within(directory: &Path) -> Self {
        let path = directory.join("witness");
        Self(File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap())
    }

    /// To be called when the logging call has returned.
    fn published(&self, count: u32) {
        rustix::io::pwrite(&self.0, &count.to_ne_bytes(), 0).unwrap();
    }

    fn count(&self) -> u32 {
        let mut count = [0; 4];
        rustix::io::pread(&self.0, &mut count, 0).unwrap();
        u32::from_ne_bytes(count)
    }
}
