//! A `{` format, compiled: what CPython's `str.format` would do with it at each record, found out once.

use logtree_core::{Argument, FormatError};

use crate::access::{self, Access};
use crate::attributes::{self, Attribute, DefaultValue, Lookup};
use crate::conversion::{Kind, Spec, error};
use crate::decimal::{self, TooManyDigits};
use crate::format_spec::{FormatSpec, Refusal};
use crate::literal::Literal;
use crate::markup::{self, Pieces};

/// What a format does: the steps, and the error that it ends with, if it must.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) steps: Box<[Step]>,
    pub(crate) broken: Option<FormatError>,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Text as it stands.
    Literal(Literal),
    /// A value and what is made of it.
    Field(Box<Field>),
}

/// `{name.attribute[item]!conversion:spec}`. What is wrong with it is an error when its turn comes, as in CPython.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) lookup: Lookup,
    pub(crate) path: Box<[Access]>,
    /// What fills a gap, and how many steps of the path led to it.
    pub(crate) default: Option<Result<(DefaultValue, usize), FormatError>>,
    /// `!s`, `!r` or `!a`
    pub(crate) conversion: Result<Option<Kind>, FormatError>,
    pub(crate) spec: SpecSource,
    /// The attribute, if it is one and stands as it is.
    pub(crate) plain: Option<Attribute>,
}

/// Where a field's format spec comes from.
#[derive(Clone, Debug)]
pub(crate) enum SpecSource {
    /// There is none.
    Plain,
    /// It stands in the format.
    Fixed(Result<FormatSpec, Refusal>),
    /// Fields in it are filled in first.
    Nested(Program),
}

/// A field may stand in the spec of a field, and no deeper.
const MOST_DEPTH: u32 = 2;

impl Program {
    /// Compiles a format. One that CPython would refuse at each record becomes a program that does.
    pub(crate) fn new(format: &str, defaults: &[(String, Argument)]) -> Self {
        Self::compile(format, defaults, MOST_DEPTH)
    }

    fn compile(format: &str, defaults: &[(String, Argument)], depth: u32) -> Self {
        let mut steps = Vec::new();
        let broken = Self::compile_steps(format, defaults, depth, &mut steps).err();
        Self { steps: steps.into(), broken }
    }

    fn compile_steps(
        format: &str,
        defaults: &[(String, Argument)],
        depth: u32,
        steps: &mut Vec<Step>,
    ) -> Result<(), FormatError> {
        if depth == 0 {
            return Err(error("ValueError", "Max string recursion exceeded"));
        }
        let mut literal = String::new();
        for piece in Pieces::new(format) {
            let piece = piece.map_err(|message| error("ValueError", message))?;
            literal.push_str(piece.literal);
            // A doubled brace ends a piece, but no text.
            let Some(field) = piece.field else { continue };
            if !literal.is_empty() {
                steps.push(Step::Literal(Literal::new(&std::mem::take(&mut literal))));
            }
            steps.push(Step::Field(Box::new(Field::compile(&field, defaults, depth)?)));
        }
        if !literal.is_empty() {
            steps.push(Step::Literal(Literal::new(&literal)));
        }
        Ok(())
    }

    /// Every name in the format.
    pub(crate) fn lookups(&self) -> Vec<&Lookup> {
        let mut lookups = Vec::new();
        for step in &self.steps {
            let Step::Field(field) = step else { continue };
            lookups.push(&field.lookup);
            if let SpecSource::Nested(program) = &field.spec {
                lookups.extend(program.lookups());
            }
        }
        lookups
    }
}

impl Field {
    /// Compiles a field.
    ///
    /// # Errors
    /// CPython's, if it has a number in place of a name: there are no positional arguments.
    fn compile(field: &markup::Field<'_>, defaults: &[(String, Argument)], depth: u32) -> Result<Self, FormatError> {
        let (name, path) = field.name.split_at(field.name.find(['.', '[']).unwrap_or(field.name.len()));
        let index = decimal::number(name).map_err(|TooManyDigits| error("ValueError", TooManyDigits::MESSAGE))?;
        // A field without a name stands for the next argument, and with none there is no second.
        if let Some(index) = index.or_else(|| name.is_empty().then_some(0)) {
            let message = format!("Replacement index {index} out of range for positional args tuple");
            return Err(error("IndexError", message));
        }
        let path = access::parse(path);
        let default = attributes::default(name, defaults).map(|argument| access::walk_default(argument, &path));
        let spec = match field.spec {
            "" => SpecSource::Plain,
            spec if spec.contains('{') => SpecSource::Nested(Program::compile(spec, defaults, depth - 1)),
            spec => SpecSource::Fixed(FormatSpec::parse(spec)),
        };
        let conversion = field.conversion.map(conversion).transpose();
        let lookup = Lookup::without_default(name);
        let plain = match (&conversion, &spec) {
            (Ok(None | Some(Kind::Str)), SpecSource::Plain) => lookup.plain(&Spec::STR),
            (Ok(None), SpecSource::Fixed(Ok(spec))) => spec.as_bare_conversion().and_then(|spec| lookup.plain(&spec)),
            _ => None,
        };
        let plain = plain.filter(|_| path.is_empty());
        Ok(Self { lookup, path, default, conversion, spec, plain })
    }
}

fn conversion(letter: char) -> Result<Kind, FormatError> {
    Ok(match letter {
        's' => Kind::Str,
        'r' => Kind::Repr,
        'a' => Kind::Ascii,
        '!'..='~' => return Err(error("ValueError", format!("Unknown conversion specifier {letter}"))),
        _ => {
            let message = format!("Unknown conversion specifier \\x{:x}", u32::from(letter));
            return Err(error("ValueError", message));
        }
    })
}
