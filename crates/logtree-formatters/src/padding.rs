//! Sign, prefix, zeros and spaces around what a conversion wrote, in the place where it stands.

use crate::conversion::Spec;

/// Cuts and pads the text behind `start`.
pub(crate) fn justify_text(out: &mut String, start: usize, spec: &Spec) {
    if let Some(most) = spec.precision
        && let Some((end, _)) = out[start..].char_indices().nth(most)
    {
        out.truncate(start + end);
    }
    if spec.width == 0 {
        return;
    }
    let missing = spec.width.saturating_sub(out[start..].chars().count());
    let at = if spec.left { out.len() } else { start };
    insert_fill(out, at, missing, SPACES);
}

/// Puts before the digits behind `start` the zeros that the precision asks for, then all the rest.
pub(crate) fn finish_integer(out: &mut String, start: usize, is_negative: bool, prefix: &str, spec: &Spec) {
    if let Some(least) = spec.precision {
        let missing = least.saturating_sub(out.len() - start);
        insert_fill(out, start, missing, ZEROS);
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
        insert_fill(out, start, missing, ZEROS);
    }
    if !prefix.is_empty() {
        out.insert_str(start, prefix);
    }
    if !sign.is_empty() {
        out.insert_str(start, sign);
    }
    if spec.left {
        insert_fill(out, out.len(), missing, SPACES);
    } else if !spec.zero {
        insert_fill(out, start, missing, SPACES);
    }
}

const SPACES: &str = "                                ";
const ZEROS: &str = "00000000000000000000000000000000";

/// Inserts the first character of `fill` so many times.
fn insert_fill(out: &mut String, at: usize, mut count: usize, fill: &str) {
    while count > 0 {
        let piece = count.min(fill.len());
        out.insert_str(at, &fill[..piece]);
        count -= piece;
    }
}
