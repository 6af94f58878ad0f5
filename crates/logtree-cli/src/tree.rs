//! `logtree tree`: the loggers and handlers of a config, drawn.
//!
//! | file | is |
//! |---|---|
//! | `tree.rs` | the command |
//! | `drawing.rs` | what there is to draw: loggers and handlers, each once |
//! | `text.rs` | as a person would draw it |
//! | `json.rs` | for programs |
//! | `graph.rs` | for Mermaid and Graphviz |

mod drawing;
mod graph;
mod json;
mod text;

use clap::{Args, ValueEnum};

use self::drawing::Drawing;
use crate::config::ConfigArgs;
use crate::{Outcome, answer};

/// Draw the loggers, handlers and filters of a config, and what propagates where. Nothing is opened or created
///
/// In text a level in brackets is that of a logger above. In JSON there is an object with `incremental`, `loggers` and
/// `handlers`. A logger has `name`, `parent` (the logger that it propagates to, if it does), `level` (null if it has none),
/// `effective_level`, `propagate`, `disabled`, `span_events` (the points of a span's life that have records; null if it does
/// not say it), `effective_span_events`, `filters` and `handlers`. A handler has `name`, `class`, `is_available`
/// (whether this program has the class), `level`, `formatter`, `filters`, `file`, `stream`, `queue`, `address`, and
/// `hands_on_to` with the `handler` and whether its level `is_level_asked`. A level has a `number` and a `name`; what is
/// not there is null. Keys may be added, none is taken away. Exit code: 0 if the config is accepted, 2 if it is refused.
#[derive(Args, Debug)]
pub(crate) struct Tree {
    #[command(flatten)]
    config: ConfigArgs,
    /// How to draw it
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
    /// A Mermaid flowchart
    Mermaid,
    /// A graph for Graphviz
    Dot,
}

impl Tree {
    pub(crate) fn run(&self) -> Outcome {
        let plan = match self.config.plan() {
            Ok(plan) => plan,
            Err(outcome) => return outcome,
        };
        let drawing = Drawing::of(&plan);
        answer(&match self.format {
            OutputFormat::Text => text::draw(&drawing),
            OutputFormat::Json => format!("{:#}\n", json::draw(&drawing)),
            OutputFormat::Mermaid => graph::draw(&drawing, &graph::Mermaid),
            OutputFormat::Dot => graph::draw(&drawing, &graph::Dot),
        });
        Outcome::Good
    }
}
