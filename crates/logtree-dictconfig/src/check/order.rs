//! The order in which handlers are made: those that others hand on to before those. At the end of the program they are
//! flushed in the opposite order, so that it shows in the files.
//!
//! CPython makes them by name and comes back once for those that were not ready. DIFFERENCE: here they are come back for
//! until all are made, where in CPython a chain of three may fail for its names alone.

use std::collections::HashMap;

use super::Checker;
use crate::plan::{Child, HandlerSpec, Made};
use crate::python::repr_str;
use crate::refusal::Refusal;

/// How far the walk has come with a handler.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}

impl Checker<'_> {
    /// Sorts the handlers by what they need. One that needs itself, by whatever way, is refused.
    pub(super) fn order_handlers(&mut self) {
        let names: HashMap<&str, usize> =
            self.handlers.iter().enumerate().map(|(index, spec)| (spec.name.as_str(), index)).collect();
        let children =
            |spec: &HandlerSpec| spec.passed.children.iter().map(|child| names.get(&*child.name).copied()).collect();
        let children: Vec<Vec<Option<usize>>> = self.handlers.iter().map(children).collect();

        self.refuse_cycles(&children);
        let mut is_made = vec![false; self.handlers.len()];
        let mut order = Vec::with_capacity(self.handlers.len());
        let mut waiting: Vec<usize> = (0..self.handlers.len()).collect();
        loop {
            let count = waiting.len();
            waiting.retain(|&index| {
                let is_ready = children[index].iter().flatten().all(|child| is_made[*child]);
                if is_ready {
                    is_made[index] = true;
                    order.push(index);
                }
                !is_ready
            });
            if waiting.len() == count {
                break;
            }
        }
        // What is left stands in a cycle, or hands on to one.
        order.append(&mut waiting);
        let mut handlers: Vec<Option<HandlerSpec>> = std::mem::take(&mut self.handlers).into_iter().map(Some).collect();
        self.handlers = order.into_iter().filter_map(|index| handlers[index].take()).collect();
    }

    /// Walks from each handler to what it hands on to; whoever comes back to a handler of its way closes a cycle.
    fn refuse_cycles(&mut self, children: &[Vec<Option<usize>>]) {
        let mut visits = vec![Visit::New; self.handlers.len()];
        for start in 0..self.handlers.len() {
            // The handlers on the way from `start`, each with the next of its children to look at.
            let mut way = if visits[start] == Visit::New { vec![(start, 0)] } else { Vec::new() };
            while let Some((index, next)) = way.last_mut() {
                let index = *index;
                visits[index] = Visit::Open;
                let Some(child) = children[index].get(*next) else {
                    visits[index] = Visit::Done;
                    way.pop();
                    continue;
                };
                *next += 1;
                match child.map(|child| (child, visits[child])) {
                    Some((child, Visit::New)) => way.push((child, 0)),
                    Some((child, Visit::Open)) => self.refuse_cycle(&way, child),
                    Some((_, Visit::Done)) | None => {}
                }
            }
        }
    }

    /// Refuses the cycle that the way closes by coming back to `first`, at its first member by name, as CPython does.
    fn refuse_cycle(&mut self, way: &[(usize, usize)], first: usize) {
        let from = way.iter().position(|(index, _)| *index == first).unwrap_or(0);
        let Some(&(index, next)) = way.get(from) else { return };
        let names: Vec<&str> = way[from..].iter().map(|(index, _)| self.handlers[*index].name.as_str()).collect();
        let cycle = format!("{} -> {}", names.join(" -> "), names.first().unwrap_or(&""));
        let Some(Child { name, at, what, outer }) =
            self.handlers[index].passed.children.get(next.saturating_sub(1)).cloned()
        else {
            return;
        };
        let quoted = repr_str(&name);
        let cause = match what {
            Child::TARGET => "target not configured yet".to_owned(),
            _ => format!("Required handler {quoted} is not configured yet"),
        };
        let refusal = Refusal::type_error(cause).within(format!("Unable to set {what} handler {quoted}"));
        self.refuse(Some(&outer), &at, refusal);
        if let Some(problem) = self.problems.last_mut() {
            problem.note(format!("these handlers need one another: {cycle}"), None);
        }
        self.handlers[index].made = Made::Refused;
    }
}
