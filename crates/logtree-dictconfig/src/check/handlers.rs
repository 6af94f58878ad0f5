//! Handlers (CPython's `DictConfigurator.configure_handler`).

use std::collections::{BinaryHeap, HashSet};

use logtree_core::{Argument, HandlerPlan};

use super::arguments::{Arguments, Call};
use super::scope::{At, Field, Scope};
use super::sections::Section;
use super::{Checker, absent, levels};
use crate::catalog::Item;
use crate::node::{Kind, Node};
use crate::plan::{Child, HandlerAt, HandlerSpec, Made, Passed};
use crate::python::repr_str;
use crate::refusal::Refusal;
use crate::resolve::{Known, Value};
use crate::suggest;

/// The keys of a handler that are not arguments of its class.
const OWN_KEYS: [&str; 5] = ["class", "()", "formatter", "level", "filters"];

/// Where CPython's walk through the handlers is: by name, and once more through those that were put off.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The handlers that it has made.
    made: HashSet<String>,
    /// The first problem of the handler whose turn it is.
    first_problem: usize,
    /// Whether that handler hands on to one that is not made yet, and nothing was wrong before that showed.
    is_put_off: bool,
}

impl<'a> Checker<'a> {
    pub(super) fn check_handlers(&mut self) {
        let mut scopes: Vec<_> = self.scopes(Section::Handlers).into_iter().map(Some).collect();
        // std's sort is compiled for each type that is sorted, at ten times the size of its heap.
        let by_name: BinaryHeap<(String, usize)> =
            scopes.iter().flatten().enumerate().map(|(at, entered)| (entered.scope.name.clone(), at)).collect();
        let mut put_off = Vec::new();
        for (_, at) in by_name.into_sorted_vec() {
            let Some(entered) = scopes[at].take() else { continue };
            self.turn = Turn { first_problem: self.problems.len(), ..std::mem::take(&mut self.turn) };
            let Some(scope) = self.enter(entered) else { continue };
            // CPython takes these two out before it looks at what the class is for.
            let is_readable = ["level", "filters"]
                .into_iter()
                .all(|key| scope.field(key).is_none_or(|field| self.resolver.convert(field.node).is_ok()));
            let spec = self.handler(&scope);
            if std::mem::take(&mut self.turn.is_put_off) && is_readable {
                put_off.extend(self.problems.split_off(self.turn.first_problem));
            } else {
                self.turn.made.insert(scope.name);
            }
            self.handlers.push(spec);
        }
        self.problems.append(put_off);
        self.order_handlers();
    }

    fn handler(&mut self, scope: &Scope<'a>) -> HandlerSpec {
        let formatter = self.handler_formatter(scope);
        let mut passed = Passed::default();
        let is_custom = scope.node.entry("()").is_some();
        let made = match is_custom {
            true => self.custom_handler(scope, &mut passed),
            false => self.plain_handler(scope, &mut passed),
        };
        let level = self.level(scope).unwrap_or_default();
        let filters = scope.field("filters").map(|field| self.references(scope, &field, Section::Filters));
        let key = if is_custom { "()" } else { "class" };
        let class = scope.field(key).map_or(String::new(), |field| field.node.text());
        HandlerSpec {
            name: scope.name.clone(),
            class,
            at: HandlerAt { class: scope.class_at(), values: scope.values_at() },
            level,
            filters: filters.unwrap_or_default(),
            formatter,
            passed,
            made: made.unwrap_or(Made::Refused),
        }
    }

    /// The key `formatter`, if it is there and true.
    fn handler_formatter(&mut self, scope: &Scope<'a>) -> Option<String> {
        let field = scope.field("formatter")?;
        let name = self.resolver.convert(field.node).and_then(|value| match value {
            value if !value.is_truthy() => Ok(None),
            Value::Node(node) => {
                let found = self.refer(Section::Formatters, node);
                found.map(Some).map_err(|refusal| refusal.within(format!("Unable to set formatter {}", node.repr())))
            }
            value => {
                let refusal = Refusal::new("KeyError", value.repr());
                Err(refusal.within(format!("Unable to set formatter {}", value.repr())))
            }
        });
        self.accepted(Some(&scope.outer), &field.at, name)?.map(str::to_owned)
    }

    /// A handler made by a factory. DIFFERENCE: a CPython factory may return anything; here it is a class of handlers.
    fn custom_handler(&mut self, scope: &Scope<'a>, passed: &mut Passed) -> Option<Made<HandlerPlan>> {
        let (name, known) = self.factory(scope, "()")?;
        let arguments = self.arguments(scope, &["()", "formatter", "level", "filters"])?;
        self.make_handler(scope, name, known, arguments, passed)
    }

    /// A handler of a class, some of which refer to other handlers.
    fn plain_handler(&mut self, scope: &Scope<'a>, passed: &mut Passed) -> Option<Made<HandlerPlan>> {
        let (name, known) = self.factory_of_class(scope)?;
        if name == "logging.handlers.QueueHandler" {
            return self.queue_handler(scope, known, passed);
        }
        let mut special = Some(Vec::new());
        let mut skipped = OWN_KEYS.to_vec();
        if name == "logging.handlers.MemoryHandler" {
            skipped.extend(["flushLevel", "target"]);
            special = self.memory_handler(scope, &mut passed.children);
        }
        let arguments = self.arguments(scope, &skipped);
        let (mut arguments, special) = (arguments?, special?);
        arguments.extend(special);
        self.warn_of_stream_name(scope, name);
        self.warn_of_no_backups(scope, name);
        self.make_handler(scope, name, known, arguments, passed)
    }

    /// What the key `class` names: as [`factory`](Self::factory), but a function is no class.
    fn factory_of_class(&mut self, scope: &Scope<'a>) -> Option<(&'a str, Known<'a>)> {
        let (name, known) = self.factory(scope, "class")?;
        if matches!(known, Known::Item(Item::Function)) {
            let refusal = Refusal::type_error("issubclass() arg 1 must be a class");
            self.refuse(Some(&scope.outer), &scope.class_at(), refusal.expected("a class of handlers"));
            return None;
        }
        Some((name, known))
    }

    /// `MemoryHandler`'s `flushLevel`, a level, and `target`, another handler.
    fn memory_handler(&mut self, scope: &Scope<'a>, children: &mut Vec<Child>) -> Option<Arguments> {
        let mut arguments = Arguments::new();
        let mut is_refused = false;
        if let Some(field) = scope.field("flushLevel") {
            let level = self.resolver.convert(field.node).and_then(|value| levels::parse(&self.levels, value));
            match self.accepted(Some(&scope.outer), &field.at, level) {
                Some(level) => arguments.push(("flushLevel".to_owned(), Argument::Int(level.0.into()))),
                None => is_refused = true,
            }
        }
        if let Some(field) = scope.field("target") {
            let child = match self.converted(Some(&scope.outer), &field.at, field.node) {
                Some(Value::Node(node)) => self.child(scope, &field.at, node, Child::TARGET),
                // What `ext://` and `cfg://handlers.x` stand for is the name of no handler.
                Some(value) => {
                    let refusal = Refusal::new("KeyError", value.repr());
                    let refusal = refusal.within(format!("Unable to set target handler {}", value.repr()));
                    self.refuse(Some(&scope.outer), &field.at, refusal.expected("the name of a handler"));
                    None
                }
                None => None,
            };
            is_refused |= child.is_none();
            if let Some(child) = child {
                arguments.push(("target".to_owned(), Argument::Handler(child.name.clone())));
                children.push(child);
            }
        }
        (!is_refused).then_some(arguments)
    }

    /// Another handler of the config that this one hands records on to. `what` is `target` or `required`.
    pub(super) fn child(&mut self, scope: &Scope<'a>, at: &At, node: &'a Node, what: &'static str) -> Option<Child> {
        let child = |name: &str| Child { name: name.to_owned(), at: at.clone(), what, outer: scope.outer.clone() };
        let found = self.refer(Section::Handlers, node).and_then(|name| {
            // CPython reads what stands behind the name here, where no one did before.
            let handlers =
                self.root.entry("handlers").and_then(|section| match self.resolver.convert(&section.value) {
                    Ok(Value::Node(section)) => section.entry(name),
                    _ => None,
                });
            handlers.map_or(Ok(()), |entry| self.resolver.convert(&entry.value).map(drop))?;
            if !self.turn.made.contains(name) && !self.problems.has_errors_from(self.turn.first_problem) {
                self.turn.is_put_off = true;
            }
            Ok(child(name))
        });
        let found = found.map_err(|refusal| refusal.within(format!("Unable to set {what} handler {}", node.repr())));
        self.accepted(Some(&scope.outer), at, found)
    }

    /// Makes the handler's plan, or checks its arguments for the day when its class is there.
    pub(super) fn make_handler(
        &mut self,
        scope: &Scope<'a>,
        name: &str,
        known: Known<'a>,
        arguments: Arguments,
        passed: &mut Passed,
    ) -> Option<Made<HandlerPlan>> {
        for (keyword, argument) in &arguments {
            let Argument::Handler(name) = argument else { continue };
            self.used.insert(format!("handlers.{name}"));
            if !passed.children.iter().any(|child| child.name == *name) {
                let at = scope.field(keyword).map_or_else(|| scope.class_at(), |field| field.at);
                let child = Child { name: name.clone(), at, what: Child::REQUIRED, outer: scope.outer.clone() };
                passed.children.push(child);
            }
        }
        passed.arguments = arguments.clone();
        let call = Call { own_keys: &OWN_KEYS, ..Call::new(scope, name) };
        if let Some(class) = self.registry.find_handler(name).cloned() {
            return self.call(&call, arguments, |kwargs| class(kwargs));
        }
        match known {
            Known::Item(Item::Handler(_)) if self.bind(&call, &arguments) => None,
            Known::Item(Item::Handler(_)) | Known::Assumed => {
                if let Err(error) = absent::check(name, &arguments) {
                    self.refuse_argument(&call, error);
                    return None;
                }
                if let Some(facility) = absent::unknown_facility(name, &arguments) {
                    let at = self.keyword_at(scope, "facility").1;
                    let guess = suggest::closest(facility, &absent::FACILITIES).map(str::to_owned);
                    let message =
                        format!("SysLogHandler has no facility {}, and so loses each record", repr_str(facility));
                    self.warn(&at, message).guess = guess;
                }
                Some(self.unavailable(&scope.class_at(), name))
            }
            _ => {
                // DIFFERENCE: CPython attaches whatever it made, and fails at the first record.
                let refusal = Refusal::type_error(format!("{name} is not a class of handlers"));
                self.refuse(Some(&scope.outer), &scope.class_at(), refusal);
                None
            }
        }
    }

    /// Warns of `"stream": "sys.stdout"`: a string, to which nobody can write.
    fn warn_of_stream_name(&mut self, scope: &Scope<'a>, class: &str) {
        let Some(Field { at, node, .. }) = scope.field("stream").filter(|_| class == "logging.StreamHandler") else {
            return;
        };
        if let (Kind::Str(name), Ok(Value::Node(_))) = (&node.kind, self.resolver.convert(node)) {
            let guess = matches!(&**name, "sys.stdout" | "sys.stderr").then(|| format!("ext://{name}"));
            let message = format!("the stream {} is a string, and nothing can be written to it", repr_str(name));
            self.warn(&at, message).guess = guess;
        }
    }

    /// Warns of a size at which nothing happens: without old files to keep, the file goes on growing.
    fn warn_of_no_backups(&mut self, scope: &Scope<'a>, class: &str) {
        let Some(field) = scope.field("maxBytes").filter(|_| class == "logging.handlers.RotatingFileHandler") else {
            return;
        };
        let keeps = scope.field("backupCount").is_some_and(|count| count.node.is_truthy());
        if field.node.is_truthy() && !keeps {
            let message = "without backupCount the file is never rolled, whatever maxBytes says".to_owned();
            self.warn(&field.at, message);
        }
    }
}
