//! Django's colours: palettes by name, and the variable `DJANGO_COLORS` (`django.utils.termcolors`).

use std::borrow::Cow;

/// What is coloured in a different way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Info,
    Success,
    Redirect,
    NotModified,
    BadRequest,
    NotFound,
    ServerError,
}

/// Roles by the names that a variable gives them, in any case.
const ROLES: [(&str, Role); 7] = [
    ("http_info", Role::Info),
    ("http_success", Role::Success),
    ("http_redirect", Role::Redirect),
    ("http_not_modified", Role::NotModified),
    ("http_bad_request", Role::BadRequest),
    ("http_not_found", Role::NotFound),
    ("http_server_error", Role::ServerError),
];

/// Roles of which no record of a server has need, and which make a palette a palette all the same.
const OTHER_ROLES: [&str; 10] = [
    "error",
    "success",
    "warning",
    "notice",
    "sql_field",
    "sql_coltype",
    "sql_keyword",
    "sql_table",
    "migrate_heading",
    "migrate_label",
];

const COLORS: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const OPTIONS: [(&str, &str); 5] =
    [("bold", "1"), ("underscore", "4"), ("blink", "5"), ("reverse", "7"), ("conceal", "8")];

/// The escape sequence before the text of each role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Palette([Cow<'static, str>; ROLES.len()]);

impl Palette {
    /// The palette of a `DJANGO_COLORS`; `None` if it says that there are to be no colours (`parse_color_setting`).
    ///
    /// # Errors
    /// Python's `ValueError`, for a role with two definitions.
    pub(super) fn parse(setting: &str) -> Result<Option<Self>, &'static str> {
        if setting.is_empty() {
            return Ok(Some(Self::dark()));
        }
        let mut palette = Self(Default::default());
        let mut has_colors = false;
        for part in setting.to_lowercase().split(';') {
            match part {
                "dark" => (palette, has_colors) = (Self::dark(), true),
                "light" => (palette, has_colors) = (Self::light(), true),
                "nocolor" => (palette, has_colors) = (Self(Default::default()), false),
                _ => {
                    let Some((role, definition)) = part.split_once('=') else { continue };
                    if definition.contains('=') {
                        return Err("too many values to unpack (expected 2)");
                    }
                    let codes = codes(definition);
                    if codes.is_empty() {
                        continue;
                    }
                    if let Some((_, role)) = ROLES.iter().find(|(known, _)| *known == role) {
                        palette.0[*role as usize] = codes.into();
                        has_colors = true;
                    }
                    has_colors |= OTHER_ROLES.contains(&role);
                }
            }
        }
        Ok(has_colors.then_some(palette))
    }

    pub(super) fn dark() -> Self {
        Self(["1", "", "32", "36", "31;1", "33", "35;1"].map(Cow::Borrowed))
    }

    fn light() -> Self {
        Self(["1", "", "32;1", "32", "31;1", "31", "35;1"].map(Cow::Borrowed))
    }

    /// The numbers of a role's colours.
    pub(super) fn codes(&self, role: Role) -> &str {
        &self.0[role as usize]
    }
}

/// The numbers of `fg/bg,option,option`.
fn codes(definition: &str) -> String {
    let (colors, options) = definition.split_once(',').unwrap_or((definition, ""));
    let mut codes = Vec::new();
    for (ground, color) in ["3", "4"].into_iter().zip(colors.split('/')) {
        if let Some(number) = COLORS.iter().position(|known| *known == color) {
            codes.push(format!("{ground}{number}"));
        }
    }
    // Django turns their order round.
    for option in options.rsplit(',') {
        if let Some((_, code)) = OPTIONS.iter().find(|(known, _)| *known == option) {
            codes.push((*code).to_owned());
        }
    }
    codes.join(";")
}
