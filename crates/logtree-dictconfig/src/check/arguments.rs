//! Keyword arguments: from the keys of an entry to what a class makes of them.

use logtree_core::{Argument, ArgumentError, Kwargs, Object};

use super::scope::{At, Field, Scope};
use super::{Checker, queue};
use crate::catalog::{self, Item, Signature};
use crate::node::{Entry, Kind, Node};
use crate::plan::Made;
use crate::problem::Exception;
use crate::python::repr_str;
use crate::refusal::Refusal;
use crate::resolve::{Known, Value};
use crate::suggest;

/// The arguments of one call, by keyword.
pub(super) type Arguments = Vec<(String, Argument)>;

/// One call of a class or factory that a config asks for.
pub(super) struct Call<'s, 'a> {
    pub(super) scope: &'s Scope<'a>,
    /// What is called, in Python's messages.
    pub(super) name: String,
    /// What CPython's own class of that name takes.
    pub(super) signature: Option<&'static Signature>,
    /// What the key `.` sets on what is made.
    pub(super) attributes: Arguments,
    /// The keys of the entry that are no arguments of the call, one of which may have been meant.
    pub(super) own_keys: &'static [&'static str],
    /// A keyword that CPython gives another name when the first one raises a `TypeError`.
    pub(super) renamed: Option<(&'static str, &'static str)>,
}

impl<'s, 'a> Call<'s, 'a> {
    /// The call of the class or function `class` for an entry.
    pub(super) fn new(scope: &'s Scope<'a>, class: &str) -> Self {
        let signature = catalog::signature(class);
        let last = class.rsplit('.').next().unwrap_or(class);
        let name = match signature {
            Some(signature) => signature.call.to_owned(),
            None if last.starts_with(char::is_uppercase) => format!("{last}.__init__()"),
            None => format!("{last}()"),
        };
        Self { scope, name, signature, attributes: attributes(scope), own_keys: &[], renamed: None }
    }

    /// What may be meant by a keyword that the call does not take.
    fn meant(&self, keyword: &str) -> Option<&'static str> {
        let mut known = self.signature.map(Signature::keywords).unwrap_or_default();
        known.extend(self.own_keys);
        suggest::closest(keyword, &known)
    }

    /// Gives the keyword its other name; answers whether it was there.
    pub(super) fn rename(&self, arguments: &mut Arguments) -> bool {
        let Some((from, to)) = self.renamed else { return false };
        let found = arguments.iter_mut().find(|(keyword, _)| keyword == from);
        found.map(|(keyword, _)| to.clone_into(keyword)).is_some()
    }
}

/// What the key `.` of an entry sets: as it stands, for CPython does not look for `ext://` in it.
fn attributes(scope: &Scope<'_>) -> Arguments {
    let entries = scope.node.entry(".").map_or(&[][..], |entry| entry.value.entries());
    entries.iter().filter_map(|entry| Some((entry.key.text(), argument(&entry.value).ok()?))).collect()
}

impl<'a> Checker<'a> {
    /// The keys of an entry as keyword arguments, but for `skipped` ones and `.`; `None` if one of them is refused.
    pub(super) fn arguments(&mut self, scope: &Scope<'a>, skipped: &[&str]) -> Option<Arguments> {
        self.converted_arguments(scope, skipped, true)
    }

    /// The same for a dict in which CPython does not look for `ext://` and `cfg://`.
    pub(super) fn plain_arguments(&mut self, scope: &Scope<'a>) -> Option<Arguments> {
        self.converted_arguments(scope, &["()"], false)
    }

    fn converted_arguments(&mut self, scope: &Scope<'a>, skipped: &[&str], is_converted: bool) -> Option<Arguments> {
        let mut arguments = Vec::new();
        let mut is_refused = false;
        for entry in scope.node.entries() {
            let keyword = entry.key.text();
            if keyword == "." || skipped.contains(&&*keyword) {
                continue;
            }
            let (key_at, at) = (scope.value_at.key(entry), scope.value_at.value(entry));
            if is_converted && let Some(made) = self.factory_argument(scope, &at, &entry.value) {
                is_refused |= made.is_none();
                arguments.extend(made.map(|argument| (keyword, argument)));
                continue;
            }
            let outcome = match is_identifier(&keyword) {
                true if !is_converted => argument(&entry.value).map_err(|error| (at, error)),
                true => self.resolver.convert(&entry.value).and_then(Self::value_argument).map_err(|error| (at, error)),
                false => {
                    let message = format!("Not a valid Python identifier: {}", entry.key.repr());
                    Err((key_at, Refusal::value_error(message)))
                }
            };
            match outcome {
                Ok(argument) => arguments.push((keyword, argument)),
                Err((at, refusal)) => {
                    self.refuse(Some(&scope.outer), &at, refusal);
                    is_refused = true;
                }
            }
        }
        self.check_attributes(scope);
        (!is_refused).then_some(arguments)
    }

    /// An argument `{"()": name, …}` whose name the program registered as a factory; `None` if it is no such.
    ///
    /// DIFFERENCE: CPython makes only a queue so, and hands any other dict to the class as it is.
    fn factory_argument(&mut self, scope: &Scope<'a>, at: &At, node: &'a Node) -> Option<Option<Argument>> {
        let name = node.entry("()")?.value.as_str()?;
        let factory = self.registry.find_factory(name)?.clone();
        let inner = Scope { value_at: at.clone(), node, ..scope.clone() };
        let Some(arguments) = self.arguments(&inner, &["()"]) else { return Some(None) };
        if let Some(assumed) = self.assumed_argument(&arguments) {
            // It is as absent as what it is for, and the call around this one says so.
            return Some(Some(Argument::Object(Object::new(assumed, ()))));
        }
        match self.call(&Call::new(&inner, name), arguments, |kwargs| factory(kwargs)) {
            Some(Made::Ready(argument)) => Some(Some(argument)),
            _ => Some(None),
        }
    }

    /// Converts the items of those arguments that the class looks into; answers whether all can be.
    pub(super) fn convert_items(&mut self, scope: &Scope<'a>, class: &str, arguments: &mut Arguments) -> bool {
        let mut is_converted = true;
        for keyword in catalog::looked_into(class) {
            let given = arguments.iter_mut().find(|(name, _)| name == keyword);
            let (Some((_, Argument::Map(items))), Some(field)) = (given, scope.field(keyword)) else { continue };
            let Ok(Value::Node(node)) = self.resolver.convert(field.node) else { continue };
            for ((_, item), entry) in items.iter_mut().zip(node.entries()) {
                match self.resolver.convert(&entry.value).and_then(Self::value_argument) {
                    Ok(argument) => *item = argument,
                    Err(refusal) => {
                        self.refuse(Some(&scope.outer), &field.at.value(entry), refusal);
                        is_converted = false;
                    }
                }
            }
        }
        is_converted
    }

    /// The key `.` must be a dict if it is anything.
    fn check_attributes(&mut self, scope: &Scope<'a>) {
        let Some(field) = scope.field(".") else { return };
        if field.node.is_truthy() && !matches!(field.node.kind, Kind::Dict(_)) {
            let message = format!("'{}' object has no attribute 'items'", field.node.type_name());
            let refusal = Refusal::new("AttributeError", message).expected("an object");
            self.refuse(Some(&scope.outer), &field.at, refusal);
        }
    }

    /// A converted value as an argument.
    pub(super) fn value_argument(value: Value<'a>) -> Result<Argument, Refusal> {
        Ok(match value {
            Value::Node(node) => return argument(node),
            Value::Handler(name) => Argument::Handler(name.to_owned()),
            Value::Named(_, Known::Object(object)) => Argument::Object(object.clone()),
            Value::Named(_, Known::Item(Item::Int(number))) => Argument::Int(number),
            Value::Named(name, _) => Argument::Object(Object::new(name, ())),
        })
    }

    /// Makes what an entry asks for, and reports all that is wrong with its arguments.
    ///
    /// The class is the judge. Where CPython's class of that name refuses the keywords too, its words are used.
    pub(super) fn call<T>(
        &mut self,
        call: &Call<'_, 'a>,
        arguments: Arguments,
        make: impl Fn(Kwargs) -> Result<T, ArgumentError>,
    ) -> Option<Made<T>> {
        let mut made = None;
        let outcome = self.call_until_made(call, arguments, &mut |kwargs| make(kwargs).map(|new| made = Some(new)));
        Some(match outcome? {
            Made::Ready(()) => Made::Ready(made?),
            Made::Unavailable(at, reason) => Made::Unavailable(at, reason),
            Made::Refused => Made::Refused,
        })
    }

    /// The same, whatever is made.
    fn call_until_made(
        &mut self,
        call: &Call<'_, 'a>,
        mut arguments: Arguments,
        make: &mut dyn FnMut(Kwargs) -> Result<(), ArgumentError>,
    ) -> Option<Made<()>> {
        if let Some(name) = self.assumed_argument(&arguments) {
            call.rename(&mut arguments);
            let is_refused = self.bind(call, &arguments);
            return (!is_refused).then(|| self.unavailable(&call.scope.class_at(), &name));
        }
        let mut is_refused = false;
        loop {
            let kwargs = self.registry.kwargs(&call.name, arguments.clone());
            let error = match make(kwargs.of_entry(&call.scope.name, call.attributes.clone())) {
                Ok(()) => return (!is_refused).then_some(Made::Ready(())),
                Err(error) => error,
            };
            let is_about_keywords = error.exception == "TypeError";
            if is_about_keywords && call.rename(&mut arguments) {
                continue;
            }
            is_refused = true;
            if is_about_keywords && self.bind(call, &arguments) {
                return None;
            }
            if is_about_keywords && error.message.contains(" unexpected keyword argument ") {
                let before = arguments.len();
                arguments.retain(|(keyword, _)| Some(keyword) != error.keyword.as_ref());
                let is_shorter = arguments.len() < before;
                self.refuse_argument(call, error);
                if is_shorter && !self.problems.is_full() {
                    continue;
                }
            } else {
                self.refuse_argument(call, error);
            }
            return None;
        }
    }

    /// An argument that is there by the caller's word alone, and that no class can be given.
    fn assumed_argument(&self, arguments: &Arguments) -> Option<String> {
        let mut names = arguments.iter().filter_map(|(_, argument)| match argument {
            Argument::Object(object) => Some(object.name()),
            _ => None,
        });
        names.find(|name| matches!(self.resolver.lookup(name), Ok(Known::Assumed))).map(str::to_owned)
    }

    /// Reports what CPython says to the keywords of a call; answers whether it refuses any.
    pub(super) fn bind(&mut self, call: &Call<'_, 'a>, arguments: &Arguments) -> bool {
        let Some(signature) = call.signature else { return false };
        let keywords = arguments.iter().map(|(keyword, _)| keyword.as_str());
        let given: Vec<&str> = keywords.filter(|keyword| !queue::is_own(&call.name, keyword)).collect();
        let errors = signature.bind(&given);
        for (keyword, Exception { kind, message }) in &errors {
            let at = keyword.as_ref().map(|keyword| self.keyword_at(call.scope, keyword).0);
            let guess = keyword.as_ref().and_then(|keyword| call.meant(keyword));
            let refusal = Refusal::new(kind, message.clone()).guess(guess);
            let at = at.unwrap_or_else(|| call.scope.class_at());
            self.refuse(Some(&call.scope.outer), &at, refusal);
            if self.problems.is_full() {
                // Each of the others would be looked for among all keys.
                break;
            }
        }
        !errors.is_empty()
    }

    pub(super) fn refuse_argument(&mut self, call: &Call<'_, 'a>, error: ArgumentError) {
        let is_unexpected = error.message.contains(" unexpected keyword argument ");
        let at = match &error.keyword {
            Some(keyword) => {
                let (key_at, at) = self.keyword_at(call.scope, keyword);
                if is_unexpected { key_at } else { at }
            }
            None => call.scope.class_at(),
        };
        let guess = error.keyword.as_deref().filter(|_| is_unexpected).and_then(|keyword| call.meant(keyword));
        self.refuse(Some(&call.scope.outer), &at, Refusal::from(error).guess(guess));
    }

    /// The places of a keyword, or of an attribute, and of its value. CPython renames some on the way to the class.
    pub(super) fn keyword_at(&self, scope: &Scope<'a>, keyword: &str) -> (At, At) {
        let renamed = || if keyword == "fmt" { scope.field("format") } else { None };
        let attribute = || {
            let Field { at, node, .. } = scope.field(".")?;
            Scope { value_at: at, node, ..scope.clone() }.field(keyword)
        };
        let field = scope.field(keyword).or_else(renamed).or_else(attribute);
        field.map_or_else(|| (scope.class_at(), scope.class_at()), |field| (field.key_at, field.at))
    }

    /// Records that something is there in Python and not in logtree, or that the program is to register it.
    pub(super) fn unavailable<T>(&mut self, at: &At, name: &str) -> Made<T> {
        Made::Unavailable(at.clone(), self.warn_of_unavailable(at, name))
    }

    fn warn_of_unavailable(&mut self, at: &At, name: &str) -> String {
        let reason = unavailable_reason(name);
        if !self.resolver.is_assumed(name) {
            let note = "the config is accepted, and refused when it is installed, unless the program registers it";
            let problem = self.warn(at, reason.clone());
            problem.note(note, None);
            if let Some(Item::Handler(_)) = catalog::find(name) {
                problem.note("logging.NullHandler, without arguments, keeps its place", None);
            }
        }
        reason
    }
}

/// Why something that Python has cannot be used.
fn unavailable_reason(name: &str) -> String {
    match name {
        "multiprocessing.Queue" => format!("{name} is not available: it needs the feature `prefork`, and Linux"),
        "queue.LifoQueue" | "queue.PriorityQueue" => {
            format!("{name} is not available: it would hand on records in another order than that in which they came")
        }
        _ => format!("{name} is not available in this program"),
    }
}

/// What stands in a config as an argument.
pub(super) fn argument(node: &Node) -> Result<Argument, Refusal> {
    Ok(match &node.kind {
        Kind::None => Argument::None,
        Kind::Bool(value) => Argument::Bool(*value),
        Kind::Int(value) => Argument::Int(*value),
        // DIFFERENCE: Python's integers know no bounds; no argument of any class needs more than 64 bits.
        Kind::BigInt(_) => return Err(Refusal::new("OverflowError", "int too big to convert")),
        Kind::Float(value) => Argument::Float(*value),
        Kind::Str(text) => Argument::Str(text.clone()),
        Kind::List(items) => Argument::List(items.iter().map(argument).collect::<Result<_, _>>()?),
        Kind::Dict(entries) => {
            let entry = |entry: &Entry| argument(&entry.value).map(|value| (entry.key.text(), value));
            Argument::Map(entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}

/// `^[a-z_][a-z0-9_]*$`, in any case (CPython's `logging.config.valid_ident`).
fn is_identifier(name: &str) -> bool {
    let is_word = name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    is_word && !name.starts_with(|char: char| char.is_ascii_digit()) && !name.is_empty()
}

/// The name that a value gives for something to call, or what CPython raises when it looks for the dots in it.
pub(super) fn dotted<'a>(value: Option<Value<'a>>) -> Result<(&'a str, Option<Known<'a>>), Refusal> {
    match value {
        Some(Value::Named(name, known)) if known.is_callable() => Ok((name, Some(known))),
        Some(Value::Node(Node { kind: Kind::Str(name), .. })) => Ok((name, None)),
        value => {
            let type_name = value.map_or("NoneType", Value::type_name);
            let message = format!("'{type_name}' object has no attribute 'split'");
            Err(Refusal::new("AttributeError", message).expected("the dotted name of a class"))
        }
    }
}

/// What CPython raises when it calls something that cannot be called.
pub(super) fn not_callable(name: &str, known: Known<'_>) -> Refusal {
    let type_name = if matches!(known, Known::Item(Item::Int(_))) { "int" } else { "object" };
    Refusal::type_error(format!("'{type_name}' object is not callable"))
        .expected(format!("a class or function; {} is none", repr_str(name)))
}
