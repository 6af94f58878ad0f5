//! What the hand did where a text is no YAML: the parser says what it had not expected, and people look for what they wrote.

use crate::node::Span;

/// Where the slip is and what to do about it. `start` is where the parser stopped; `bracket` the last one that is open there.
pub(super) fn of(text: &str, start: usize, message: &str, bracket: Option<usize>) -> (Span, Option<&'static str>) {
    let first = text[start..].chars().next();
    let span = Span { start, end: start + first.map_or(0, char::len_utf8) };
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line_start..start];
    let is_first = before.trim_start_matches([' ', '-']).is_empty();
    // Which character it is matters more than what stands around it.
    if let Some('%' | '@' | '`') = first {
        return (span, Some("a value that begins with this character stands in quotes"));
    }
    if message.contains("tab") {
        // Told of at the value before it, or behind it.
        let tab = if before.ends_with('\t') { Some(start - 1) } else { text[start..].find('\t').map(|at| start + at) };
        let span = tab.map_or(span, |start| Span { start, end: start + 1 });
        return (span, Some("a tab indents nothing in YAML: write spaces"));
    }
    if bracket.is_some_and(|bracket| bracket < line_start) {
        return (span, Some("is a bracket open that should be closed before this line?"));
    }
    let hint = if message.contains("mapping values are not allowed") {
        let last = text[..line_start].trim_end().lines().next_back().unwrap_or_default();
        let is_entry = last.contains(": ") || last.ends_with(':');
        match (before.contains(": "), is_entry) {
            (true, _) => Some("a value that has `: ` in it stands in quotes"),
            (false, true) => Some("is this line indented as those before it?"),
            (false, false) => Some("the line before is no entry: that is a key, `: ` and a value"),
        }
    } else if message.contains("simple key expected") {
        let line = text[start..].lines().next().unwrap_or_default();
        match line.contains(':') {
            true => Some("a space belongs behind the `:`"),
            false => Some("an entry is a key, `: ` and a value"),
        }
    } else if bracket.is_none()
        && ["expected key", "expected '-'", "trailing content"].iter().any(|part| message.contains(part))
    {
        match is_first {
            true => Some("is this line indented as those before it?"),
            false => Some("a value ends with the bracket or quote that it begins with: put all of it in quotes"),
        }
    } else {
        None
    };
    (span, hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::yaml::parse;

    #[test]
    fn slips_are_told_where_pyyaml_sees_them() {
        // Line and column are those of PyYAML 6.0.4's problem_mark, where no `DIFFERENCE` is said.
        let cases = [
            ("a:\n\tb: 1\n", (2, 1), "write spaces"),
            ("a:\n  b: x\n\tc: 1\n", (3, 1), "write spaces"),
            ("a:\n  b: x\n  \t c: 1\n", (3, 3), "write spaces"),
            ("a:\n  b:\n   c: x\n    d: 1\n", (4, 6), "indented as those before"),
            ("a:\n  b:\n    c: x\n   d: 1\n", (4, 4), "indented as those before"),
            ("a: b\n  c: 1\n", (2, 4), "indented as those before"),
            ("a: time: x\n", (1, 8), "`: ` in it stands in quotes"),
            ("a:\n  b:DEBUG\n  c: 1\n", (3, 4), "line before is no entry"),
            ("a:\n  b\n  c: 1\n", (3, 4), "line before is no entry"),
            // DIFFERENCE: PyYAML sees it behind the key of the next line, or of this one.
            ("a:\n  b: 1\n  c:DEBUG\n  d: 1\n", (3, 3), "space belongs behind the `:`"),
            ("a:\n  b: 1\n  c\n  d: 1\n", (3, 3), "a key, `: ` and a value"),
            ("a: {b} {c}\n", (1, 8), "put all of it in quotes"),
            ("a: [b] c\n", (1, 8), "put all of it in quotes"),
            ("a: \"b\" c\n", (1, 8), "put all of it in quotes"),
            ("a: [b, c\nd: 1\n", (2, 2), "bracket open"),
            ("a:\n  b: {\n  c: d\ne:\n  f: 1\n", (4, 2), "bracket open"),
        ];
        for (text, place, hint) in cases {
            let error = parse(text).unwrap_err();
            let before = &text[..error.span.start];
            let line_start = before.rfind('\n').map_or(0, |end| end + 1);
            let found = (before.matches('\n').count() + 1, before.len() - line_start + 1);
            assert_eq!(found, place, "{text:?}: {error:?}");
            assert!(error.hint.is_some_and(|given| given.contains(hint)), "{text:?}: {error:?}");
        }
    }
}
