//! `logtree stat`: what goes on in the queues of this user, watched from outside.

mod json;
mod text;

use std::io::{IsTerminal as _, stdout};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use logtree::prefork::{QueueLook, QueueStats};

use crate::{Outcome, answer, say};

/// Between two looks, in a terminal.
const TURN: Duration = Duration::from_secs(1);
/// Clears a terminal and goes to its first place.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Show the queues between processes: who listens, what waits, what was dropped. In a terminal, again each second
///
/// Exit code: 1 if a queue could not be looked at, or there is none of that name.
#[derive(Args, Debug)]
pub(crate) struct Stat {
    /// A queue by its name, or by a log file that it writes; otherwise all of this user
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Show them once, in a terminal too
    #[arg(long)]
    once: bool,
    /// How to show them
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For people; live in a terminal
    #[default]
    Text,
    /// For programs: an array with an object for each queue, once
    Json,
}

/// What one look at all queues gave, and when it was taken.
struct Looked {
    at: Instant,
    queues: Vec<QueueStats>,
    /// What could not be looked at, and why.
    refused: Vec<String>,
}

impl Stat {
    pub(crate) fn run(&self) -> Outcome {
        let is_live = self.format == OutputFormat::Text && !self.once && stdout().is_terminal();
        let mut before: Option<Looked> = None;
        loop {
            let now = self.look();
            let shown = match self.format {
                OutputFormat::Json => json::of(&now.queues),
                OutputFormat::Text => text::of(&now, before.as_ref()),
            };
            if !is_live {
                answer(&shown);
                now.refused.iter().for_each(|why| say(&format!("logtree: {why}\n")));
                return if now.refused.is_empty() { Outcome::Good } else { Outcome::Flawed };
            }
            let refused: String = now.refused.iter().map(|why| format!("{why}\n")).collect();
            answer(&format!("{CLEAR}{shown}{refused}"));
            before = Some(now);
            std::thread::sleep(TURN);
        }
    }

    fn look(&self) -> Looked {
        let looks = match &self.name {
            Some(name) => vec![QueueLook::open(name)],
            None => QueueLook::all(),
        };
        let mut looked = Looked { at: Instant::now(), queues: Vec::new(), refused: Vec::new() };
        for look in looks {
            match look {
                Ok(look) => looked.queues.push(look.stats()),
                Err(error) if error.is_absent() => {
                    let name = self.name.as_deref().unwrap_or_default();
                    looked.refused.push(format!("no queue is called '{name}', and none writes such a file ({error})"));
                }
                Err(error) => looked.refused.push(format!("cannot look at a queue: {error}")),
            }
        }
        looked
    }
}
