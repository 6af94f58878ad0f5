//! The tree for programs. What its keys mean, the command's help says.

use logtree_core::{Destination, Level};
use serde_json::{Value, json};

use super::drawing::{Drawing, Handler, Logger};

pub(super) fn draw(drawing: &Drawing) -> Value {
    json!({
        "incremental": drawing.is_incremental,
        "loggers": drawing.loggers.iter().map(|logger| draw_logger(drawing, logger)).collect::<Value>(),
        "handlers": drawing.handlers.iter().map(|handler| draw_handler(drawing, handler)).collect::<Value>(),
    })
}

fn draw_logger(drawing: &Drawing, logger: &Logger) -> Value {
    let parent = logger.above.filter(|_| logger.propagate);
    let handlers = logger.handlers.iter().map(|index| drawing.handlers[*index].name.as_str());
    json!({
        "name": logger.name,
        "parent": parent.map(|parent| &drawing.loggers[parent].name),
        "level": (logger.level != Level::NOTSET).then(|| level(drawing, logger.level)),
        "effective_level": level(drawing, logger.effective_level),
        "propagate": logger.propagate,
        "disabled": logger.disabled,
        "span_events": logger.span_events.map(|events| events.names().collect::<Value>()),
        "effective_span_events": logger.effective_span_events.names().collect::<Value>(),
        "filters": logger.filters,
        "handlers": handlers.collect::<Value>(),
    })
}

fn draw_handler(drawing: &Drawing, handler: &Handler) -> Value {
    let destination = handler.destination.as_ref();
    let file = if let Some(Destination::File(path)) = destination { Some(path.to_string_lossy()) } else { None };
    let stream = destination.filter(|to| matches!(to, Destination::Stream(_))).map(ToString::to_string);
    let queue = destination.filter(|to| matches!(to, Destination::Queue(_))).map(ToString::to_string);
    let children = handler
        .children
        .iter()
        .map(|child| json!({"handler": drawing.handlers[child.handler].name, "is_level_asked": child.is_level_asked}));
    json!({
        "name": handler.name,
        "class": handler.class,
        "is_available": handler.is_available,
        "level": level(drawing, handler.level),
        "formatter": handler.formatter,
        "filters": handler.filters,
        "file": file,
        "stream": stream,
        "queue": queue,
        "address": handler.address,
        "hands_on_to": children.collect::<Value>(),
    })
}

fn level(drawing: &Drawing, level: Level) -> Value {
    json!({"number": level.0, "name": drawing.name(level)})
}
