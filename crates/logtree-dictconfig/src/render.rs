//! Problems with the lines of the config that they are about.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::node::Span;
use crate::problem::{Color, Problem, without_controls};
use crate::source::Place;

/// How many bytes of a text are shown for a problem at most.
const MOST_BYTES: usize = 1 << 14;

/// The problem with its source line; ends with a newline.
pub(crate) fn problem(problem: &Problem, color: Color) -> String {
    let level = if problem.is_error { Level::ERROR } else { Level::WARNING };
    let source = &*problem.source;
    let mut group = Group::with_title(level.primary_title(without_controls(&problem.headline())));
    let origin = || Origin::path(&source.origin);
    group = match problem.place.map(|place| (place, excerpt(problem, place))) {
        Some((place, Some(excerpt))) => {
            let within = |span: Span| span.start - excerpt.start..span.end - excerpt.start;
            let primary = AnnotationKind::Primary.span(within(place.span)).label(problem.expected());
            let noted = problem.notes.iter().filter_map(|note| Some((note.place?.span, note.text.as_str())));
            let noted = noted.filter(|(span, _)| excerpt.start <= span.start && span.end <= excerpt.end);
            let others = noted.map(|(span, text)| AnnotationKind::Context.span(within(span)).label(text));
            let snippet = Snippet::source(&source.text[excerpt.start..excerpt.end]).path(&source.origin);
            let (line, _) = source.line_column(excerpt.start);
            group.element(snippet.line_start(line).annotation(primary).annotations(others))
        }
        Some((place, None)) => group.element(origin().line(place.line).char_column(place.column)),
        None => group.element(origin()),
    };
    if !problem.path.is_empty() {
        group = group.element(Level::NOTE.message(without_controls(&format!("in {}", problem.path))));
    }
    for note in problem.notes.iter().filter(|note| note.place.is_none()) {
        group = group.element(Level::NOTE.message(&note.text));
    }
    if let (None, Some(expected)) = (problem.place, &problem.expected) {
        group = group.element(Level::NOTE.message(format!("expected {expected}")));
    }
    if let Some(guess) = &problem.guess {
        group = group.element(Level::HELP.message(format!("did you mean '{guess}'?")));
    }
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    let mut text = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
    text.push('\n');
    text
}

/// The lines that a problem and its notes are about, the notes left out if those lines are too many to be gone through for
/// each problem; nothing if they are too long as it is.
fn excerpt(problem: &Problem, place: Place) -> Option<Span> {
    let text = &problem.source.text;
    let spans = || std::iter::once(place.span).chain(problem.notes.iter().filter_map(|note| Some(note.place?.span)));
    let all = Span {
        start: spans().map(|span| span.start).min().unwrap_or(0),
        end: spans().map(|span| span.end).max().unwrap_or(0),
    };
    let lines = [all, place.span].into_iter().map(|span| {
        let start = text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = text.get(span.end..)?.find('\n').map_or(text.len(), |newline| span.end + newline);
        Some(Span { start, end })
    });
    lines.flatten().find(|lines| lines.end - lines.start <= MOST_BYTES)
}
