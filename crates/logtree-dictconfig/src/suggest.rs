//! Close guesses: the known name that someone may have meant.

/// Longer names are no slips of the hand; comparing two takes the product of their lengths.
const MAX_LEN: usize = 256;

/// The candidate closest to `name`, if one is close enough to be meant.
///
/// A candidate that ends in the last part of a dotted name is as good as equal: people write `StreamHandler` for
/// `logging.StreamHandler`, and `logging.RotatingFileHandler` for `logging.handlers.RotatingFileHandler`.
pub(crate) fn closest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if name.len() > MAX_LEN {
        return None;
    }
    let rated = candidates.iter().filter_map(|candidate| Some((cost(name, candidate)?, *candidate)));
    rated.min_by_key(|(cost, _)| *cost).map(|(_, candidate)| candidate)
}

/// The candidate from which `name` is one slip of the hand away, where most names are not to be candidates. A plural is none.
pub(crate) fn slip<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let is_slip = |candidate: &str| {
        let is_plural = name.strip_suffix('s') == Some(candidate);
        name.eq_ignore_ascii_case(candidate) || !is_plural && distance(name, candidate) == 1
    };
    candidates.iter().copied().find(|candidate| name.len() <= MAX_LEN && is_slip(candidate))
}

/// How far a candidate is from being `name`, if it may be meant.
fn cost(name: &str, candidate: &str) -> Option<usize> {
    if candidate == name {
        return None;
    }
    let ((module, own), (known_module, known)) = (split(name), split(candidate));
    let is_related = module.is_empty() || package(module) == package(known_module);
    if name.eq_ignore_ascii_case(candidate) || (own == known && is_related && !known_module.is_empty()) {
        return Some(0);
    }
    // Who writes no module has none to be wrong.
    let (name, candidate) = if module.is_empty() { (own, known) } else { (name, candidate) };
    // A third of the last part may be wrong, so that `zz` does not suggest `fh`.
    let bound = own.chars().count().max(known.chars().count()) / 3;
    if name.chars().count().abs_diff(candidate.chars().count()) > bound {
        return None;
    }
    Some(distance(name, candidate)).filter(|distance| *distance <= bound)
}

/// A dotted name as its module, which may be empty, and its last part.
fn split(dotted: &str) -> (&str, &str) {
    dotted.rsplit_once('.').unwrap_or(("", dotted))
}

/// The first part of a module's name.
fn package(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}

/// How many characters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, own) in from.iter().enumerate() {
        let mut row = Vec::with_capacity(to.len() + 1);
        row.push(i + 1);
        for (j, known) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(own != known);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *own == to[j - 1] && from[i - 1] == *known {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_optimal_string_alignment() {
        // The textbook's examples: kitten/sitting 3; CA/ABC 3 (unrestricted Damerau would say 2); a swap is one.
        for (from, to, expected) in [("kitten", "sitting", 3), ("CA", "ABC", 3), ("fiel", "file", 1), ("", "abc", 3)] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn what_is_close_is_suggested_and_what_is_not_is_not() {
        let known = ["logging.StreamHandler", "logging.FileHandler", "logging.handlers.RotatingFileHandler"];
        let cases = [
            ("logging.SteamHandler", Some("logging.StreamHandler")),
            ("StreamHandler", Some("logging.StreamHandler")),
            ("logging.RotatingFileHandler", Some("logging.handlers.RotatingFileHandler")),
            ("logging.filehandler", Some("logging.FileHandler")),
            ("SteamHandler", Some("logging.StreamHandler")),
            ("RotatingFileHandlr", Some("logging.handlers.RotatingFileHandler")),
            ("Something", None),
            ("zproject.Something", None),
            ("prefect.logging.handlers.APILogHandler", None),
            ("prefect.RotatingFileHandler", None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, &known), expected);
        }
        assert_eq!(closest("zz", &["fh", "q"]), None);
        let of = |name| slip(name, &["levelname", "message", "thread"]);
        assert_eq!(
            ["levelnam", "LevelName", "mesage"].map(of),
            [Some("levelname"), Some("levelname"), Some("message")]
        );
        assert_eq!(["thread_id", "threads", "user"].map(of), [None; 3]);
        assert_eq!(closest("info", &["INFO", "WARNING"]), Some("INFO"));
    }
}
