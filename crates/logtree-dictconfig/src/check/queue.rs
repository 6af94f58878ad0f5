//! The QueueHandler: its queue, its listener, and the handlers behind it.

use std::sync::Arc;

use logtree_core::{Argument, HandlerPlan, RecordQueue};

use super::Checker;
use super::arguments::{Arguments, Call};
use super::scope::{At, Field, Scope};
use crate::catalog::{self, Item};
use crate::node::{Kind, Node};
use crate::plan::{Child, Made, Passed};
use crate::python::repr_str;
use crate::refusal::Refusal;
use crate::resolve::{Known, Value};

const CLASS: &str = "logging.handlers.QueueHandler";
const LISTENER: &str = "logging.handlers.QueueListener";
/// What Python puts in front of a listener if the config names no queue.
const DEFAULT_QUEUE: &str = "queue.Queue";

/// Tells the handler whether the config gives it a formatter: no keyword of CPython's.
const FORMATTER: &str = "formatter";

/// The keys of a QueueHandler that are read here.
const KEYS: [&str; 8] = ["class", "()", "formatter", "level", "filters", "queue", "listener", "handlers"];

impl<'a> Checker<'a> {
    pub(super) fn queue_handler(
        &mut self,
        scope: &Scope<'a>,
        known: Known<'a>,
        passed: &mut Passed,
    ) -> Option<Made<HandlerPlan>> {
        let queue = match scope.field("queue") {
            Some(field) => self.queue(scope, &field),
            None => self.call_factory(scope, &scope.class_at(), scope.node, DEFAULT_QUEUE, None),
        };
        let listener = self.listener(scope);
        let handlers = self.queue_children(scope);
        let arguments = self.arguments(scope, &KEYS);
        let (queue, listener, handlers, mut arguments) = (queue?, listener?, handlers?, arguments?);
        if let Some(listener) = listener {
            arguments.push(("listener".to_owned(), listener));
        }
        if scope.node.entry("handlers").is_some() {
            let names = handlers.iter().map(|child| Argument::Handler(child.name.clone())).collect();
            arguments.push(("handlers".to_owned(), Argument::List(names)));
        }
        passed.children.extend(handlers);
        match queue {
            Made::Ready(queue) => {
                arguments.push(("queue".to_owned(), queue));
                self.warn_of_no_reader(scope);
                let formatter = scope.field("formatter").map(|field| self.resolver.convert(field.node));
                let is_formatting = formatter.is_some_and(|name| name.is_ok_and(|name| name.is_truthy()));
                arguments.push((FORMATTER.to_owned(), Argument::Bool(is_formatting)));
                self.make_handler(scope, CLASS, known, arguments, passed)
            }
            // Without its queue the handler cannot be made, but its other arguments can be looked at.
            Made::Unavailable(at, reason) => {
                let is_refused = self.bind(&Call::new(scope, CLASS), &arguments);
                passed.arguments = arguments;
                (!is_refused).then_some(Made::Unavailable(at, reason))
            }
            Made::Refused => None,
        }
    }

    /// The key `queue`: a callable's dotted name, a dict with `()`, or an object.
    fn queue(&mut self, scope: &Scope<'a>, field: &Field<'a>) -> Option<Made<Argument>> {
        let refused = match self.resolver.convert(field.node) {
            Ok(Value::Node(node @ Node { kind: Kind::Str(name), .. })) => match self.resolver.lookup(name) {
                Ok(known) if known.is_callable() => {
                    return self.call_factory(scope, &field.at, node, name, Some(known));
                }
                Ok(_) => invalid("queue", &node.repr()),
                Err(refusal) => refusal,
            },
            Ok(Value::Node(node @ Node { kind: Kind::Dict(_), .. })) if node.entry("()").is_some() => {
                let inner = Scope { at: field.key_at.clone(), value_at: field.at.clone(), node, ..scope.clone() };
                let (name, known) = self.factory(&inner, "()")?;
                return self.call_factory(&inner, &inner.class_at(), node, name, Some(known));
            }
            Ok(Value::Named(_, Known::Object(object))) if object.downcast::<Arc<dyn RecordQueue>>().is_some() => {
                return Some(Made::Ready(Argument::Object(object.clone())));
            }
            Ok(Value::Named(name, Known::Assumed)) => {
                return Some(self.unavailable(&field.at, name));
            }
            Ok(value) => invalid("queue", &value.repr()),
            Err(refusal) => refusal,
        };
        self.refuse(Some(&scope.outer), &field.at, refused);
        None
    }

    /// Calls what makes a queue, with the keys of its dict, if it has one.
    fn call_factory(
        &mut self,
        scope: &Scope<'a>,
        at: &At,
        node: &'a Node,
        name: &str,
        known: Option<Known<'a>>,
    ) -> Option<Made<Argument>> {
        let has_arguments = known.is_some() && matches!(node.kind, Kind::Dict(_));
        let arguments = if has_arguments { self.plain_arguments(scope)? } else { Arguments::new() };
        let item = catalog::find(name);
        let call = Call::new(scope, name);
        if let Some(factory) = self.registry.find_factory(name).cloned() {
            return self.call(&call, arguments, |kwargs| factory(kwargs));
        }
        match item {
            Some(Item::Queue(_)) if self.bind(&call, &arguments) => return None,
            Some(Item::Queue(_)) => {}
            None if matches!(known, Some(Known::Assumed)) => {}
            // DIFFERENCE: CPython takes whatever the call returns and fails at the first record.
            _ => {
                let refusal = Refusal::type_error(format!("{name} does not make a queue"));
                self.refuse(Some(&scope.outer), at, refusal);
                return None;
            }
        }
        Some(self.unavailable(at, name))
    }

    /// The key `listener`, which may only name Python's own class. DIFFERENCE: CPython takes subclasses and factories.
    fn listener(&mut self, scope: &Scope<'a>) -> Option<Option<Argument>> {
        let Some(field) = scope.field("listener") else { return Some(None) };
        let name = self.resolver.convert(field.node).and_then(|value| match value {
            Value::Named(name, known) => Ok((name, known)),
            Value::Node(Node { kind: Kind::Str(name), .. }) => Ok((name.as_str(), self.resolver.lookup(name)?)),
            value => Err(invalid("listener", &value.repr())),
        });
        let refusal = match name {
            Ok((LISTENER, _)) => return Some(Some(Argument::Str(LISTENER.to_owned()))),
            Ok((name, Known::Assumed)) => return Some(Some(Argument::Str(name.to_owned()))),
            Ok((name, _)) => invalid("listener", &repr_str(name)).expected(LISTENER),
            Err(refusal) => refusal,
        };
        self.refuse(Some(&scope.outer), &field.at, refusal);
        None
    }

    /// Warns of a queue that nobody reads, as configs from before Python 3.12 have it: there the program's code made a listener.
    /// A queue of the program's own may have readers that are not known here, and so may one that processes share by a name.
    fn warn_of_no_reader(&mut self, scope: &Scope<'a>) {
        let may_be_read = scope.field("queue").is_some_and(|field| match self.resolver.convert(field.node) {
            Ok(Value::Node(node)) => node.entry("name").is_some(),
            _ => true,
        });
        let has_handlers = scope.field("handlers").is_some_and(|field| field.node.is_truthy());
        if !may_be_read && !has_handlers {
            let message =
                "nobody reads the queue of a QueueHandler without handlers, and its records are lost".to_owned();
            self.warn(&scope.class_at(), message).expected = Some("the key 'handlers' too".to_owned());
        }
    }

    /// The key `handlers`: those behind the queue.
    fn queue_children(&mut self, scope: &Scope<'a>) -> Option<Vec<Child>> {
        let Some(field) = scope.field("handlers") else { return Some(Vec::new()) };
        let refusal = match self.resolver.convert(field.node) {
            Ok(Value::Node(Node { kind: Kind::List(items), .. })) => {
                let places = items.iter().enumerate().map(|(index, item)| field.at.index(index, item));
                let found = places.zip(items).map(|(at, item)| self.child(scope, &at, item, Child::REQUIRED));
                // All of them are looked at, whether or not one is refused.
                let found: Vec<Option<Child>> = found.collect();
                return found.into_iter().collect();
            }
            Ok(Value::Node(node @ Node { kind: Kind::Dict(_) | Kind::Str(_), .. })) if !node.is_truthy() => {
                return Some(Vec::new());
            }
            // DIFFERENCE: CPython reads a string as its characters and a dict as its keys.
            Ok(value) => {
                let message = format!("'{}' object is not a list", value.type_name());
                Refusal::type_error(message).within("Unable to set required handler").expected("a list of handlers")
            }
            Err(refusal) => refusal,
        };
        self.refuse(Some(&scope.outer), &field.at, refusal);
        None
    }
}

/// Whether it is an argument that only the class of here has, so that nobody is to be told of it.
pub(super) fn is_own(call: &str, keyword: &str) -> bool {
    (call, keyword) == ("QueueHandler.__init__()", FORMATTER)
}

fn invalid(what: &str, repr: &str) -> Refusal {
    Refusal::type_error(format!("Invalid {what} specifier {repr}"))
}
