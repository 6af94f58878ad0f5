//! `logtree explain`: what a record would pass, and why it stops.

mod json;

use clap::{Args, ValueEnum};
use logtree_core::{Level, LevelNames};

use crate::config::ConfigArgs;
use crate::{Outcome, answer, say};

/// Explain what a record of a logger and level would pass, and why it stops. Nothing is opened or created
///
/// Each line is a step, in order: + where the record passes, - where it stops, ? where filters decide that look at the
/// record itself, . where something is to be known. A record of a span goes as any other of its logger and level does.
///
/// In JSON there is an object with `logger`, `level`, `stages` and `reached`: each `handler` that has the record in the end, with
/// its `outcome`, which is passes, depends or, elsewhere, stops. A stage says which `stage` it is (unnamed, `below` a logger;
/// `span_events`; disabled; disable; level; filter; handler; `no_propagation`; `last_resort`; `no_handler`), the logger `of`
/// which it is, and its `outcome`. A handler has the keys that it has in `logtree tree --format json`, its `filters` and the
/// handlers that it `hands_on_to` as far as the record gets; `is_cut` if these were too many. Keys may be added, none is taken
/// away. Exit code: 0 if the config is accepted, 2 if it is refused, or has no such level.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    #[command(flatten)]
    config: ConfigArgs,
    /// The name of the logger, in dots or colons; root for the root
    name: String,
    /// A number, or the name of a level
    #[arg(allow_negative_numbers = true)]
    level: String,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

impl Explain {
    pub(crate) fn run(&self) -> Outcome {
        let plan = match self.config.plan() {
            Ok(plan) => plan,
            Err(outcome) => return outcome,
        };
        let Some(level) = self.level(plan.level_names()) else {
            let known: Vec<&str> = plan.level_names().known().collect();
            say(&format!("no level is called {}; there are {}, and all numbers\n", self.level, known.join(", ")));
            return Outcome::Refused;
        };
        let explanation = plan.outline().build().explain(&self.name, level);
        answer(&match self.format {
            OutputFormat::Text => explanation.to_string(),
            OutputFormat::Json => format!("{:#}\n", json::draw(&explanation, plan.level_names())),
        });
        Outcome::Good
    }

    /// The level. Who types it need not shout, as a config must.
    fn level(&self, names: &LevelNames) -> Option<Level> {
        let number = || self.level.parse().ok().map(Level);
        names.parse(&self.level).or_else(number).or_else(|| names.parse(&self.level.to_uppercase()))
    }
}
