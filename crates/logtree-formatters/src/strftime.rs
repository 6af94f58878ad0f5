//! `strftime` in the C locale, as glibc has it (strftime(3)), which is what Python's `time.strftime` calls.
//!
//! A `datefmt` is compiled once. jiff's core knows the calendar; the letters are our own business, because glibc's flags,
//! widths and answers to what it does not know are part of what a `datefmt` means.

use std::fmt::Write as _;

use jiff_core::civil::{Date, DateTime};

/// A moment in a time zone: what Python's `struct_time` holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) second: i64,
    /// The date and time of day that clocks show there.
    pub(crate) civil: DateTime,
    /// How far they are ahead of UTC, in seconds.
    pub(crate) offset_s: i32,
    /// What the zone's time is called then: `CET`.
    pub(crate) zone: &'a str,
}

/// A compiled `datefmt`.
#[derive(Clone, Debug)]
pub(crate) struct DateFormat(Box<[Piece]>);

#[derive(Clone, Debug)]
enum Piece {
    Literal(Box<str>),
    Directive(Directive),
}

/// `%`, flags, width, modifier and letter.
#[derive(Clone, Debug)]
struct Directive {
    /// The last of the flags `_`, `-` and `0`.
    padding: Option<char>,
    /// `^`
    upper: bool,
    /// `#`
    swap_case: bool,
    width: usize,
    letter: char,
    /// All of it, for what glibc does not know and therefore prints.
    text: Box<str>,
    is_known: bool,
}

/// A width that no text of a log needs; glibc would give up as well, at a length that depends on the format's.
const MOST_WIDTH: usize = 1024;

impl DateFormat {
    pub(crate) fn new(format: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            if at > 0 {
                pieces.push(Piece::Literal(rest[..at].into()));
            }
            let (directive, length) = Directive::parse(&rest[at..]);
            pieces.push(Piece::Directive(directive));
            rest = &rest[at + length..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.into()));
        }
        Self(pieces.into())
    }

    /// The first part that is no directive, and so prints as it stands.
    pub(crate) fn unknown(&self) -> Option<&str> {
        self.0.iter().find_map(|piece| match piece {
            Piece::Directive(Directive { is_known: false, text, .. }) => Some(&**text),
            _ => None,
        })
    }

    pub(crate) fn write(&self, moment: &Moment<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Directive(directive) => directive.write(moment, out),
            }
        }
    }
}

impl Directive {
    /// Reads a directive from the `%` on, and says how long it is.
    fn parse(text: &str) -> (Self, usize) {
        let mut directive = Self {
            padding: None,
            upper: false,
            swap_case: false,
            width: 0,
            letter: '\0',
            text: "".into(),
            is_known: false,
        };
        let mut modifier = None;
        let mut chars = text.char_indices().skip(1).peekable();
        while let Some((_, flag)) = chars.next_if(|(_, char)| matches!(char, '_' | '-' | '0' | '^' | '#')) {
            match flag {
                '^' => directive.upper = true,
                '#' => directive.swap_case = true,
                padding => directive.padding = Some(padding),
            }
        }
        while let Some((_, digit)) = chars.next_if(|(_, char)| char.is_ascii_digit()) {
            directive.width = (directive.width * 10 + digit as usize - '0' as usize).min(MOST_WIDTH);
        }
        if let Some((_, letter)) = chars.next_if(|(_, char)| matches!(char, 'E' | 'O')) {
            modifier = Some(letter);
        }
        let length = match chars.next() {
            Some((at, letter)) => {
                directive.letter = letter;
                at + letter.len_utf8()
            }
            None => text.len(),
        };
        directive.is_known = match modifier {
            None => "abcdeghjklmnprstuwxyzABCDFGHIMPRSTUVWXYZ%".contains(directive.letter),
            Some('E') => "cnprstuxyzCPRTXYZ%".contains(directive.letter),
            Some(_) => "bdeghjklmnprstuwyzBCGHIMPRSTUVWZ%".contains(directive.letter),
        };
        directive.text = text[..length].into();
        (directive, length)
    }

    fn write(&self, moment: &Moment<'_>, out: &mut String) {
        let start = out.len();
        if !self.is_known {
            out.push_str(&self.text);
            return self.finish_text(out, start, self.upper);
        }
        let Moment { civil, second, offset_s, zone } = *moment;
        let (date, time) = (civil.date(), civil.time());
        let hour = i64::from(time.hour());
        let hour12 = (hour + 11) % 12 + 1;
        let weekday = i64::from(date.weekday().to_sunday_zero_offset());
        let year_day = i64::from(date.day_of_year());
        let year = i64::from(date.year());
        let (upper, lower) = (self.upper || self.swap_case, self.swap_case);
        match self.letter {
            'a' => self.text(out, &WEEKDAYS[weekday as usize % 7][..3], upper),
            'A' => self.text(out, WEEKDAYS[weekday as usize % 7], upper),
            'b' | 'h' => self.text(out, &month(date)[..3], upper),
            'B' => self.text(out, month(date), upper),
            'c' => self.composed(out, moment, "%a %b %e %H:%M:%S %Y"),
            'D' | 'x' => self.composed(out, moment, "%m/%d/%y"),
            'F' => self.composed(out, moment, "%Y-%m-%d"),
            'r' => self.composed(out, moment, "%I:%M:%S %p"),
            'R' => self.composed(out, moment, "%H:%M"),
            'T' | 'X' => self.composed(out, moment, "%H:%M:%S"),
            'C' => self.number(out, year.div_euclid(100), 2, '0'),
            'd' => self.number(out, date.day().into(), 2, '0'),
            'e' => self.number(out, date.day().into(), 2, '_'),
            'g' => self.number(out, i64::from(date.to_iso_week_date().year()).rem_euclid(100), 2, '0'),
            'G' => self.number(out, date.to_iso_week_date().year().into(), 1, '0'),
            'H' => self.number(out, hour, 2, '0'),
            'k' => self.number(out, hour, 2, '_'),
            'I' => self.number(out, hour12, 2, '0'),
            'l' => self.number(out, hour12, 2, '_'),
            'j' => self.number(out, year_day, 3, '0'),
            'm' => self.number(out, date.month().into(), 2, '0'),
            'M' => self.number(out, time.minute().into(), 2, '0'),
            // Unlike the other numbers it is padded as text.
            's' => self.text(out, itoa::Buffer::new().format(second), false),
            'S' => self.number(out, time.second().into(), 2, '0'),
            'u' => self.number(out, (weekday + 6) % 7 + 1, 1, '0'),
            'w' => self.number(out, weekday, 1, '0'),
            'U' => self.number(out, (year_day - 1 - weekday + 7) / 7, 2, '0'),
            'W' => self.number(out, (year_day - 1 - (weekday + 6) % 7 + 7) / 7, 2, '0'),
            'V' => self.number(out, date.to_iso_week_date().week().into(), 2, '0'),
            'y' => self.number(out, year.rem_euclid(100), 2, '0'),
            'Y' => self.number(out, year, 1, '0'),
            'p' | 'P' => {
                let is_lower = lower || self.letter == 'P';
                let name = match (hour < 12, is_lower) {
                    (true, false) => "AM",
                    (true, true) => "am",
                    (false, false) => "PM",
                    (false, true) => "pm",
                };
                self.text(out, name, false);
            }
            'Z' if lower => self.text(out, &zone.to_lowercase(), false),
            'Z' => self.text(out, zone, self.upper),
            'z' => {
                self.text(out, if offset_s < 0 { "-" } else { "+" }, false);
                let minutes = i64::from(offset_s.unsigned_abs() / 60);
                self.number(out, minutes / 60 * 100 + minutes % 60, 4, '0');
            }
            'n' => self.text(out, "\n", false),
            't' => self.text(out, "\t", false),
            _ => self.text(out, "%", false),
        }
    }

    /// What stands for several directives; its width is that of all of them together.
    fn composed(&self, out: &mut String, moment: &Moment<'_>, format: &str) {
        let start = out.len();
        DateFormat::new(format).write(moment, out);
        self.finish_text(out, start, self.upper);
    }

    fn text(&self, out: &mut String, text: &str, upper: bool) {
        let start = out.len();
        out.push_str(text);
        self.finish_text(out, start, upper);
    }

    fn number(&self, out: &mut String, value: i64, digits: usize, usual_padding: char) {
        let start = out.len();
        let digits = digits.max(self.width);
        // Writing to a string does not fail.
        let _ = match self.padding.unwrap_or(usual_padding) {
            '-' => write!(out, "{value}"),
            '_' => write!(out, "{value:digits$}"),
            _ => write!(out, "{value:0digits$}"),
        };
        self.finish_text(out, start, false);
    }

    /// Makes the text behind `start` as wide as was asked for.
    fn finish_text(&self, out: &mut String, start: usize, upper: bool) {
        if upper {
            let text = out.split_off(start).to_uppercase();
            out.push_str(&text);
        }
        let fill = if self.padding == Some('0') { "0" } else { " " };
        for _ in out[start..].chars().count()..self.width {
            out.insert_str(start, fill);
        }
    }
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn month(date: Date) -> &'static str {
    // jiff's months are 1 to 12.
    MONTHS[(date.month().unsigned_abs() as usize + 11) % 12]
}
