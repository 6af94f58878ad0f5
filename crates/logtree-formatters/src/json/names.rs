//! The names in a format, as pythonjsonlogger finds them: it takes the names alone, and prints none of the rest.

use crate::config::Style;

/// The names in `format`, in order (its patterns, each found from the left on and none within another).
pub(crate) fn in_format(format: &str, style: Style) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = format;
    match style {
        // `%\((.+?)\)`
        Style::Percent => {
            while let Some(at) = rest.find("%(") {
                rest = enclosed(&rest[at..], "%(", ')', &mut names);
            }
        }
        // `\{(.+?)\}`
        Style::Brace => {
            while let Some(at) = rest.find('{') {
                rest = enclosed(&rest[at..], "{", '}', &mut names);
            }
        }
        // `\$(?:\$|\{(.+?)\}|([_a-z][_a-z0-9]*))`, in any case
        Style::Dollar => {
            while let Some(at) = rest.find('$') {
                rest = &rest[at..];
                let behind = &rest[1..];
                let name = behind.find(|char: char| !is_letter(char) && !char.is_ascii_digit()).unwrap_or(behind.len());
                rest = match behind.chars().next() {
                    Some('$') => &behind[1..],
                    Some('{') => enclosed(rest, "${", '}', &mut names),
                    Some(first) if is_letter(first) => {
                        names.push(&behind[..name]);
                        &behind[name..]
                    }
                    _ => behind,
                };
            }
        }
    }
    names
}

/// Takes at least one character behind `opening`, and as few as there are up to `closing`, all in one line; answers with
/// what to search next.
fn enclosed<'a>(text: &'a str, opening: &str, closing: char, names: &mut Vec<&'a str>) -> &'a str {
    let inside = &text[opening.len()..];
    let first = inside.chars().next().filter(|first| *first != '\n').map_or(0, char::len_utf8);
    let end = inside[first..].find([closing, '\n']).map_or(inside.len(), |at| first + at);
    if first > 0 && inside[end..].starts_with(closing) {
        names.push(&inside[..end]);
        return &inside[end + 1..];
    }
    // Nothing that begins before the end of the line ends in it.
    &inside[end..]
}

/// `[_a-z]` of Python's `re`, in any case: four characters outside ASCII have one of these letters as their other case.
fn is_letter(char: char) -> bool {
    char.is_ascii_alphabetic() || matches!(char, '_' | 'İ' | 'ı' | 'ſ' | '\u{212a}')
}

/// The names between commas (the style `,`).
pub(crate) fn between_commas(format: &str) -> impl Iterator<Item = &str> {
    // Python's `strip` takes what its `isspace` says.
    let is_space = |char: char| char.is_whitespace() || matches!(char, '\x1c'..='\x1f');
    format.split(',').map(move |name| name.trim_matches(is_space)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_pythons_patterns_find_them() {
        // CPython 3.13: re.findall of each pattern, and the list of the style `,`.
        assert_eq!(in_format("%(a)s %()s) %(b\n)s %(c", Style::Percent), ["a", ")s"]);
        assert_eq!(in_format("%(%(a)s %(é)-8d%%(b)s", Style::Percent), ["%(a", "é", "b"]);
        assert_eq!(in_format("{a:>8} {{b}} {}} {\n}{c", Style::Brace), ["a:>8", "{b", "}"]);
        assert_eq!(in_format("$a ${b c} $$d $1 ${\n} $_e1-$ſ2 $é ${", Style::Dollar), ["a", "b c", "_e1", "ſ2"]);
        assert!(between_commas(" a, b c ,,\x1c\u{a0}d\n,").eq(["a", "b c", "d"]));
    }
}
