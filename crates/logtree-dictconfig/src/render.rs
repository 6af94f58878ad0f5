//! Problems with the lines of the config that they are about.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::problem::{Color, Problem, without_controls};

/// The problem with its source line; ends with a newline.
pub(crate) fn problem(problem: &Problem, color: Color) -> String {
    let level = if problem.is_error { Level::ERROR } else { Level::WARNING };
    let source = &*problem.source;
    let mut group = Group::with_title(level.primary_title(without_controls(&problem.headline())));
    group = match problem.place {
        Some(place) => {
            let primary = AnnotationKind::Primary.span(place.span.start..place.span.end).label(problem.expected());
            let noted = problem.notes.iter().filter_map(|note| Some((note.place?.span, note.text.as_str())));
            let others = noted.map(|(span, text)| AnnotationKind::Context.span(span.start..span.end).label(text));
            group.element(Snippet::source(&source.text).path(&source.origin).annotation(primary).annotations(others))
        }
        None => group.element(Origin::path(&source.origin)),
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
