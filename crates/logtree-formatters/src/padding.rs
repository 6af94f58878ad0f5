//! Sign, prefix, zeros and spaces around what a conversion wrote, in the place where it stands.

use crate::conversion::Spec;
use crate::format_spec::Align;

/// Cuts and pads the text behind `start`.
pub(crate) fn justify_text(out: &mut String, start: usize, spec: &Spec) {
    if let Some(most) = spec.precision {
        truncate_text(out, start, most);
    }
    if spec.width == 0 {
        return;
    }
    let missing = spec.width.saturating_sub(out[start..].chars().count());
    let at = if spec.left { out.len() } else { start };
    insert_fill(out, at, missing, ' ');
}

/// Leaves at most so many characters of the text behind `start`.
pub(crate) fn truncate_text(out: &mut String, start: usize, most: usize) {
    if let Some((end, _)) = out[start..].char_indices().nth(most) {
        out.truncate(start + end);
    }
}

/// Puts before the digits behind `start` the zeros that the precision asks for, then all the rest.
pub(crate) fn finish_integer(out: &mut String, start: usize, is_negative: bool, prefix: &str, spec: &Spec) {
    if let Some(least) = spec.precision {
        let missing = least.saturating_sub(out.len() - start);
        insert_fill(out, start, missing, '0');
    }
    pad_number(out, start, is_negative, prefix, spec);
}

/// Puts sign, prefix and padding around the number behind `start`.
pub(crate) fn pad_number(out: &mut String, start: usize, is_negative: bool, prefix: &str, spec: &Spec) {
    let sign = match () {
        () if is_negative => "-",
        () if spec.plus => "+",
        () if spec.blank => " ",
        () => "",
    };
    let length = sign.len() + prefix.len() + out.len() - start;
    let missing = spec.width.saturating_sub(length);
    if spec.zero && !spec.left {
        insert_fill(out, start, missing, '0');
    }
    if !prefix.is_empty() {
        out.insert_str(start, prefix);
    }
    if !sign.is_empty() {
        out.insert_str(start, sign);
    }
    if spec.left {
        insert_fill(out, out.len(), missing, ' ');
    } else if !spec.zero {
        insert_fill(out, start, missing, ' ');
    }
}

/// Puts `missing` characters around what stands behind `start`, whose digits, if it is a number, stand at `digits_at`.
pub(crate) fn fill_aligned(out: &mut String, start: usize, digits_at: usize, missing: usize, fill: char, align: Align) {
    match align {
        Align::Left => insert_fill(out, out.len(), missing, fill),
        Align::Right => insert_fill(out, start, missing, fill),
        Align::BehindSign => insert_fill(out, digits_at, missing, fill),
        Align::Center => {
            let before = missing / 2;
            insert_fill(out, out.len(), missing - before, fill);
            insert_fill(out, start, before, fill);
        }
    }
}

/// Puts a separator between groups of the `digits` digits behind `start`, and zeros before them until all of it has
/// `least` characters; answers how many it has then (CPython's `_PyUnicode_InsertThousandsGrouping`).
///
/// As a separator never comes first, it may be one character more.
pub(crate) fn group_digits(
    out: &mut String,
    start: usize,
    digits: usize,
    least: usize,
    separator: Option<(char, usize)>,
) -> usize {
    let Some((separator, group)) = separator else {
        insert_fill(out, start, least.saturating_sub(digits), '0');
        return digits.max(least);
    };
    let with_separators = |digits: usize| digits + digits.saturating_sub(1) / group;
    let mut all = digits.max(least - least / (group + 1));
    if with_separators(all) < least {
        all += 1;
    }
    insert_fill(out, start, all - digits, '0');
    for behind in (group..all).step_by(group) {
        out.insert(start + all - behind, separator);
    }
    with_separators(all)
}

/// Inserts a character so many times.
fn insert_fill(out: &mut String, at: usize, count: usize, fill: char) {
    if count == 0 {
        return;
    }
    let end = out.len();
    match fill {
        ' ' => push_run(out, SPACES, count),
        '0' => push_run(out, ZEROS, count),
        _ => out.extend(std::iter::repeat_n(fill, count)),
    }
    // What stood behind the place is written again behind the filling: one pass, whatever the character's length.
    if at < end {
        out.extend_from_within(at..end);
        out.drain(at..end);
    }
}

/// Appends the first character of `run`, of which it has many, so many times.
fn push_run(out: &mut String, run: &str, mut count: usize) {
    while count > 0 {
        let piece = count.min(run.len());
        out.push_str(&run[..piece]);
        count -= piece;
    }
}

const SPACES: &str = "                                ";
const ZEROS: &str = "00000000000000000000000000000000";
