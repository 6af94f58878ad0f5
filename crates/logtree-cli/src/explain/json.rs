//! An explanation for programs. What its keys mean, the command's help says.

use logtree_core::{Destination, Explanation, FilterStage, HandlerStage, Level, LevelNames, Outcome, Stage};
use serde_json::{Value, json};

pub(super) fn draw(explanation: &Explanation, names: &LevelNames) -> Value {
    let reached = explanation.reached();
    let reached = reached.iter().map(|(handler, outcome)| json!({"handler": handler, "outcome": word(*outcome)}));
    json!({
        "logger": explanation.logger,
        "level": level(names, explanation.level),
        "stages": explanation.stages.iter().map(|stage| draw_stage(stage, names)).collect::<Value>(),
        "reached": reached.collect::<Value>(),
    })
}

fn draw_stage(stage: &Stage, names: &LevelNames) -> Value {
    match stage {
        Stage::Unnamed { below } => json!({"stage": "unnamed", "below": below}),
        Stage::SpanEvents { events, of } => {
            json!({"stage": "span_events", "events": events.names().collect::<Value>(), "of": of})
        }
        Stage::Disabled => json!({"stage": "disabled", "outcome": "stops"}),
        Stage::Disable { level: of, outcome } => {
            json!({"stage": "disable", "level": level(names, *of), "outcome": word(*outcome)})
        }
        Stage::Level { level: set, of, outcome } => {
            json!({"stage": "level", "level": level(names, *set), "of": of, "outcome": word(*outcome)})
        }
        Stage::Filter(filter) => with(draw_filter(filter), "stage", "filter".into()),
        Stage::Handler { of, handler } => {
            with(with(draw_handler(handler, names), "stage", "handler".into()), "of", of.as_str().into())
        }
        Stage::NoPropagation { of, unasked } => json!({"stage": "no_propagation", "of": of, "unasked": unasked}),
        Stage::LastResort(handler) => with(draw_handler(handler, names), "stage", "last_resort".into()),
        Stage::NoHandler => json!({"stage": "no_handler"}),
        // There are no others in this version.
        _ => Value::Null,
    }
}

fn draw_handler(handler: &HandlerStage, names: &LevelNames) -> Value {
    let destination = handler.destination.as_ref();
    let file = if let Some(Destination::File(path)) = destination { Some(path.to_string_lossy()) } else { None };
    let stream = destination.filter(|to| matches!(to, Destination::Stream(_))).map(ToString::to_string);
    let queue = destination.filter(|to| matches!(to, Destination::Queue(_))).map(ToString::to_string);
    json!({
        "name": handler.name,
        "outcome": word(handler.outcome),
        "level": level(names, handler.level),
        "is_level_asked": handler.is_level_asked,
        "filters": handler.filters.iter().map(draw_filter).collect::<Value>(),
        "file": file,
        "stream": stream,
        "queue": queue,
        "hands_on_to": handler.children.iter().map(|child| draw_handler(child, names)).collect::<Value>(),
        "is_cut": handler.is_cut,
    })
}

fn draw_filter(filter: &FilterStage) -> Value {
    json!({
        "name": filter.name,
        "index": filter.index,
        "outcome": word(filter.outcome),
        "keeps_name_and_level": filter.keeps_name_and_level,
    })
}

fn with(mut drawn: Value, key: &str, value: Value) -> Value {
    drawn[key] = value;
    drawn
}

fn level(names: &LevelNames, level: Level) -> Value {
    json!({"number": level.0, "name": names.name(level).to_string()})
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passes => "passes",
        Outcome::Stops => "stops",
        Outcome::Depends => "depends",
    }
}
