//! Floating-point numbers as text: Python's `repr` and the conversions of C's `printf` (CPython's
//! `PyOS_double_to_string`).
//!
//! All of it is about finite numbers without their sign; who calls writes sign and padding.

use std::fmt::Write as _;

/// Appends Python's `repr` of a finite number that is not negative: the shortest text that reads back as the same.
pub(crate) fn push_shortest(out: &mut String, value: f64) {
    if value == 0.0 || value >= 1e-4 {
        return out.push_str(zmij::Buffer::new().format_finite(value));
    }
    // Below, Python writes an exponent of two digits, and writes one earlier.
    let exponent = push_with_exponent(out, format_args!("{value:e}"));
    push_exponent(out, exponent, 'e');
}

/// No number has more digits behind the point: the smallest is 2 to the power of -1074.
const MOST_DIGITS: usize = 1074;

/// Appends C's `%f`.
pub(crate) fn push_fixed(out: &mut String, value: f64, precision: usize, keep_point: bool) {
    // The rest is zeros, and `fmt` panics where precisions get long.
    let written = precision.min(MOST_DIGITS);
    // Writing to a string does not fail.
    let _ = write!(out, "{value:.written$}");
    out.extend(std::iter::repeat_n('0', precision - written));
    if keep_point && precision == 0 {
        out.push('.');
    }
}

/// Appends C's `%e`, with `e` or `E` as given.
pub(crate) fn push_scientific(out: &mut String, value: f64, precision: usize, keep_point: bool, letter: char) {
    let exponent = push_with_exponent(out, format_args!("{value:.precision$e}"));
    if keep_point && precision == 0 {
        out.push('.');
    }
    push_exponent(out, exponent, letter);
}

/// Appends C's `%g`: so many significant digits, without an exponent where that is short; `#` keeps trailing zeros.
pub(crate) fn push_general(out: &mut String, value: f64, precision: usize, keep_zeros: bool, letter: char) {
    let significant = precision.max(1);
    push_significant(out, value, significant, significant as i64, keep_zeros, letter);
}

/// Appends the same where there is always a digit behind the point, or an exponent: a precision without a letter in
/// Python's format specs (CPython's `Py_DTSF_ADD_DOT_0`).
pub(crate) fn push_general_fraction(out: &mut String, value: f64, precision: usize, keep_zeros: bool) {
    let start = out.len();
    let significant = precision.max(1);
    push_significant(out, value, significant, significant as i64 - 1, keep_zeros, 'e');
    if !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

/// Appends so many significant digits; with an exponent if it is below -4, or `least_exponent` or more.
fn push_significant(
    out: &mut String,
    value: f64,
    significant: usize,
    least_exponent: i64,
    keep_zeros: bool,
    letter: char,
) {
    let start = out.len();
    let behind_point = significant - 1;
    let exponent = push_with_exponent(out, format_args!("{value:.behind_point$e}"));
    let is_short = exponent >= -4 && i64::from(exponent) < least_exponent;
    if is_short {
        out.truncate(start);
        let behind_point = (behind_point as i64 - i64::from(exponent)).max(0) as usize;
        push_fixed(out, value, behind_point, keep_zeros);
    } else if keep_zeros && significant == 1 {
        out.push('.');
    }
    if !keep_zeros && out[start..].contains('.') {
        let kept = out[start..].trim_end_matches('0').trim_end_matches('.').len();
        out.truncate(start + kept);
    }
    if !is_short {
        push_exponent(out, exponent, letter);
    }
}

/// Appends one digit, the point and what follows it; answers with the exponent that belongs to them.
fn push_with_exponent(out: &mut String, text: std::fmt::Arguments<'_>) -> i32 {
    let start = out.len();
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
    let Some(at) = out[start..].rfind('e') else { return 0 };
    let exponent = out[start + at + 1..].parse().unwrap_or(0);
    out.truncate(start + at);
    exponent
}

/// Appends an exponent as C does: always a sign, at least two digits.
fn push_exponent(out: &mut String, exponent: i32, letter: char) {
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{letter}{sign}{:02}", exponent.unsigned_abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn repr_is_cpythons() {
        // CPython 3.13: repr() of each.
        for (value, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (123456.789, "123456.789"),
            (1e15, "1000000000000000.0"),
            (9007199254740993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (12345678901234567890.0, "1.2345678901234567e+19"),
            (1e22, "1e+22"),
            (1e300, "1e+300"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"),
            (0.00001, "1e-05"),
            (0.000012345, "1.2345e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
        ] {
            assert_eq!(written(|out| push_shortest(out, value)), text);
        }
    }

    #[test]
    fn halves_are_rounded_to_even_as_c_does() {
        // CPython 3.13: '%.0f' % 0.5, '%.0f' % 2.5, '%.2f' % 1.005, '%.1e' % 2.5e10, '%.0e' % 2.5, '%g' % 1e-5, '%#g' % 1.0.
        assert_eq!(written(|out| push_fixed(out, 0.5, 0, false)), "0");
        assert_eq!(written(|out| push_fixed(out, 2.5, 0, false)), "2");
        assert_eq!(written(|out| push_fixed(out, 0.125, 2, false)), "0.12");
        assert_eq!(written(|out| push_scientific(out, 2.5e10, 0, false, 'e')), "2e+10");
        assert_eq!(written(|out| push_scientific(out, 3.5, 0, true, 'E')), "4.E+00");
        assert_eq!(written(|out| push_general(out, 0.00001, 6, false, 'e')), "1e-05");
        assert_eq!(written(|out| push_general(out, 1.0, 6, true, 'e')), "1.00000");
        assert_eq!(written(|out| push_general(out, 999999.5, 6, false, 'e')), "1e+06");
    }

    #[test]
    fn precision_goes_beyond_the_last_digit() {
        // CPython 3.13: '%.65535g' % 0.0001, and the lengths of '%#.65535g' % 0.0001 and '%.65535f' % 5e-324.
        let exact = "0.000100000000000000004792173602385929598312941379845142364501953125";
        assert_eq!(written(|out| push_general(out, 0.0001, 65_535, false, 'e')), exact);
        let all = written(|out| push_general(out, 0.0001, 65_535, true, 'e'));
        assert!(all.len() == 65_540 && all.starts_with(exact), "{}", all.len());
        let least = written(|out| push_fixed(out, 5e-324, 65_535, false));
        assert_eq!((least.len(), least.trim_end_matches('0').len()), (65_537, 1076));
    }
}
