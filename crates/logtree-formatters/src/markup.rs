//! The replacement fields of a `{` format, found one after the other (CPython's `MarkupIterator`).

/// Literal text, and the field behind it if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) literal: &'a str,
    pub(crate) field: Option<Field<'a>>,
}

/// What stands between two braces: `name!conversion:spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) conversion: Option<char>,
    pub(crate) spec: &'a str,
}

/// All pieces of a format, up to the first that is broken; what is wrong with it is CPython's `ValueError`.
#[derive(Clone, Debug)]
pub(crate) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(format: &'a str) -> Self {
        Self { rest: format }
    }

    fn piece(&mut self) -> Result<Piece<'a>, &'static str> {
        let text = self.rest;
        let Some(at) = text.find(['{', '}']) else {
            self.rest = "";
            return Ok(Piece { literal: text, field: None });
        };
        let (brace, behind) = text[at..].split_at(1);
        if let Some(behind) = behind.strip_prefix(brace) {
            // Of two braces the first is text.
            self.rest = behind;
            return Ok(Piece { literal: &text[..=at], field: None });
        }
        if brace == "}" {
            return Err("Single '}' encountered in format string");
        }
        if behind.is_empty() {
            return Err("Single '{' encountered in format string");
        }
        self.rest = behind;
        Ok(Piece { literal: &text[..at], field: Some(self.field()?) })
    }

    /// Reads a field behind its brace, with the brace that closes it.
    fn field(&mut self) -> Result<Field<'a>, &'static str> {
        let text = self.rest;
        let mut chars = text.char_indices();
        let (name_end, sign) = loop {
            match chars.next() {
                Some((at, sign @ ('}' | ':' | '!'))) => break (at, sign),
                Some((_, '{')) => return Err("unexpected '{' in field name"),
                // Between brackets anything may stand.
                Some((_, '[')) => _ = chars.by_ref().find(|(_, char)| *char == ']'),
                Some(_) => {}
                None => return Err("expected '}' before end of string"),
            }
        };
        let mut field = Field { name: &text[..name_end], conversion: None, spec: "" };
        if sign == '!' {
            let Some((_, conversion)) = chars.next() else {
                return Err("end of string while looking for conversion specifier");
            };
            field.conversion = Some(conversion);
        }
        let is_closed = match sign {
            '!' => match chars.next() {
                Some((_, '}')) => true,
                Some((_, ':')) | None => false,
                Some(_) => return Err("expected ':' after conversion specifier"),
            },
            sign => sign == '}',
        };
        if !is_closed {
            let spec = chars.as_str();
            let mut depth = 1;
            let end = chars.find(|(_, char)| {
                match char {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            let (end, _) = end.ok_or("unmatched '{' in format spec")?;
            field.spec = &spec[..end - (text.len() - spec.len())];
        }
        self.rest = chars.as_str();
        Ok(field)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let piece = self.piece();
        if piece.is_err() {
            self.rest = "";
        }
        Some(piece)
    }
}
