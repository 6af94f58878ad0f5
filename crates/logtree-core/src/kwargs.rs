//! The arguments that a config gives to a class: neutral, so that any config format can give them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Table;
use crate::{ArgumentError, Filter, Level, LevelNames};

/// One argument of a class, as a config gives it.
#[derive(Clone, Debug, Default)]
pub enum Argument {
    /// Python's `None`.
    #[default]
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Str(String),
    /// A list.
    List(Vec<Argument>),
    /// A dict, in the order in which it stood.
    Map(Vec<(String, Argument)>),
    /// An object that a name or a factory stands for: `ext://sys.stdout`, `{"()": "multiprocessing.Queue"}`.
    Object(Object),
    /// A handler of the same config, by name.
    Handler(String),
}

impl Argument {
    /// Python's name of the type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Map(_) => "dict",
            Self::Object(_) | Self::Handler(_) => "object",
        }
    }

    /// Whether Python takes it for true.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(value) => !value.is_empty(),
            Self::List(value) => !value.is_empty(),
            Self::Map(value) => !value.is_empty(),
            Self::Object(_) | Self::Handler(_) => true,
        }
    }
}

/// An object that a config names but cannot spell out.
#[derive(Clone)]
pub struct Object {
    name: String,
    value: Arc<dyn Any + Send + Sync>,
}

impl Object {
    /// An object under the name by which configs call it.
    pub fn new<T: Any + Send + Sync>(name: impl Into<String>, value: T) -> Self {
        Self { name: name.into(), value: Arc::new(value) }
    }

    /// A filter, or a function that is one: what `django.utils.log.CallbackFilter` takes for its `callback`.
    pub fn filter(name: impl Into<String>, filter: impl Filter + 'static) -> Self {
        Self::new(name, Arc::new(filter) as Arc<dyn Filter>)
    }

    /// The name by which configs call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The object, if it is a `T`.
    pub fn downcast<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.name)
    }
}

/// The keyword arguments of one call, and the name of what is called (`FileHandler.__init__()`), for messages.
///
/// A constructor takes what it knows and then calls [`finish`](Self::finish), which refuses what is left:
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Argument, Kwargs};
/// let mut kwargs = Kwargs::new("Beep.__init__()", vec![("volume".into(), Argument::Int(3))]);
/// assert_eq!(kwargs.int("volume")?, Some(3));
/// kwargs.finish()?;
/// # Ok::<(), logtree::ArgumentError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kwargs {
    call: String,
    entry: String,
    arguments: Vec<(String, Argument)>,
    attributes: Vec<(String, Argument)>,
    objects: Arc<Table<Object>>,
}

impl Kwargs {
    /// The arguments in the order in which they stood.
    pub fn new(call: impl Into<String>, arguments: Vec<(String, Argument)>) -> Self {
        let (entry, attributes, objects) = Default::default();
        Self { call: call.into(), entry, arguments, attributes, objects }
    }

    pub(crate) fn of_registry(mut self, objects: Arc<Table<Object>>) -> Self {
        self.objects = objects;
        self
    }

    /// The same for the entry `name` of a config, with the attributes that its key `.` sets on what is made.
    #[must_use]
    pub fn of_entry(mut self, name: impl Into<String>, attributes: Vec<(String, Argument)>) -> Self {
        self.entry = name.into();
        self.attributes = attributes;
        self
    }

    /// What is called, for messages.
    pub fn call(&self) -> &str {
        &self.call
    }

    /// The name of the handler, formatter or filter in the config; empty outside a config.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// What the config's key `.` sets the attribute `name` to. As with Python's `setattr`, an attribute that nobody
    /// reads is no error.
    pub fn attribute(&self, name: &str) -> Option<&Argument> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The object that the program registered under `name`: a setting that a class reads without being given it.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects.get(name)
    }

    /// Whether the argument was given, and not taken yet.
    pub fn has(&self, keyword: &str) -> bool {
        self.arguments.iter().any(|(name, _)| name == keyword)
    }

    /// Takes an argument of any type out; `None` if it was not given.
    pub fn take(&mut self, keyword: &str) -> Option<Argument> {
        let at = self.arguments.iter().position(|(name, _)| name == keyword)?;
        Some(self.arguments.remove(at).1)
    }

    /// Takes an argument that must be given.
    ///
    /// # Errors
    /// CPython's `TypeError` about a missing argument.
    pub fn required(&mut self, keyword: &str) -> Result<Argument, ArgumentError> {
        let missing = format!("{} missing 1 required positional argument: '{keyword}'", self.call);
        self.take(keyword).ok_or_else(|| ArgumentError::new("TypeError", missing))
    }

    /// Takes a string; `None` if it was not given or is Python's `None`.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn string(&mut self, keyword: &str) -> Result<Option<String>, ArgumentError> {
        match self.take(keyword) {
            None | Some(Argument::None) => Ok(None),
            Some(Argument::Str(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(keyword, &other, "str")),
        }
    }

    /// Takes a string that must be given.
    ///
    /// # Errors
    /// CPython's `TypeError` about a missing argument, and for another type.
    pub fn required_string(&mut self, keyword: &str) -> Result<String, ArgumentError> {
        match self.required(keyword)? {
            Argument::Str(text) => Ok(text),
            other => Err(self.wrong_type(keyword, &other, "str")),
        }
    }

    /// Takes a list of strings, or one in its place; an empty list if it was not given or is Python's `None`.
    ///
    /// # Errors
    /// If it is neither, or one of the list is no string.
    pub fn strings(&mut self, keyword: &str) -> Result<Vec<String>, ArgumentError> {
        let items = match self.take(keyword) {
            None | Some(Argument::None) => Vec::new(),
            Some(Argument::List(items)) => items,
            Some(one) => vec![one],
        };
        let string = |item| match item {
            Argument::Str(text) => Ok(text),
            other => Err(self.wrong_type(keyword, &other, "a list of str")),
        };
        items.into_iter().map(string).collect()
    }

    /// Takes an integer (a boolean is one, as in Python); `None` if it was not given or is Python's `None`.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn int(&mut self, keyword: &str) -> Result<Option<i64>, ArgumentError> {
        match self.take(keyword) {
            None | Some(Argument::None) => Ok(None),
            Some(Argument::Int(value)) => Ok(Some(value)),
            Some(Argument::Bool(value)) => Ok(Some(value.into())),
            Some(other) => Err(self.wrong_type(keyword, &other, "int")),
        }
    }

    /// Takes a number of seconds, whole or not; `None` if it was not given or is Python's `None`.
    ///
    /// # Errors
    /// If it is no number, or none that a time can have.
    pub fn seconds(&mut self, keyword: &str) -> Result<Option<Duration>, ArgumentError> {
        let argument = match self.take(keyword) {
            None | Some(Argument::None) => return Ok(None),
            Some(argument) => argument,
        };
        let duration = match argument {
            Argument::Int(seconds) => u64::try_from(seconds).ok().map(Duration::from_secs),
            Argument::Float(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        };
        let error = || self.wrong_type(keyword, &argument, "a number of seconds, 0 or more");
        duration.map(Some).ok_or_else(error)
    }

    /// Takes a number of bytes: a number, or a string with `KiB`, `MiB` or `GiB` behind one; `None` if it was not given or
    /// is Python's `None`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn bytes(&mut self, keyword: &str) -> Result<Option<u64>, ArgumentError> {
        let argument = match self.take(keyword) {
            None | Some(Argument::None) => return Ok(None),
            Some(argument) => argument,
        };
        let bytes = match &argument {
            Argument::Int(bytes) => u64::try_from(*bytes).ok(),
            Argument::Str(text) => {
                let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
                let unit = match unit.trim() {
                    "" | "B" => Some(1),
                    "KiB" => Some(1 << 10),
                    "MiB" => Some(1 << 20),
                    "GiB" => Some(1 << 30),
                    _ => None,
                };
                number.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit))
            }
            _ => None,
        };
        let error = || self.wrong_type(keyword, &argument, "a number of bytes, or one with KiB, MiB or GiB");
        bytes.map(Some).ok_or_else(error)
    }

    /// Takes a level: a number, or the name of one that every config knows; `None` if it was not given or is Python's
    /// `None`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn level(&mut self, keyword: &str) -> Result<Option<Level>, ArgumentError> {
        match self.take(keyword) {
            None | Some(Argument::None) => Ok(None),
            Some(Argument::Int(number)) => Ok(Some(Level(number.clamp(i32::MIN.into(), i32::MAX.into()) as i32))),
            Some(Argument::Str(name)) => LevelNames::STANDARD.parse(&name).map(Some).ok_or_else(|| {
                let error = ArgumentError::new("ValueError", format!("Unknown level: '{name}'"));
                error.at(keyword).expected("a number or the name of a level")
            }),
            Some(other) => Err(self.wrong_type(keyword, &other, "a number or the name of a level")),
        }
    }

    /// Takes anything for its truth, as Python's `if` does; `None` if it was not given.
    pub fn truth(&mut self, keyword: &str) -> Option<bool> {
        self.take(keyword).map(|argument| argument.is_truthy())
    }

    /// An error for an argument of the wrong type.
    pub fn wrong_type(&self, keyword: &str, argument: &Argument, expected: &str) -> ArgumentError {
        let message = format!("{} argument '{keyword}' must be {expected}, not {}", self.call, argument.type_name());
        ArgumentError::new("TypeError", message).at(keyword).expected(expected)
    }

    /// CPython's `TypeError` about an argument that the class does not take.
    pub fn unexpected(&self, keyword: &str) -> ArgumentError {
        let message = format!("{} got an unexpected keyword argument '{keyword}'", self.call);
        ArgumentError::new("TypeError", message).at(keyword)
    }

    /// Ends the call.
    ///
    /// # Errors
    /// CPython's `TypeError` about the first argument that nobody took.
    pub fn finish(self) -> Result<(), ArgumentError> {
        match self.arguments.first() {
            None => Ok(()),
            Some((keyword, _)) => Err(self.unexpected(keyword)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn kwargs(argument: Argument) -> Kwargs {
        Kwargs::new("f()", vec![("x".into(), argument)])
    }

    #[test]
    fn seconds_are_whole_or_not_and_never_negative() {
        let seconds = |argument| kwargs(argument).seconds("x").map_err(|error| error.to_string());
        assert_eq!(seconds(Argument::Int(2)), Ok(Some(Duration::from_secs(2))));
        assert_eq!(seconds(Argument::Float(0.25)), Ok(Some(Duration::from_millis(250))));
        assert_eq!(seconds(Argument::None), Ok(None));
        assert_eq!(Kwargs::new("f()", Vec::new()).seconds("x").unwrap(), None);
        let wrong =
            |found| Err(format!("TypeError: f() argument 'x' must be a number of seconds, 0 or more, not {found}"));
        assert_eq!(seconds(Argument::Int(-1)), wrong("int"));
        assert_eq!(seconds(Argument::Float(f64::NAN)), wrong("float"));
        assert_eq!(seconds(Argument::Float(1e300)), wrong("float"));
        assert_eq!(seconds(Argument::Bool(true)), wrong("bool"));
    }

    #[test]
    fn levels_are_numbers_or_names() {
        let level = |argument| kwargs(argument).level("x").map_err(|error| error.to_string());
        assert_eq!(level(Argument::Str("WARN".into())), Ok(Some(Level::WARNING)));
        assert_eq!(level(Argument::Int(35)), Ok(Some(Level(35))));
        assert_eq!(level(Argument::Int(i64::MIN)), Ok(Some(Level(i32::MIN))));
        assert_eq!(level(Argument::None), Ok(None));
        // CPython 3.13: logging._checkLevel('warn').
        assert_eq!(level(Argument::Str("warn".into())), Err("ValueError: Unknown level: 'warn'".into()));
        assert!(level(Argument::Float(10.5)).unwrap_err().ends_with("a number or the name of a level, not float"));
    }

    #[test]
    fn strings_are_a_list_or_one() {
        let text = |text: &str| Argument::Str(text.into());
        let strings = |argument| kwargs(argument).strings("x").map_err(|error| error.to_string());
        assert_eq!(strings(Argument::List(vec![text("a"), text("b")])).unwrap(), ["a", "b"]);
        assert_eq!(strings(text("a")).unwrap(), ["a"]);
        assert!(strings(Argument::None).unwrap().is_empty());
        assert!(Kwargs::new("f()", Vec::new()).strings("x").unwrap().is_empty());
        let wrong = |found| Err(format!("TypeError: f() argument 'x' must be a list of str, not {found}"));
        assert_eq!(strings(Argument::Int(1)), wrong("int"));
        assert_eq!(strings(Argument::List(vec![text("a"), Argument::None])), wrong("NoneType"));
    }

    #[test]
    fn what_must_be_given_is_missed() {
        // CPython 3.13: def f(x): pass; f().
        let missing = Kwargs::new("f()", Vec::new()).required_string("x").unwrap_err().to_string();
        assert_eq!(missing, "TypeError: f() missing 1 required positional argument: 'x'");
        assert_eq!(kwargs(Argument::Str("a".into())).required_string("x").unwrap(), "a");
        assert!(kwargs(Argument::None).required_string("x").is_err());
    }

    #[test]
    fn a_class_sees_what_the_program_registers() {
        let mut registry = crate::Registry::default();
        registry.object(Object::new("my.limit", 5_u8));
        let before = registry.kwargs("f()", Vec::new());
        registry.object(Object::filter("my.filter", |record: &crate::Record<'_>| record.callsite.line > 0));
        let limit = |kwargs: &Kwargs| kwargs.object("my.limit").and_then(Object::downcast::<u8>).copied();
        assert_eq!((limit(&before), limit(&Kwargs::new("f()", Vec::new()))), (Some(5), None));
        assert!(before.object("my.filter").is_none());
        let after = registry.kwargs("f()", Vec::new());
        assert!(after.object("my.filter").unwrap().downcast::<Arc<dyn Filter>>().is_some());
    }
}
