//! What names stand for that Python has, whether or not logtree has it: so that their arguments are checked as
//! CPython checks them, and so that messages can tell what does not exist from what is not there yet; and the classes that
//! only logtree has.

mod ours;
mod stdlib;
mod third_party;

use crate::problem::Exception;

/// A name that Python programs know.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    /// A class of handlers.
    Handler(&'static Signature),
    /// A class of formatters.
    Formatter(&'static Signature),
    /// A class of filters.
    Filter(&'static Signature),
    /// A class or function that makes a queue.
    Queue(&'static Signature),
    /// Another class.
    Class,
    /// A function.
    Function,
    /// An integer.
    Int(i64),
}

/// The arguments that a call takes.
#[derive(Debug)]
pub(crate) struct Signature {
    /// What is called, in Python's messages: `FileHandler.__init__()`.
    pub(crate) call: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    /// What it takes beyond Python, by keyword alone.
    further: &'static [&'static str],
}

impl Signature {
    const fn new(call: &'static str, required: &'static [&'static str], optional: &'static [&'static str]) -> Self {
        Self { call, required, optional, further: &[] }
    }

    const fn and(self, further: &'static [&'static str]) -> Self {
        Self { further, ..self }
    }

    /// The names of the arguments that must be given.
    #[cfg(feature = "schema")]
    pub(crate) fn required(&self) -> &'static [&'static str] {
        self.required
    }

    /// The names of the arguments.
    pub(crate) fn keywords(&self) -> Vec<&'static str> {
        [self.required, self.optional, self.further].concat()
    }

    /// The names of those that may be given without them, in order.
    pub(crate) fn positional(&self) -> Vec<&'static str> {
        [self.required, self.optional].concat()
    }

    /// What CPython says to so many positional arguments, if they are too many.
    pub(crate) fn too_many(&self, given: usize) -> Option<String> {
        // Python counts `self`, too.
        let (least, most) = (self.required.len() + 1, self.required.len() + self.optional.len() + 1);
        let takes = match (least, most) {
            (1, 1) => "1 positional argument".to_owned(),
            (least, most) if least == most => format!("{most} positional arguments"),
            _ => format!("from {least} to {most} positional arguments"),
        };
        let is_too_many = given + 1 > most;
        is_too_many.then(|| format!("{} takes {takes} but {} were given", self.call, given + 1))
    }

    /// What CPython says to these keywords, each with the keyword at fault: those that are not expected, then those
    /// that are missing.
    pub(crate) fn bind(&self, given: &[&str]) -> Vec<(Option<String>, Exception)> {
        let error = |message| Exception { kind: "TypeError", message };
        let call = self.call;
        let mut errors = Vec::new();
        let known = self.keywords();
        for keyword in given.iter().copied().filter(|keyword| !known.contains(keyword)) {
            let message = format!("{call} got an unexpected keyword argument '{keyword}'");
            errors.push((Some(keyword.to_owned()), error(message)));
        }
        let missing: Vec<String> =
            self.required.iter().filter(|name| !given.contains(name)).map(|name| format!("'{name}'")).collect();
        let (count, names) = match &*missing {
            [] => return errors,
            [one] => ("1 required positional argument", one.clone()),
            [one, two] => ("2 required positional arguments", format!("{one} and {two}")),
            [most @ .., last] => ("", format!("{}, and {last}", most.join(", "))),
        };
        let count =
            if count.is_empty() { format!("{} required positional arguments", missing.len()) } else { count.into() };
        errors.push((None, error(format!("{call} missing {count}: {names}"))));
        errors
    }
}

/// What a dotted name stands for in Python's library or in the libraries that logging configs name.
pub(crate) fn find(name: &str) -> Option<Item> {
    let class = CLASSES.iter().find_map(|classes| classes.iter().find(|(known, _)| *known == name));
    class.map(|(_, item)| *item).or_else(|| stdlib::find(name))
}

static CLASSES: [&[(&str, Item)]; 3] = [stdlib::CLASSES, third_party::CLASSES, ours::CLASSES];

/// What a name takes when it is called, if that is known.
pub(crate) fn signature(name: &str) -> Option<&'static Signature> {
    match find(name)? {
        Item::Handler(signature) | Item::Formatter(signature) | Item::Filter(signature) | Item::Queue(signature) => {
            Some(signature)
        }
        Item::Class | Item::Function | Item::Int(_) => None,
    }
}

/// The arguments of the class `name` that are dicts of values to be converted.
pub(crate) fn looked_into(name: &str) -> &'static [&'static str] {
    third_party::looked_into(name)
}

/// Every name that [`find`] knows a class behind which a config could mean, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().copied().flatten().filter(|(_, item)| !matches!(item, Item::Class)).map(|(name, _)| *name)
}

/// Whether `name` is a module of Python's library, and if so whether it is a package.
pub(crate) fn module(name: &str) -> Option<bool> {
    stdlib::MODULES.iter().find(|(module, _)| *module == name).map(|(_, is_package)| *is_package)
}
