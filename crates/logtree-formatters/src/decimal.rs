//! Digits of all scripts: Python counts with each of them.

/// The value of a decimal digit (Unicode 15.1, general category Nd, as in CPython 3.13's `Py_UNICODE_TODECIMAL`).
pub(crate) fn digit(char: char) -> Option<u32> {
    if char.is_ascii() {
        return char.to_digit(10);
    }
    let code = u32::from(char);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    Some(code - zero).filter(|value| *value < 10)
}

/// The zeros outside ASCII: in every script nine more digits follow.
const ZEROS: [u32; 67] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136,
    0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0,
    0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e950, 0x1fbf0,
];

/// The number that `text` is, digit by digit.
///
/// # Errors
/// If CPython's `Py_ssize_t` cannot hold it.
pub(crate) fn number(text: &str) -> Result<Option<usize>, TooManyDigits> {
    let mut number: i64 = 0;
    for char in text.chars() {
        let Some(value) = digit(char) else { return Ok(None) };
        let next = number.checked_mul(10).and_then(|tens| tens.checked_add(value.into()));
        number = next.ok_or(TooManyDigits)?;
    }
    Ok(usize::try_from(number).ok().filter(|_| !text.is_empty()))
}

/// A number that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyDigits;

impl TooManyDigits {
    /// CPython's `ValueError`.
    pub(crate) const MESSAGE: &str = "Too many decimal digits in format string";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_all_scripts_count() {
        // CPython 3.13: unicodedata.decimal of each, and int of the texts.
        assert_eq!(
            [digit('0'), digit('9'), digit('٣'), digit('９'), digit('\u{1fbf9}')].map(Option::unwrap_or_default),
            [0, 9, 3, 9, 9]
        );
        assert_eq!([digit('a'), digit('²'), digit('Ⅷ'), digit('\u{066a}'), digit('\u{1fbfa}')], [None; 5]);
        assert!(ZEROS.windows(2).all(|pair| pair[0] + 10 <= pair[1]));
        assert_eq!(number("4٢"), Ok(Some(42)));
        assert_eq!((number(""), number("-1"), number("4x")), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(number("9223372036854775807"), Ok(Some(i64::MAX as usize)));
        assert_eq!(number("9223372036854775808"), Err(TooManyDigits));
    }
}
