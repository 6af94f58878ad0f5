//! The tree as a person would draw it.

use std::fmt::Write as _;

use logtree_core::Level;

use super::drawing::{Drawing, Handler, Logger};

/// Each logger below the one that it propagates to, with its handlers and those that they hand on to.
pub(super) fn draw(drawing: &Drawing) -> String {
    let mut out = String::new();
    if drawing.is_incremental {
        out.push_str("incremental: only levels and propagate change\n");
    }
    let mut picture = Picture { drawing, drawn: vec![false; drawing.handlers.len()], out };
    let children = children(drawing);
    // Loggers to be drawn, the next one last, each with what stands before its name and before what is below it.
    let mut to_draw = vec![(0, String::new(), String::new())];
    while let Some((index, before, below)) = to_draw.pop() {
        let Some(logger) = drawing.loggers.get(index) else { break };
        picture.logger(logger, &before);
        let line = if children[index].is_empty() { "    " } else { "│   " };
        picture.handlers(&logger.handlers, &format!("{below}{line}"));
        for (place, child) in children[index].iter().enumerate().rev() {
            let is_last = place + 1 == children[index].len();
            let (branch, line) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
            to_draw.push((*child, format!("{below}{branch}"), format!("{below}{line}")));
        }
    }
    let unattached = drawing.unattached();
    if !unattached.is_empty() {
        picture.out.push_str("of no logger\n");
        picture.handlers(&unattached, "    ");
    }
    picture.out
}

/// The loggers right below each.
fn children(drawing: &Drawing) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); drawing.loggers.len()];
    for (index, logger) in drawing.loggers.iter().enumerate() {
        if let Some(above) = logger.above {
            children[above].push(index);
        }
    }
    children
}

struct Picture<'a> {
    drawing: &'a Drawing,
    /// The handlers that were drawn, and what they hand on to.
    drawn: Vec<bool>,
    out: String,
}

impl Picture<'_> {
    fn logger(&mut self, logger: &Logger, before: &str) {
        let level = self.drawing.name(logger.effective_level);
        let level = if logger.level == Level::NOTSET { format!("[{level}]") } else { level };
        let mut line = format!("{before}{} {level}", logger.name);
        if logger.disabled {
            line.push_str(", disabled");
        }
        if !logger.propagate && logger.above.is_some() {
            line.push_str(", propagate false");
        }
        line.push_str(&list(", filter ", ", filters ", &logger.filters));
        if let Some(note) = logger.span_events_note() {
            let _ = write!(line, ", {note}");
        }
        self.line(&line);
    }

    /// Handlers, each with those that it hands on to below it, unless these stand elsewhere already.
    fn handlers(&mut self, handlers: &[usize], before: &str) {
        let of_logger = |index: &usize| (*index, before.to_owned(), true);
        let mut to_draw: Vec<(usize, String, bool)> = handlers.iter().rev().map(of_logger).collect();
        while let Some((index, before, is_level_asked)) = to_draw.pop() {
            let handler = &self.drawing.handlers[index];
            let is_known = std::mem::replace(&mut self.drawn[index], true) && !handler.children.is_empty();
            let note = if is_known { ", as above" } else { "" };
            self.line(&format!("{before}> {}{note}", self.handler(handler, is_level_asked)));
            if !is_known {
                let below = format!("{before}    ");
                let children = handler.children.iter().rev();
                to_draw.extend(children.map(|child| (child.handler, below.clone(), child.is_level_asked)));
            }
        }
    }

    fn handler(&self, handler: &Handler, is_level_asked: bool) -> String {
        let Handler { name, class, is_available, level, formatter, filters, destination, address, .. } = handler;
        let mut text = format!("{name}: {class}");
        if !is_available {
            text.push_str(" (not in this program)");
        }
        let destination = destination.as_ref().map(ToString::to_string).or_else(|| address.clone());
        if let Some(destination) = destination {
            let _ = write!(text, " -> {destination}");
        }
        if *level != Level::NOTSET {
            let note = if is_level_asked { "" } else { " (not asked)" };
            let _ = write!(text, ", level {}{note}", self.drawing.name(*level));
        }
        if let Some(formatter) = formatter {
            let _ = write!(text, ", formatter {formatter}");
        }
        text + &list(", filter ", ", filters ", filters)
    }

    /// A line; what would end it within a name is shown as an escape.
    fn line(&mut self, line: &str) {
        for char in line.chars() {
            match char.is_control() {
                true => self.out.extend(char.escape_default()),
                false => self.out.push(char),
            }
        }
        self.out.push('\n');
    }
}

fn list(one: &str, many: &str, names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => format!("{one}{name}"),
        names => format!("{many}{}", names.join(" ")),
    }
}
