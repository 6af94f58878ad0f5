//! An explanation as text for people: `+` where the record passes, `-` where it stops, `?` where filters decide.

use std::fmt::{self, Display, Formatter};

use super::{Destination, Explanation, FilterStage, HandlerStage, Outcome, Stage};
use crate::{Level, StdStream};

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at {}", self.logger, self.name(self.level))?;
        self.stages.iter().try_for_each(|stage| self.stage(stage, f))?;
        let reached = self.reached();
        let names = |wanted| {
            let names = reached.iter().filter(|(_, outcome)| *outcome == wanted).map(|(name, _)| *name);
            names.collect::<Vec<_>>().join(", ")
        };
        match (&*names(Outcome::Passes), &*names(Outcome::Depends)) {
            ("", "") => writeln!(f, "it reaches no handler"),
            (reached, "") => writeln!(f, "it reaches {reached}"),
            ("", maybe) => writeln!(f, "it may reach {maybe}"),
            (reached, maybe) => writeln!(f, "it reaches {reached}; it may reach {maybe}"),
        }
    }
}

impl Explanation {
    fn stage(&self, stage: &Stage, f: &mut Formatter<'_>) -> fmt::Result {
        match stage {
            Stage::Unnamed { below } => {
                writeln!(f, "  . no logger {}: it goes as one below {below}", self.logger)
            }
            Stage::SpanEvents { events, of } => {
                writeln!(f, "  . so go records of its spans at {events}: span_events of {of}")
            }
            Stage::Disabled => writeln!(f, "  - {} is disabled", self.logger),
            Stage::Disable { level, outcome } => {
                let level = self.name(*level);
                writeln!(f, "  {} logging.disable({level})", mark(*outcome))
            }
            Stage::Level { level, of: Some(of), outcome } => {
                writeln!(f, "  {} level {} of {of}", mark(*outcome), self.name(*level))
            }
            Stage::Level { of: None, outcome, .. } => writeln!(f, "  {} no level is set", mark(*outcome)),
            Stage::Filter(filter) => filter.line(1, &format!("of {}", self.logger), f),
            Stage::Handler { of, handler } => self.handler(handler, 1, &format!(" of {of}"), f),
            Stage::NoPropagation { of, unasked } => match &**unasked {
                [] => writeln!(f, "  . propagate is false on {of}; no logger above it has handlers"),
                unasked => {
                    let unasked = unasked.join(", ");
                    writeln!(f, "  - propagate is false on {of}: the handlers of {unasked} are not asked")
                }
            },
            Stage::LastResort(handler) => {
                writeln!(f, "  . no handler on the walk")?;
                self.handler(handler, 1, "", f)
            }
            Stage::NoHandler => writeln!(f, "  - no handler on the walk"),
        }
    }

    /// A handler, its filters, and the handlers that it hands on to.
    fn handler(&self, handler: &HandlerStage, depth: usize, of: &str, f: &mut Formatter<'_>) -> fmt::Result {
        let HandlerStage { name, destination, level, is_level_asked, filters, outcome, children, is_cut } = handler;
        write!(f, "{:depth$}{} handler {name}{of}", "", mark(*outcome), depth = 2 * depth)?;
        if *level != Level::NOTSET {
            write!(f, ", level {}", self.name(*level))?;
            if !is_level_asked {
                write!(f, " (not asked)")?;
            }
        }
        match destination {
            Some(destination) => writeln!(f, " -> {destination}")?,
            None => writeln!(f)?,
        }
        filters.iter().try_for_each(|filter| filter.line(depth + 1, &format!("of {name}"), f))?;
        children.iter().try_for_each(|child| self.handler(child, depth + 1, "", f))?;
        if *is_cut {
            writeln!(f, "{:depth$}. and more", "", depth = 2 * (depth + 1))?;
        }
        Ok(())
    }

    fn name(&self, level: Level) -> impl Display {
        self.level_names.name(level)
    }
}

impl FilterStage {
    fn line(&self, depth: usize, of: &str, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:depth$}{} filter ", "", mark(self.outcome), depth = 2 * depth)?;
        match &self.name {
            Some(name) => write!(f, "{name} {of}")?,
            None => write!(f, "{} {of}", self.index + 1)?,
        }
        f.write_str(match (self.outcome, self.keeps_name_and_level) {
            (Outcome::Stops, _) | (Outcome::Passes, true) => "",
            (Outcome::Depends, true) => ": depends on the record",
            (Outcome::Passes, false) => ": may change name and level; what follows is for a record that keeps them",
            (Outcome::Depends, false) => {
                ": depends on the record, and may change its name and level; what follows is for one that keeps them"
            }
        })?;
        writeln!(f)
    }
}

fn mark(outcome: Outcome) -> char {
    match outcome {
        Outcome::Passes => '+',
        Outcome::Stops => '-',
        Outcome::Depends => '?',
    }
}

/// As configs write it.
impl Display for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stream(StdStream::Stdout) => write!(f, "sys.stdout"),
            Self::Stream(StdStream::Stderr) => write!(f, "sys.stderr"),
            Self::Queue(class) => write!(f, "{class}"),
        }
    }
}
