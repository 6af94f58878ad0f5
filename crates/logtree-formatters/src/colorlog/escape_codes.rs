//! The names of colours, and the escape sequences that they stand for (`colorlog.escape_codes`).

use logtree_core::FormatError;

use crate::conversion::error;
use crate::repr::push_repr;

/// What ends every colour.
pub(super) const RESET: &str = "\x1b[0m";

/// In the order of their numbers, of which the first is 30.
const COLORS: [&str; 8] = ["black", "red", "green", "yellow", "blue", "purple", "cyan", "white"];

/// The sequences of several names, with commas between them.
///
/// # Errors
/// Python's `KeyError`, at the first name that is none.
pub(super) fn parse(names: &str) -> Result<Box<str>, FormatError> {
    let mut codes = String::new();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        codes += &escape_code(name).ok_or_else(|| {
            let mut message = String::new();
            push_repr(&mut message, name);
            error("KeyError", message)
        })?;
    }
    Ok(codes.into())
}

/// The sequence of one name.
pub(super) fn escape_code(name: &str) -> Option<String> {
    let number = |name: &str| {
        let number: u8 = name.parse().ok()?;
        (number.to_string() == name).then_some(number)
    };
    let codes = match name {
        "reset" => "0".to_owned(),
        "bold" => "1".to_owned(),
        "thin" => "2".to_owned(),
        _ => match (name.strip_prefix("fg_"), name.strip_prefix("bg_")) {
            (Some(name), _) if number(name).is_some() => format!("38;5;{name}"),
            (_, Some(name)) if number(name).is_some() => format!("48;5;{name}"),
            (_, Some(name)) => background(name)?.to_string(),
            (Some(name), _) => foreground(name)?,
            _ => foreground(name)?,
        },
    };
    Some(format!("\x1b[{codes}m"))
}

fn foreground(name: &str) -> Option<String> {
    match (name.strip_prefix("bold_"), name.strip_prefix("thin_")) {
        (Some(name), _) => Some(format!("1;{}", color(name)?)),
        (_, Some(name)) => Some(format!("2;{}", color(name)?)),
        _ => Some(color(name)?.to_string()),
    }
}

/// A bold background is a light one.
fn background(name: &str) -> Option<u8> {
    match name.strip_prefix("bold_") {
        Some(name) if COLORS.contains(&name) => Some(color(name)? + 70),
        _ => Some(color(name)? + 10),
    }
}

fn color(name: &str) -> Option<u8> {
    let (name, first) = name.strip_prefix("light_").map_or((name, 30), |name| (name, 90));
    let index = COLORS.iter().position(|color| *color == name)?;
    Some(first + index as u8)
}
