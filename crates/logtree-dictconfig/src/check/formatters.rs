//! Formatters (CPython's `DictConfigurator.configure_formatter`).

use std::sync::Arc;

use logtree_core::{
    Argument, Callsite, FieldName, FieldsBuf, Formatter, Level, Origin, Record, Source, Timestamp, Value,
};

use super::Checker;
use super::arguments::{Arguments, Call, dotted, not_callable};
use super::scope::{Field, Scope};
use super::sections::Section;
use crate::catalog::{self, Item};
use crate::plan::Made;
use crate::refusal::Refusal;
use crate::resolve::Known;
use crate::suggest;

/// The keys of a formatter without `()`; CPython ignores any other, and the last, which are [our own](OWN).
const KEYS: [&str; 9] = ["class", "format", "datefmt", "style", "validate", "defaults", "escape", "timespec", "utc"];

/// What formatters of lines know beyond Python.
const OWN: [&str; 3] = ["escape", "timespec", "utc"];

/// What a formatter is without a class.
const FORMATTER: &str = "logging.Formatter";

/// Attributes of records whose names may be slips of the hand in a format; those of few letters are close to too much.
const ATTRIBUTES: [&str; 16] = [
    "asctime",
    "created",
    "filename",
    "funcName",
    "levelname",
    "levelno",
    "lineno",
    "message",
    "module",
    "pathname",
    "process",
    "processName",
    "relativeCreated",
    "taskName",
    "thread",
    "threadName",
];

/// So many names of a format are looked at.
const MOST_NAMES: usize = 32;

impl<'a> Checker<'a> {
    pub(super) fn check_formatters(&mut self) {
        for entered in self.scopes(Section::Formatters) {
            let Some(scope) = self.enter(entered) else { continue };
            let is_custom = scope.node.entry("()").is_some();
            let made = if is_custom { self.custom_formatter(&scope) } else { self.plain_formatter(&scope) };
            if let Some(Made::Ready(formatter)) = &made {
                self.warn_of_format(&scope, &**formatter);
                self.warn_of_datefmt(&scope);
            }
            self.formatters.push((scope.name, made.unwrap_or(Made::Refused)));
        }
    }

    /// Warns of a format with which each record fails, such as `%(asctime) - %(message)s`, or names what was meant to be an
    /// attribute: CPython does not mind it before.
    fn warn_of_format(&mut self, scope: &Scope<'a>, formatter: &dyn Formatter) {
        let is_known = Self::is_known_formatter(scope);
        let Some(field) = scope.field("format").or_else(|| scope.field("fmt")).filter(|_| is_known) else { return };
        let (callsite, origin) = (Callsite::default(), Origin::default());
        // It has no fields, of which nothing prints, whatever the format asks of them: what fails with it fails with all.
        let record = Record::new(&callsite, &origin, Level::INFO, Timestamp::default(), "message");
        if let Err(error) = formatter.format(&record, &mut String::new()) {
            let lacks_letter = error.exception == "ValueError" && field.node.text().contains("%(");
            let expected = lacks_letter.then(|| "a letter behind each %(name), and %% for a %".to_owned());
            self.warn(&field.at, format!("each record fails with this format: {error}")).expected = expected;
            return;
        }
        // Of Python's own records it would be an error to lack a field: it tells the names.
        let mut given = FieldsBuf::default();
        for _ in 0..MOST_NAMES {
            let record = Record { source: Source::Python, attributes: given.as_fields(), ..record };
            let Err(error) = formatter.format(&record, &mut String::new()) else { return };
            let name = error.message.strip_prefix("Formatting field not found in record: '");
            let Some(name) = name.and_then(|name| name.strip_suffix('\'')) else { return };
            if let Some(guess) = suggest::slip(name, &ATTRIBUTES) {
                let message = format!("no attribute is called '{name}': nothing prints there unless a field is");
                self.warn(&field.at, message).guess = Some(guess.to_owned());
            }
            given.push(FieldName::Inline(name), Value::I64(0));
        }
    }

    /// Warns of what a `datefmt` prints as it stands, such as `%f`, which other libraries have and strftime has not.
    fn warn_of_datefmt(&mut self, scope: &Scope<'a>) {
        let Some(field) = scope.field("datefmt").filter(|_| Self::is_known_formatter(scope)) else { return };
        let Some(unknown) = field.node.as_str().and_then(logtree_formatters::unknown_in_datefmt) else { return };
        let expected = match unknown.ends_with(['f', '.']) {
            true => Some("%(msecs)03d behind %(asctime)s in the format, or timespec, for parts of a second".to_owned()),
            false => None,
        };
        self.warn(&field.at, format!("strftime has no '{unknown}', and prints it as it stands")).expected = expected;
    }

    /// Whether it is not of a class of the program's own, of which nothing is known here.
    fn is_known_formatter(scope: &Scope<'a>) -> bool {
        let class = scope.field("()").or_else(|| scope.field("class")).map(|field| field.node.text());
        class.is_none_or(|class| catalog::signature(&class).is_some())
    }

    /// A formatter made by a factory, with all other keys as keyword arguments.
    fn custom_formatter(&mut self, scope: &Scope<'a>) -> Option<Made<Arc<dyn Formatter>>> {
        let (name, known) = self.factory(scope, "()")?;
        let mut arguments = self.arguments(scope, &["()"])?;
        if !self.convert_items(scope, name, &mut arguments) {
            return None;
        }
        let registered = self.registry.find_formatter(name).cloned();
        let Some(class) = registered else {
            return self.absent_formatter(scope, name, known, arguments);
        };
        let mut call = Call::new(scope, name);
        call.renamed = Some(("format", "fmt"));
        self.call(&call, arguments, |kwargs| class(kwargs))
    }

    /// A formatter of known keys.
    fn plain_formatter(&mut self, scope: &Scope<'a>) -> Option<Made<Arc<dyn Formatter>>> {
        let class = scope.field("class").filter(|field| field.node.is_truthy()).map(|field| field.node.text());
        let signature = catalog::signature(class.as_deref().unwrap_or(FORMATTER));
        let is_of_lines = signature.is_some_and(|signature| signature.keywords().contains(&"escape"));
        let known = |name: &str| KEYS.contains(&name) && (is_of_lines || !OWN.contains(&name));
        for entry in scope.node.entries() {
            let name = entry.key.text();
            if !known(&name) {
                let at = scope.value_at.key(entry);
                let close = || suggest::closest(&name, &KEYS).filter(|key| known(key));
                let guess = if name == "fmt" { Some("format") } else { close() };
                self.warn(&at, format!("unknown key {} of a formatter is ignored", entry.key.repr())).guess =
                    guess.map(str::to_owned);
            }
        }
        let mut arguments = Vec::new();
        let mut is_refused = false;
        for (key, keyword) in [
            ("format", "fmt"),
            ("datefmt", "datefmt"),
            ("style", "style"),
            ("validate", "validate"),
            ("defaults", "defaults"),
            ("escape", "escape"),
            ("timespec", "timespec"),
            ("utc", "utc"),
        ] {
            let Some(field) = scope.field(key).filter(|_| known(key)) else { continue };
            let argument = self.resolver.convert(field.node).and_then(Self::value_argument);
            match self.accepted(Some(&scope.outer), &field.at, argument) {
                Some(Argument::None) if key == "defaults" => {}
                Some(argument) => arguments.push((keyword.to_owned(), argument)),
                None => is_refused = true,
            }
        }
        let (name, known) = match scope.field("class") {
            Some(field) if field.node.is_truthy() => self.formatter_class(scope, &field)?,
            _ => (FORMATTER, Known::Registered),
        };
        if !self.convert_items(scope, name, &mut arguments) || is_refused {
            return None;
        }
        // The key `.` means something beside `()` only.
        let call = Call { attributes: Arguments::new(), ..Call::new(scope, name) };
        // CPython gives the first four by their places, whatever another project's class has in the fourth.
        let fourth = call.signature.and_then(|signature| signature.keywords().get(3).copied()).unwrap_or("validate");
        if let Some((keyword, _)) = arguments.iter_mut().find(|(keyword, _)| keyword == "validate") {
            fourth.clone_into(keyword);
        }
        let Some(class) = self.registry.find_formatter(name).cloned() else {
            return self.absent_formatter(scope, name, known, arguments);
        };
        self.call(&call, arguments, |kwargs| class(kwargs))
    }

    fn formatter_class(&mut self, scope: &Scope<'a>, field: &Field<'a>) -> Option<(&'a str, Known<'a>)> {
        let found = self.resolver.convert(field.node).and_then(|value| match dotted(Some(value))? {
            (name, Some(known)) => Ok((name, known)),
            (name, None) => Ok((name, self.resolver.lookup_formatter(name)?)),
        });
        self.accepted(Some(&scope.outer), &field.at, found)
    }

    /// A formatter whose class the program does not have.
    fn absent_formatter(
        &mut self,
        scope: &Scope<'a>,
        name: &str,
        known: Known<'a>,
        mut arguments: Arguments,
    ) -> Option<Made<Arc<dyn Formatter>>> {
        let at = scope.class_at();
        match known {
            Known::Item(Item::Formatter(_)) => {
                let mut call = Call::new(scope, name);
                call.renamed = Some(("format", "fmt"));
                call.rename(&mut arguments);
                if self.bind(&call, &arguments) {
                    return None;
                }
            }
            Known::Assumed => {}
            _ => {
                // DIFFERENCE: CPython takes whatever the call returns and fails at the first record.
                let refusal = Refusal::type_error(format!("{name} is not a class of formatters"));
                self.refuse(Some(&scope.outer), &at, refusal);
                return None;
            }
        }
        Some(self.unavailable(&at, name))
    }

    /// What the key `()` or `class` of an entry names.
    pub(super) fn factory(&mut self, scope: &Scope<'a>, key: &str) -> Option<(&'a str, Known<'a>)> {
        let field = scope.field(key);
        let at = field.as_ref().map_or_else(|| scope.at.clone(), |field| field.at.clone());
        let value = field.map(|field| self.resolver.convert(field.node)).transpose();
        let found = value.and_then(|value| match dotted(value)? {
            (name, Some(known)) => Ok((name, known)),
            (name, None) => Ok((name, self.resolver.lookup(name)?)),
        });
        let found = found.and_then(|(name, known)| match known.is_callable() {
            true => Ok((name, known)),
            false => Err(not_callable(name, known)),
        });
        self.accepted(Some(&scope.outer), &at, found)
    }
}
