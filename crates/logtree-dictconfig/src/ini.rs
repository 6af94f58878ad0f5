//! INI as Python's `configparser.ConfigParser` reads it, and what `logging.config.fileConfig` makes of it.

mod file_config;
mod literal;

use std::collections::HashMap;

use crate::format::{SyntaxError, refuse_byte_order_mark};
use crate::node::Span;
use crate::python::{repr_str, trim};
use crate::refusal::Refusal;
pub(crate) use file_config::{nodes, unwrapped};

/// The section whose options all others have.
const DEFAULTS: &str = "DEFAULT";
/// How deep interpolations may stand in interpolations (`configparser.MAX_INTERPOLATION_DEPTH`).
const MAX_DEPTH: usize = 10;
/// How many bytes and how many references one value may come to. DIFFERENCE: `configparser` knows no such bounds.
const MAX_LEN: usize = 1 << 20;
const MAX_REFERENCES: usize = 1 << 14;

/// A text that was read.
#[derive(Debug, Default)]
pub(crate) struct Ini<'t> {
    sections: HashMap<&'t str, Section<'t>>,
}

/// One section; those of the same name as the defaults are one.
#[derive(Debug, Default)]
pub(super) struct Section<'t> {
    pub(super) span: Option<Span>,
    options: HashMap<String, Setting<'t>>,
    /// The names as they stand.
    pub(super) names: Vec<(&'t str, Span)>,
}

/// What stands under one option.
#[derive(Clone, Debug)]
pub(super) struct Setting<'t> {
    lines: Vec<&'t str>,
    pub(super) span: Span,
}

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) span: Span,
    /// Whether it stands in the text just as it is, so that each byte of it has its place.
    pub(super) is_verbatim: bool,
}

/// What a line is read with.
#[derive(Default)]
struct Reading<'t> {
    ini: Ini<'t>,
    section: Option<&'t str>,
    option: Option<String>,
    indent: usize,
}

/// Reads a text (CPython's `RawConfigParser._read`).
///
/// # Errors
/// What `configparser` raises, in the words of its exception, for the first line that it raises it for.
pub(crate) fn parse(text: &str) -> Result<Ini<'_>, SyntaxError> {
    if text.is_empty() {
        return Err(SyntaxError::new("the text is empty", Span { start: 0, end: 0 }));
    }
    refuse_byte_order_mark(text)?;
    let mut reading = Reading::default();
    for line in lines(text) {
        let start = line.as_ptr().addr() - text.as_ptr().addr();
        reading.line(line, start)?;
    }
    Ok(reading.ini)
}

/// The lines without their ends, which are `\n`, `\r\n` and `\r`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n').unwrap_or(line));
    lines.flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

impl<'t> Reading<'t> {
    fn line(&mut self, line: &'t str, start: usize) -> Result<(), SyntaxError> {
        let clean = trim(line);
        let indent = line[..line.len() - line.trim_start_matches(crate::python::is_space).len()].chars().count();
        let start = start + (clean.as_ptr().addr() - line.as_ptr().addr());
        let span = Span { start, end: start + clean.len() };
        if clean.starts_with(['#', ';']) {
            return Ok(());
        }
        if clean.is_empty() {
            if let Some(setting) = self.current() {
                setting.lines.push("");
            }
            return Ok(());
        }
        if indent > self.indent
            && let Some(setting) = self.current()
        {
            setting.lines.push(clean);
            setting.span.end = span.end;
            return Ok(());
        }
        self.indent = indent;
        match header(clean) {
            Some(name) => self.header(name, span),
            None if self.section.is_none() => {
                let error = SyntaxError::new("File contains no section headers.", span);
                Err(error.hint("what stands before the first [section] belongs to none"))
            }
            None => self.option(clean, span),
        }
    }

    /// The option that lines which are indented further belong to.
    fn current(&mut self) -> Option<&mut Setting<'t>> {
        self.ini.sections.get_mut(self.section?)?.options.get_mut(self.option.as_ref()?)
    }

    fn header(&mut self, name: &'t str, span: Span) -> Result<(), SyntaxError> {
        if name != DEFAULTS && self.ini.sections.contains_key(name) {
            return Err(SyntaxError::new(format!("section {} already exists", repr_str(name)), span));
        }
        let section = self.ini.sections.entry(name).or_default();
        section.span.get_or_insert(span);
        (self.section, self.option) = (Some(name), None);
        Ok(())
    }

    fn option(&mut self, clean: &'t str, span: Span) -> Result<(), SyntaxError> {
        let Some(at) = clean.find(['=', ':']) else {
            let error = SyntaxError::new(format!("Source contains parsing errors: {}", repr_str(clean)), span);
            return Err(error.hint("an option is a name, `=` and a value"));
        };
        let (name, value) = (trim(&clean[..at]), trim(&clean[at + 1..]));
        if name.is_empty() {
            let message = format!("Source contains parsing errors: {}", repr_str(clean));
            return Err(SyntaxError::new(message, span).hint("there is no name before the `=`"));
        }
        let name_span = Span { start: span.start, end: span.start + name.len() };
        let value_start = span.end - value.len();
        let setting = Setting { lines: vec![value], span: Span { start: value_start, end: span.end } };
        let section_name = self.section.unwrap_or(DEFAULTS);
        let section = self.ini.sections.entry(section_name).or_default();
        let key = name.to_lowercase();
        if section.options.contains_key(&key) {
            let (key, section) = (repr_str(&key), repr_str(section_name));
            return Err(SyntaxError::new(format!("option {key} in section {section} already exists"), name_span));
        }
        section.names.push((name, name_span));
        section.options.insert(key.clone(), setting);
        self.option = Some(key);
        Ok(())
    }
}

/// `\[(.+)\]` of Python: the name in a section's header. What stands behind it says nothing.
fn header(line: &str) -> Option<&str> {
    let name = &line.strip_prefix('[')?;
    let name = &name[..name.rfind(']')?];
    (!name.is_empty()).then_some(name)
}

impl Setting<'_> {
    /// The value as it stands.
    fn raw(&self) -> Value {
        let text = self.lines.join("\n");
        let text = text.trim_end_matches(crate::python::is_space).to_owned();
        Value { text, span: self.span, is_verbatim: self.lines.len() == 1 }
    }
}

impl<'t> Ini<'t> {
    /// The section of this name, if it is there.
    pub(super) fn section(&self, name: &str) -> Option<&Section<'t>> {
        self.sections.get(name)
    }

    /// The names of all sections and where they begin.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'t str, Option<Span>)> {
        self.sections.iter().map(|(name, section)| (*name, section.span))
    }

    /// What stands in a section, or for all of them, as it stands.
    pub(super) fn raw(&self, section: &str, option: &str) -> Option<Value> {
        self.setting(section, option).map(Setting::raw)
    }

    fn setting(&self, section: &str, option: &str) -> Option<&Setting<'t>> {
        let own = self.sections.get(section).and_then(|section| section.options.get(option));
        own.or_else(|| self.sections.get(DEFAULTS)?.options.get(option))
    }

    /// The same with `%(name)s` replaced by what stands under `name` (CPython's `BasicInterpolation`).
    ///
    /// # Errors
    /// What CPython raises where that cannot be done, and the place of the value.
    pub(super) fn get(&self, section: &str, option: &str) -> Result<Option<Value>, (Span, Refusal)> {
        let Some(raw) = self.raw(section, option) else { return Ok(None) };
        if !raw.text.contains('%') {
            return Ok(Some(raw));
        }
        let mut interpolation = Interpolation { ini: self, section, option, out: String::new(), references: 0 };
        interpolation.text(&raw.text, &raw.text, 1).map_err(|refusal| (raw.span, refusal))?;
        Ok(Some(Value { text: interpolation.out, is_verbatim: false, ..raw }))
    }
}

struct Interpolation<'i, 't> {
    ini: &'i Ini<'t>,
    section: &'i str,
    option: &'i str,
    out: String,
    references: usize,
}

impl Interpolation<'_, '_> {
    fn text(&mut self, raw: &str, text: &str, depth: usize) -> Result<(), Refusal> {
        let (option, section) = (repr_str(self.option), repr_str(self.section));
        if depth > MAX_DEPTH {
            let message = format!(
                "Recursion limit exceeded in value substitution: option {option} in section {section} contains an \
                 interpolation key which cannot be substituted in {MAX_DEPTH} steps. Raw value: {}",
                repr_str(raw)
            );
            return Err(Refusal::new("InterpolationDepthError", message));
        }
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            self.push(&rest[..at])?;
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("%%") {
                self.push("%")?;
                rest = after;
                continue;
            }
            let syntax = |message| Refusal::new("InterpolationSyntaxError", message);
            if !rest.starts_with("%(") {
                let message = format!("'%' must be followed by '%' or '(', found: {}", repr_str(rest));
                return Err(syntax(message).expected("%% for a % that is one"));
            }
            let name = rest[2..].split_once(')').filter(|(name, after)| !name.is_empty() && after.starts_with('s'));
            let Some((name, after)) = name else {
                return Err(syntax(format!("bad interpolation variable reference {}", repr_str(rest))));
            };
            rest = &after[1..];
            let name = name.to_lowercase();
            let Some(value) = self.ini.raw(self.section, &name) else {
                let message = format!(
                    "Bad value substitution: option {option} in section {section} contains an interpolation key {} \
                     which is not a valid option name. Raw value: {}",
                    repr_str(&name),
                    repr_str(raw)
                );
                let refusal = Refusal::new("InterpolationMissingOptionError", message);
                return Err(refusal.expected(format!(
                    "{name} in [DEFAULT], where fileConfig's `defaults` go, or %%( for a %( that is one"
                )));
            };
            match value.text.contains('%') {
                true => self.text(raw, &value.text, depth + 1)?,
                false => self.push(&value.text)?,
            }
        }
        self.push(rest)
    }

    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        self.references += 1;
        if self.out.len() + text.len() > MAX_LEN || self.references > MAX_REFERENCES {
            return Err(Refusal::value_error("the interpolation makes too long a value"));
        }
        self.out.push_str(text);
        Ok(())
    }
}
