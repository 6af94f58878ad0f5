//! A `%` format, compiled: what CPython's `unicode_format` would do with it at each record, found out once.

use logtree_core::{Argument, FormatError, FoundValue, Record, Value};

use crate::attributes::{Attribute, Composed, Found, Lookup};
use crate::composer::missing;
use crate::conversion::{self, Case, Kind, Operand, Spec, error};
use crate::literal::Literal;
use crate::stretch::Stretch;

/// What a format does: the steps, and where it fails, if it must.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) steps: Box<[Step]>,
    pub(crate) end: End,
    /// The names of fields that are looked for together, before the first step.
    fields: Box<[Box<str>]>,
}

/// So many names of fields are looked for together; those that come later in a format, one by one.
const MOST_FIELDS: usize = 8;

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Text as it stands.
    Literal(Literal),
    /// A value and what is made of it.
    Conversion(Conversion),
    /// Several of them that are remembered.
    Stretch(Stretch),
}

impl Step {
    /// The attribute that it shows as it is.
    pub(crate) fn plain(&self) -> Option<Attribute> {
        match self {
            Self::Conversion(conversion) => conversion.plain,
            Self::Literal(_) | Self::Stretch(_) => None,
        }
    }
}

/// A value and what is made of it.
#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    pub(crate) lookup: Lookup,
    spec: Spec,
    /// The attribute, if it is one and stands as it is.
    plain: Option<Attribute>,
    /// Where the field stands among those that are looked for together, if it is one.
    field: Option<usize>,
    /// Whether it is `%s` and nothing more.
    is_bare: bool,
}

/// How a program ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// With the line whole.
    Whole,
    /// With an error, as CPython's at each record: first if the value is missing, then if `*` stands for a width and
    /// the value is no number, else with the error that the format itself is.
    Broken { lookup: Option<Lookup>, star: bool, error: FormatError },
}

/// More than any line needs. CPython takes what fits into memory.
const MOST_CHARACTERS: usize = u16::MAX as usize;

impl Program {
    /// Compiles a format. One that CPython would refuse at each record becomes a program that does.
    pub(crate) fn new(format: &str, defaults: &[(String, Argument)]) -> Self {
        Self::parse(format, Values::Dict { defaults, is_used: false })
    }

    /// Compiles a format whose values are not named in it, but are these attributes of a record in their order.
    pub(crate) fn of_tuple(format: &str, names: &[&str]) -> Self {
        Self::parse(format, Values::Tuple(names))
    }

    fn parse(format: &str, values: Values<'_>) -> Self {
        let mut parser = Parser { format, at: 0, values, steps: Vec::new() };
        let end = match parser.run() {
            Ok(()) => End::Whole,
            Err(broken) => End::Broken { lookup: broken.lookup, star: broken.star, error: broken.error },
        };
        let mut fields: Vec<Box<str>> = Vec::new();
        for step in &mut parser.steps {
            let Step::Conversion(Conversion { lookup, field, .. }) = step else { continue };
            if lookup.is_field() {
                *field = fields.iter().position(|known| **known == *lookup.name());
                if field.is_none() && fields.len() < MOST_FIELDS {
                    *field = Some(fields.len());
                    fields.push(lookup.name().into());
                }
            }
        }
        let (mut steps, mut alike) = (Vec::new(), Vec::new());
        for step in parser.steps {
            if Stretch::may_have(&step) {
                alike.push(step);
            } else {
                steps.append(&mut Stretch::of(std::mem::take(&mut alike)));
                steps.push(step);
            }
        }
        steps.append(&mut Stretch::of(alike));
        Self { steps: steps.into(), end, fields: fields.into() }
    }

    /// Appends what the format makes of a record; `compose` appends text that has to be put together.
    ///
    /// # Errors
    /// CPython's.
    #[inline]
    pub(crate) fn run<'a>(
        &'a self,
        record: &Record<'a>,
        out: &mut String,
        compose: impl Fn(Composed<'_>, &mut String) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let is_usual = record.attributes.is_empty();
        let mut found = [None; MOST_FIELDS];
        if is_usual && !self.fields.is_empty() {
            record.find_fields(&self.fields, &mut found);
        }
        for step in &self.steps {
            match step {
                Step::Literal(text) => text.push(out),
                Step::Conversion(Conversion { plain: Some(attribute), .. }) if is_usual => {
                    attribute.push(record, out, &compose)?;
                }
                Step::Conversion(conversion) => {
                    let field = conversion.field.filter(|_| is_usual).map(|field| found[field]);
                    conversion.push(record, field, out, &compose)?;
                }
                Step::Stretch(stretch) => {
                    let take = |out: &mut String| take_each(&stretch.steps, record, out, &compose);
                    if is_usual { stretch.push(record, out, take)? } else { take(out)? }
                }
            }
        }
        self.end.reach(record)
    }

    /// As [`run`](Self::run), but tells of each value once it is written where it begins and what its name is.
    pub(crate) fn run_each(
        &self,
        record: &Record<'_>,
        out: &mut String,
        compose: Compose<'_>,
        written: &dyn Fn(&mut String, usize, &str),
    ) -> Result<(), FormatError> {
        for step in self.each_step() {
            let start = out.len();
            take_one(step, record, out, compose)?;
            if let Step::Conversion(conversion) = step {
                written(out, start, conversion.lookup.name());
            }
        }
        self.end.reach(record)
    }

    /// Every step, those of stretches one by one.
    pub(crate) fn each_step(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().flat_map(|step| match step {
            Step::Stretch(stretch) => &stretch.steps,
            step => std::slice::from_ref(step),
        })
    }

    /// Every name in the format.
    pub(crate) fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        let in_steps = self.each_step().filter_map(|step| match step {
            Step::Conversion(conversion) => Some(&conversion.lookup),
            Step::Literal(_) | Step::Stretch(_) => None,
        });
        let at_the_end = match &self.end {
            End::Broken { lookup, .. } => lookup.as_ref(),
            End::Whole => None,
        };
        in_steps.chain(at_the_end)
    }
}

/// What appends text that has to be put together.
type Compose<'c> = &'c dyn Fn(Composed<'_>, &mut String) -> Result<(), FormatError>;

/// Takes the steps of a stretch, which name no field.
#[cold]
fn take_each(steps: &[Step], record: &Record<'_>, out: &mut String, compose: Compose<'_>) -> Result<(), FormatError> {
    steps.iter().try_for_each(|step| take_one(step, record, out, compose))
}

/// Takes one step that is no stretch.
#[cold]
fn take_one(step: &Step, record: &Record<'_>, out: &mut String, compose: Compose<'_>) -> Result<(), FormatError> {
    match step {
        Step::Literal(text) => text.push(out),
        Step::Conversion(conversion) => conversion.push(record, None, out, compose)?,
        Step::Stretch(_) => {}
    }
    Ok(())
}

impl End {
    #[inline]
    pub(crate) fn reach(&self, record: &Record<'_>) -> Result<(), FormatError> {
        match self {
            Self::Whole => Ok(()),
            Self::Broken { lookup, star, error } => {
                Err(match lookup.as_ref().map(|lookup| (lookup, lookup.find(record))) {
                    Some((lookup, Found::Missing)) => missing(lookup.name()),
                    Some((_, Found::Operand(operand))) if *star && operand.integer().is_none() => no_width(),
                    Some((_, Found::Composed(_))) if *star => no_width(),
                    _ => error.clone(),
                })
            }
        }
    }
}

impl Conversion {
    fn new(lookup: Lookup, spec: Spec) -> Self {
        let plain = lookup.plain(&spec);
        let is_bare = spec.kind == Kind::Str && spec.is_bare();
        Self { lookup, spec, plain, field: None, is_bare }
    }

    /// Appends what is made of the value; `field` is what was found of the field, if it was looked for.
    fn push<'a>(
        &'a self,
        record: &Record<'a>,
        field: Option<Option<FoundValue<'a>>>,
        out: &mut String,
        compose: Compose<'_>,
    ) -> Result<(), FormatError> {
        let found = match field {
            Some(value) => self.lookup.find_field(record, value.and_then(FoundValue::read)),
            None => self.lookup.find(record),
        };
        match found {
            // Nearly all fields in nearly all formats.
            Found::Operand(Operand::Value(Value::Str(text))) if self.is_bare => out.push_str(text),
            Found::Operand(Operand::Value(Value::U64(number))) if self.is_bare => {
                out.push_str(itoa::Buffer::new().format(number));
            }
            Found::Composed(composed) if self.is_bare => return compose(composed, out),
            Found::Operand(operand) => return conversion::push(out, operand, &self.spec),
            Found::Composed(composed) => {
                let start = out.len();
                compose(composed, out)?;
                return conversion::convert_written(out, start, &self.spec);
            }
            Found::Nothing => {}
            Found::Missing => return Err(missing(self.lookup.name())),
        }
        Ok(())
    }
}

struct Parser<'a> {
    format: &'a str,
    at: usize,
    values: Values<'a>,
    steps: Vec<Step>,
}

/// What stands behind the `%` operator.
enum Values<'a> {
    Dict {
        defaults: &'a [(String, Argument)],
        /// Whether the value that was looked up last, or the dict itself before that, has been used: each is good for
        /// one conversion or star (CPython counts arguments, and a dict is one).
        is_used: bool,
    },
    /// The names of those attributes of a record that are not used yet.
    Tuple(&'a [&'a str]),
}

struct Broken {
    lookup: Option<Lookup>,
    star: bool,
    error: FormatError,
}

/// What one `%` asks for, as far as it is read.
#[derive(Default)]
struct Partial {
    lookup: Option<Lookup>,
    /// A `*` used the value up; it had better been a number.
    star: bool,
    spec: Spec,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), Broken> {
        let mut literal = String::new();
        while let Some(char) = self.next() {
            if char != '%' {
                literal.push(char);
            } else if self.peek() == Some('%') {
                self.at += 1;
                literal.push('%');
            } else {
                if !literal.is_empty() {
                    self.steps.push(Step::Literal(Literal::new(&std::mem::take(&mut literal))));
                }
                let mut partial = Partial::default();
                match self.conversion(&mut partial) {
                    Ok(lookup) => self.steps.push(Step::Conversion(Conversion::new(lookup, partial.spec))),
                    Err(error) => return Err(Broken { lookup: partial.lookup, star: partial.star, error }),
                }
            }
        }
        if !literal.is_empty() {
            self.steps.push(Step::Literal(Literal::new(&literal)));
        }
        match self.values {
            Values::Tuple([_, ..]) => {
                let error = error("TypeError", "not all arguments converted during string formatting");
                Err(Broken { lookup: None, star: false, error })
            }
            _ => Ok(()),
        }
    }

    /// Reads what follows a `%`.
    fn conversion(&mut self, partial: &mut Partial) -> Result<Lookup, FormatError> {
        if self.peek() == Some('(') {
            self.at += 1;
            let Values::Dict { defaults, .. } = self.values else {
                return Err(error("TypeError", "format requires a mapping"));
            };
            let key = self.key()?;
            partial.lookup = Some(Lookup::new(key, defaults));
            self.values = Values::Dict { defaults, is_used: false };
        }
        self.flags(&mut partial.spec);
        if self.peek() == Some('*') {
            self.star(partial)?;
        } else {
            partial.spec.width = self.number("width too big")?.unwrap_or(0);
        }
        if self.peek() == Some('.') {
            self.at += 1;
            if self.peek() == Some('*') {
                self.star(partial)?;
            } else {
                partial.spec.precision = Some(self.number("precision too big")?.unwrap_or(0));
            }
        }
        // C's lengths mean nothing in Python.
        if let Some('h' | 'l' | 'L') = self.peek() {
            self.at += 1;
        }
        let letter_at = self.at;
        let letter = self.next().ok_or_else(|| error("ValueError", "incomplete format"))?;
        self.use_value(partial)?;
        let unsupported = || {
            let shown = if (' '..='~').contains(&letter) { letter } else { '?' };
            let index = self.format[..letter_at].chars().count();
            let code = u32::from(letter);
            error("ValueError", format!("unsupported format character '{shown}' ({code:#x}) at index {index}"))
        };
        partial.spec.kind = kind(letter).ok_or_else(unsupported)?;
        partial.lookup.take().ok_or_else(|| nameless(partial.spec.kind, letter))
    }

    /// Reads the name up to the parenthesis that closes it.
    fn key(&mut self) -> Result<&'a str, FormatError> {
        let start = self.at;
        let mut depth = 1;
        while let Some(char) = self.next() {
            match char {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(&self.format[start..self.at - 1]);
            }
        }
        Err(error("ValueError", "incomplete format key"))
    }

    fn flags(&mut self, spec: &mut Spec) {
        while let Some(flag) = self.peek() {
            match flag {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.blank = true,
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn star(&mut self, partial: &mut Partial) -> Result<(), FormatError> {
        self.at += 1;
        self.use_value(partial)?;
        partial.star = true;
        // Without a name the value is the dict itself.
        if partial.lookup.is_none() { Err(no_width()) } else { Ok(()) }
    }

    /// Takes the next value, for a conversion or a star.
    fn use_value(&mut self, partial: &mut Partial) -> Result<(), FormatError> {
        let too_few = || error("TypeError", "not enough arguments for format string");
        match &mut self.values {
            Values::Dict { is_used: true, .. } => return Err(too_few()),
            Values::Dict { is_used, .. } => *is_used = true,
            Values::Tuple(names) => {
                let (name, rest) = names.split_first().ok_or_else(too_few)?;
                if partial.star {
                    // The value before this one was no width.
                    return Err(no_width());
                }
                partial.lookup = Some(Lookup::without_default(name));
                *names = rest;
            }
        }
        Ok(())
    }

    fn number(&mut self, too_big: &'static str) -> Result<Option<usize>, FormatError> {
        let start = self.at;
        while self.peek().is_some_and(|char| char.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Ok(None);
        }
        let number = self.format[start..self.at].parse().ok().filter(|number| *number <= MOST_CHARACTERS);
        number.map(Some).ok_or_else(|| error("ValueError", too_big))
    }

    fn peek(&self) -> Option<char> {
        self.format[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        Some(char)
    }
}

fn no_width() -> FormatError {
    error("TypeError", "* wants int")
}

fn kind(letter: char) -> Option<Kind> {
    Some(match letter {
        's' => Kind::Str,
        'r' => Kind::Repr,
        'a' => Kind::Ascii,
        'c' => Kind::Char,
        'd' | 'i' | 'u' => Kind::Decimal(letter),
        'o' => Kind::Octal,
        'x' => Kind::LowerHex,
        'X' => Kind::UpperHex,
        'f' => Kind::Fixed(Case::Lower),
        'F' => Kind::Fixed(Case::Upper),
        'e' => Kind::Scientific(Case::Lower),
        'E' => Kind::Scientific(Case::Upper),
        'g' => Kind::General(Case::Lower),
        'G' => Kind::General(Case::Upper),
        _ => return None,
    })
}

/// The error of a conversion without a name: its value is the dict of all attributes, which is no number.
///
/// As text Python prints the whole dict; there is none here. `DIFFERENCE`
fn nameless(kind: Kind, letter: char) -> FormatError {
    match kind {
        Kind::Str | Kind::Repr | Kind::Ascii => {
            error("ValueError", format!("%{letter} without a name, such as %(message){letter}"))
        }
        Kind::Char => error("TypeError", "%c requires int or char"),
        Kind::Decimal(_) => error("TypeError", format!("%{letter} format: a real number is required, not dict")),
        Kind::Octal | Kind::LowerHex | Kind::UpperHex => {
            error("TypeError", format!("%{letter} format: an integer is required, not dict"))
        }
        Kind::Fixed(_) | Kind::Scientific(_) | Kind::General(_) => error("TypeError", "must be real number, not dict"),
    }
}
