//! The tree as a graph: loggers to the left, where records end to the right.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use logtree_core::Level;

use super::drawing::{Drawing, Handler, Logger};

/// A language for graphs.
pub(super) trait Language {
    /// What comes before all nodes.
    const BEGIN: &'static str;
    /// What comes behind all edges.
    const END: &'static str;

    /// A node with these lines on it.
    fn node(&self, out: &mut String, id: &str, shape: Shape, lines: &[String]);

    /// An arrow.
    fn edge(&self, out: &mut String, from: &str, to: &str, kind: Edge);
}

/// What a node is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Logger,
    Handler,
    Destination,
}

/// What an arrow is.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    /// Records go on.
    Goes,
    /// Records would go on, but for `propagate: false`.
    Stops,
}

pub(super) fn draw<L: Language>(drawing: &Drawing, language: &L) -> String {
    let mut out = L::BEGIN.to_owned();
    for (index, logger) in drawing.loggers.iter().enumerate() {
        language.node(&mut out, &format!("l{index}"), Shape::Logger, &logger_lines(drawing, logger));
    }
    // Handlers that write to the same place lead to the same node.
    let mut destinations: BTreeMap<String, usize> = BTreeMap::new();
    let mut written = Vec::new();
    for (index, handler) in drawing.handlers.iter().enumerate() {
        language.node(&mut out, &format!("h{index}"), Shape::Handler, &handler_lines(drawing, handler));
        let destination = handler.destination.as_ref().map(ToString::to_string).or_else(|| handler.address.clone());
        // What a queue leads to are handlers.
        let destination = destination.filter(|_| handler.children.is_empty());
        if let Some(destination) = destination {
            let next = destinations.len();
            written.push((index, *destinations.entry(destination).or_insert(next)));
        }
    }
    for (destination, number) in &destinations {
        language.node(&mut out, &format!("d{number}"), Shape::Destination, std::slice::from_ref(destination));
    }
    for (index, logger) in drawing.loggers.iter().enumerate() {
        if let Some(above) = logger.above {
            let kind = if logger.propagate { Edge::Goes } else { Edge::Stops };
            language.edge(&mut out, &format!("l{index}"), &format!("l{above}"), kind);
        }
        for handler in &logger.handlers {
            language.edge(&mut out, &format!("l{index}"), &format!("h{handler}"), Edge::Goes);
        }
    }
    for (index, handler) in drawing.handlers.iter().enumerate() {
        for child in &handler.children {
            language.edge(&mut out, &format!("h{index}"), &format!("h{}", child.handler), Edge::Goes);
        }
    }
    for (handler, destination) in written {
        language.edge(&mut out, &format!("h{handler}"), &format!("d{destination}"), Edge::Goes);
    }
    out + L::END
}

fn logger_lines(drawing: &Drawing, logger: &Logger) -> Vec<String> {
    let mut lines = vec![logger.name.clone()];
    if logger.level != Level::NOTSET {
        lines.push(drawing.name(logger.level));
    }
    if logger.disabled {
        lines.push("disabled".to_owned());
    }
    lines.extend(logger.filters.iter().map(|name| format!("filter {name}")));
    lines.extend(logger.span_events_note());
    lines
}

fn handler_lines(drawing: &Drawing, handler: &Handler) -> Vec<String> {
    let mut lines = vec![handler.name.clone(), handler.class.clone()];
    if let (Some(queue), false) = (&handler.destination, handler.children.is_empty()) {
        lines.push(queue.to_string());
    }
    if handler.level != Level::NOTSET {
        lines.push(format!("level {}", drawing.name(handler.level)));
    }
    lines.extend(handler.formatter.iter().map(|name| format!("formatter {name}")));
    lines.extend(handler.filters.iter().map(|name| format!("filter {name}")));
    lines
}

/// A flowchart in the language of Mermaid.
pub(super) struct Mermaid;

impl Language for Mermaid {
    const BEGIN: &'static str = "flowchart LR\n";
    const END: &'static str = "";

    fn node(&self, out: &mut String, id: &str, shape: Shape, lines: &[String]) {
        let (open, close) = match shape {
            Shape::Logger => ("([", "])"),
            Shape::Handler => ("[", "]"),
            Shape::Destination => ("[(", ")]"),
        };
        let label: Vec<String> = lines.iter().map(|line| mermaid_text(line)).collect();
        let _ = writeln!(out, "    {id}{open}\"{}\"{close}", label.join("<br>"));
    }

    fn edge(&self, out: &mut String, from: &str, to: &str, kind: Edge) {
        let arrow = match kind {
            Edge::Goes => "-->",
            Edge::Stops => "--x",
        };
        let _ = writeln!(out, "    {from} {arrow} {to}");
    }
}

/// Text within quotes: what means something there stands by its number.
fn mermaid_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '#' | '&' | '<' | '>' | '`' | ';' | '\\' => {
                let _ = write!(out, "#{};", u32::from(char));
            }
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out
}

/// A graph in the language of Graphviz.
pub(super) struct Dot;

impl Language for Dot {
    const BEGIN: &'static str = "digraph logging {\n    rankdir=LR;\n    node [fontname=\"sans-serif\"];\n";
    const END: &'static str = "}\n";

    fn node(&self, out: &mut String, id: &str, shape: Shape, lines: &[String]) {
        let shape = match shape {
            Shape::Logger => "ellipse",
            Shape::Handler => "box",
            Shape::Destination => "cylinder",
        };
        let label: Vec<String> = lines.iter().map(|line| dot_text(line)).collect();
        let _ = writeln!(out, "    {id} [shape={shape}, label=\"{}\"];", label.join("\\n"));
    }

    fn edge(&self, out: &mut String, from: &str, to: &str, kind: Edge) {
        let attributes = match kind {
            Edge::Goes => "",
            Edge::Stops => " [style=dashed, arrowhead=tee, label=\"propagate: false\"]",
        };
        let _ = writeln!(out, "    {from} -> {to}{attributes};");
    }
}

/// Text within quotes, where entities mean something too.
fn dot_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '&' => out.push_str("&amp;"),
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out
}
