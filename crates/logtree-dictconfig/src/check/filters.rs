//! Filters (CPython's `DictConfigurator.configure_filter`).

use std::sync::Arc;

use logtree_core::{Filter, NameFilter};

use super::Checker;
use super::arguments::Call;
use super::scope::Scope;
use super::sections::Section;
use crate::catalog::Item;
use crate::node::{Kind, Node};
use crate::plan::Made;
use crate::refusal::Refusal;
use crate::resolve::{Known, Value};
use crate::suggest;

impl<'a> Checker<'a> {
    pub(super) fn check_filters(&mut self) {
        for entered in self.scopes(Section::Filters) {
            let Some(scope) = self.enter(entered) else { continue };
            let is_custom = scope.node.entry("()").is_some();
            let made = if is_custom { self.custom_filter(&scope) } else { self.name_filter(&scope) };
            self.filters.push((scope.name, made.unwrap_or(Made::Refused)));
        }
    }

    /// A filter by name, made of the key `name` alone.
    fn name_filter(&mut self, scope: &Scope<'a>) -> Option<Made<Arc<dyn Filter>>> {
        for entry in scope.node.entries().iter().filter(|entry| entry.key.as_str() != Some("name")) {
            let key = entry.key.text();
            // What names the class of a handler or formatter does not name a filter's.
            let guess = if key == "class" { Some("()") } else { suggest::closest(&key, &["name", "()"]) };
            let message = format!("unknown key {} of a filter is ignored", entry.key.repr());
            self.warn(&scope.value_at.key(entry), message).guess = guess.map(str::to_owned);
        }
        let Some(field) = scope.field("name") else {
            return Some(Made::Ready(Arc::new(NameFilter::default())));
        };
        let name = self.resolver.convert(field.node).and_then(|value| match value {
            Value::Node(Node { kind: Kind::Str(name), .. }) => Ok(name.clone()),
            // DIFFERENCE: CPython takes a list or dict, and the filter then fails at each record.
            value => {
                let message = format!("object of type '{}' has no len()", value.type_name());
                Err(Refusal::type_error(message).expected("the name of a logger"))
            }
        });
        let name = self.accepted(Some(&scope.outer), &field.at, name)?;
        Some(Made::Ready(Arc::new(NameFilter { name })))
    }

    /// A filter made by a factory.
    fn custom_filter(&mut self, scope: &Scope<'a>) -> Option<Made<Arc<dyn Filter>>> {
        let (name, known) = self.factory(scope, "()")?;
        let arguments = self.arguments(scope, &["()"])?;
        let call = Call::new(scope, name);
        if let Some(class) = self.registry.find_filter(name).cloned() {
            return self.call(&call, arguments, |kwargs| class(kwargs));
        }
        match known {
            Known::Item(Item::Filter(_)) if self.bind(&call, &arguments) => None,
            Known::Item(Item::Filter(_)) | Known::Assumed => Some(self.unavailable(&scope.class_at(), name)),
            _ => {
                let refusal = Refusal::type_error(format!("{name} is not a class of filters"));
                self.refuse(Some(&scope.outer), &scope.class_at(), refusal);
                None
            }
        }
    }
}
