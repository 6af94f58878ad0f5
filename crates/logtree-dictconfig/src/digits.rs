//! Integers of any size and base, as Python has them.

use crate::node::Kind;

/// Python's own limit for an integer of decimal digits, from which on `int` raises a ValueError; here for any base.
const MAX_DIGITS: usize = 4300;

/// The integer of these digits; nothing if one is no digit of the base, if there is none, or if there are too many.
pub(crate) fn int(is_negative: bool, digits: &str, base: u32) -> Option<Kind> {
    let values = digits.chars().map(|digit| digit.to_digit(base));
    in_base(is_negative, values.collect::<Option<Vec<_>>>()?, base)
}

/// The integer of parts to the base sixty, of which the first may be of any size.
#[cfg(feature = "yaml")]
pub(crate) fn sexagesimal<'a>(is_negative: bool, mut parts: impl Iterator<Item = &'a str>) -> Option<Kind> {
    let first = parts.next()?;
    let mut decimal = decimal_of(first.chars().map(|digit| digit.to_digit(10)).collect::<Option<Vec<_>>>()?, 10)?;
    for part in parts {
        multiply_add(&mut decimal, 60, part.parse().ok()?);
        (decimal.len() <= MAX_DIGITS).then_some(())?;
    }
    Some(kind(is_negative, &decimal))
}

fn in_base(is_negative: bool, digits: Vec<u32>, base: u32) -> Option<Kind> {
    decimal_of(digits, base).map(|decimal| kind(is_negative, &decimal))
}

/// Decimal digits, the last first.
fn decimal_of(digits: Vec<u32>, base: u32) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut decimal = Vec::new();
    for digit in digits {
        multiply_add(&mut decimal, base, digit);
    }
    Some(decimal)
}

fn multiply_add(decimal: &mut Vec<u8>, factor: u32, summand: u32) {
    let mut carry = summand;
    for digit in decimal.iter_mut() {
        let value = u32::from(*digit) * factor + carry;
        *digit = (value % 10) as u8;
        carry = value / 10;
    }
    while carry > 0 {
        decimal.push((carry % 10) as u8);
        carry /= 10;
    }
}

fn kind(is_negative: bool, decimal: &[u8]) -> Kind {
    let digits: String = decimal.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let text = if is_negative && digits != "0" { format!("-{digits}") } else { digits.to_owned() };
    text.parse().map_or_else(|_| Kind::BigInt(text.into()), Kind::Int)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_pythons() {
        let big = |digits: &str| Some(Kind::BigInt(digits.into()));
        // CPython 3.13: int("-80…0", 16) and the others.
        assert_eq!(int(true, "8000000000000000", 16), Some(Kind::Int(i64::MIN)));
        assert_eq!(int(false, "8000000000000000", 16), big("9223372036854775808"));
        assert_eq!(int(true, "000", 8), Some(Kind::Int(0)));
        assert_eq!(int(false, "9", 8), None);
        assert_eq!(int(false, "", 10), None);
        assert_eq!(int(false, &"9".repeat(4301), 10), None);
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn parts_to_the_base_sixty_are_pyyamls() {
        // PyYAML 6: yaml.safe_load("-190:20:30").
        assert_eq!(sexagesimal(true, ["190", "20", "30"].into_iter()), Some(Kind::Int(-685_230)));
    }
}
