//! Levels: numbers and names.

use logtree_core::{BadDirective, Directives, Level, LevelNames};

use super::Checker;
use super::scope::{At, Field, Scope};
use crate::catalog::Item;
use crate::node::{Kind, Node};
use crate::refusal::Refusal;
use crate::resolve::{Known, Value};
use crate::suggest;

impl<'a> Checker<'a> {
    /// The names of our own top-level key `levels`, which Python ignores.
    pub(super) fn level_names(&mut self) {
        let Some(Field { at, node, .. }) = self.field("levels") else { return };
        let section = match self.converted(None, &at, node) {
            Some(Value::Node(node @ Node { kind: Kind::Dict(_), .. })) => node,
            Some(_) => {
                let refusal = Refusal::type_error("levels must be an object").expected("names with their numbers");
                return self.refuse(None, &at, refusal);
            }
            None => return,
        };
        for entry in section.entries() {
            let at = at.value(entry);
            match entry.value.kind {
                Kind::Int(number) => self.levels.add(clamp(number), &entry.key.text()),
                _ => {
                    let message = format!("Level {} has no number: {}", entry.key.repr(), entry.value.repr());
                    self.refuse(None, &at, Refusal::type_error(message).expected("an integer"));
                }
            }
        }
    }

    /// The levels that the variable says which our own top-level key `env_levels` names.
    pub(super) fn env_levels(&mut self) {
        let Some(Field { at, node, .. }) = self.field("env_levels") else { return };
        let variable = match self.converted(None, &at, node).filter(|value| !value.is_none()) {
            Some(Value::Node(Node { kind: Kind::Str(name), .. }))
                if !name.is_empty() && !name.contains(['=', '\0']) =>
            {
                name
            }
            Some(_) => {
                let refusal = Refusal::type_error("env_levels must name a variable of the environment");
                return self.refuse(None, &at, refusal.expected("\"RUST_LOG\", or another name"));
            }
            None => return,
        };
        let Some(value) = std::env::var_os(variable) else { return };
        match value.to_str() {
            Some(value) => self.add_directives(&at, &format!("{variable}: "), value),
            None => self.refuse(None, &at, Refusal::value_error(format!("{variable} is not UTF-8"))),
        }
    }

    /// The levels that our own top-level key `directives` says.
    pub(super) fn directives(&mut self) {
        let Some(Field { at, node, .. }) = self.field("directives") else { return };
        match self.converted(None, &at, node).filter(|value| !value.is_none()) {
            Some(Value::Node(Node { kind: Kind::Str(text), .. })) => self.add_directives(&at, "", text),
            Some(_) => {
                let refusal = Refusal::type_error("directives must be a string");
                self.refuse(None, &at, refusal.expected("levels of loggers, such as \"info,my_app::db=debug\""));
            }
            None => {}
        }
    }

    fn add_directives(&mut self, at: &At, origin: &str, text: &str) {
        match Directives::parse(text, &self.levels) {
            Ok(directives) => self.directives.extend(directives),
            Err(bad) => {
                for BadDirective { message, expected, level, .. } in bad {
                    let known = ["off", "error", "warn", "info", "debug", "trace"];
                    let guess = level.and_then(|level| suggest::closest(&level, &known));
                    let refusal = Refusal::value_error(format!("{origin}{message}"));
                    self.refuse(None, at, refusal.expected(expected).guess(guess));
                }
            }
        }
    }

    /// The key `level` of an entry, if it is there and not null; for handlers and loggers alike.
    pub(super) fn level(&mut self, scope: &Scope<'a>) -> Option<Level> {
        let field = scope.field("level")?;
        let level = self.resolver.convert(field.node).and_then(|value| match value.is_none() {
            true => Ok(None),
            false => parse(&self.levels, value).map(Some),
        });
        self.accepted(Some(&scope.outer), &field.at, level)?
    }
}

/// A level (CPython's `logging._checkLevel`). DIFFERENCE: `TRACE` is a name.
pub(super) fn parse(names: &LevelNames, value: Value<'_>) -> Result<Level, Refusal> {
    match value {
        Value::Node(node) => match &node.kind {
            Kind::Int(number) => return Ok(clamp(*number)),
            Kind::Bool(truth) => return Ok(Level(i32::from(*truth))),
            Kind::BigInt(digits) => return Ok(Level(if digits.starts_with('-') { i32::MIN } else { i32::MAX })),
            Kind::Str(name) => {
                return names.parse(name).ok_or_else(|| {
                    let refusal = Refusal::value_error(format!("Unknown level: {}", node.repr()));
                    let expected = match name.contains("${") {
                        true => "a number or the name of a level; \"env\": true would fill in variables",
                        false => "a number or the name of a level",
                    };
                    refusal.expected(expected).guess(suggest::closest(name, &names.known().collect::<Vec<_>>()))
                });
            }
            _ => {}
        },
        Value::Named(_, Known::Item(Item::Int(number))) => return Ok(clamp(number)),
        _ => {}
    }
    let message = format!("Level not an integer or a valid string: {}", value.repr());
    Err(Refusal::type_error(message).expected("a number or the name of a level"))
}

/// Python's levels know no bounds, but no record is beyond these.
fn clamp(number: i64) -> Level {
    Level(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
}
