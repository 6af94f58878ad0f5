//! The part of a line that is the same from record to record of one place in the program.
//!
//! Names, levels, lines and ids make up half of a usual line, and hardly ever change between two records of one callsite. So
//! a thread remembers what it wrote there, and what for; to compare that takes a third of writing it again.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use logtree_core::{LevelName, Record};

use crate::attributes::{Attribute, Number, Text};
use crate::program::Step;

/// Steps of a format that follow each other and show nothing but what is remembered.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    /// Names it among all of the process.
    id: u64,
    pub(crate) steps: Box<[Step]>,
    /// What stands in the steps, in their order.
    parts: Box<[Part]>,
}

/// One value in the text.
#[derive(Clone, Copy, Debug)]
enum Part {
    Text(Text),
    Number(Number),
    LevelName,
}

/// Fewer are written as fast as compared.
const FEWEST_PARTS: usize = 3;

impl Stretch {
    /// The steps, each of which a stretch may have: as one, if they are worth it.
    pub(crate) fn of(steps: Vec<Step>) -> Vec<Step> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let parts: Box<[Part]> = steps.iter().filter_map(part).collect();
        if parts.len() < FEWEST_PARTS {
            return steps;
        }
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        vec![Step::Stretch(Self { id, steps: steps.into(), parts })]
    }

    /// Whether a step may be one of a stretch.
    pub(crate) fn may_have(step: &Step) -> bool {
        matches!(step, Step::Literal(_)) || part(step).is_some()
    }

    /// Appends what the steps make of a record to which no attributes were given, from memory if this thread wrote the same
    /// before; `write` takes the steps.
    // Always: it is a part of the hot path, however many formats there are.
    #[inline(always)]
    pub(crate) fn push<E>(
        &self,
        record: &Record<'_>,
        out: &mut String,
        write: impl FnOnce(&mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        let is_pushed = WRITTEN.try_with(|written| {
            let written = written.try_borrow().ok()?;
            let written = written.get(self.place(record)).filter(|written| written.stretch == self.id)?;
            written.is_for(&self.parts, record).then(|| out.push_str(&written.text))
        });
        if let Ok(Some(())) = is_pushed {
            return Ok(());
        }
        let start = out.len();
        write(out)?;
        self.remember(record, &out[start..]);
        Ok(())
    }

    /// Where it is remembered: callsites stand in different lines, mostly.
    fn place(&self, record: &Record<'_>) -> usize {
        (record.callsite.line as usize).wrapping_add(self.id as usize * 7) % PLACES
    }

    #[cold]
    fn remember(&self, record: &Record<'_>, text: &str) {
        if !matches!(record.level_name(), LevelName::Named(_)) || text.len() > LONGEST {
            return;
        }
        // A thread that is ending remembers nothing.
        let _ = WRITTEN.try_with(|written| {
            let Ok(mut written) = written.try_borrow_mut() else { return };
            if written.is_empty() {
                written.resize_with(PLACES, Written::default);
            }
            let written = &mut written[self.place(record)];
            written.stretch = self.id;
            written.text.clear();
            written.text.push_str(text);
            written.names.clear();
            written.values.clear();
            for part in &self.parts {
                let value = match part.value(record) {
                    Value::Number(number) => number,
                    Value::Text(text) => {
                        written.names.push_str(text);
                        text.len() as u64
                    }
                };
                written.values.push(value);
            }
        });
    }
}

/// So many stretches are remembered by each thread; of two that meet, the later one.
const PLACES: usize = 64;

/// In bytes. A longer one is written anew each time.
const LONGEST: usize = 1024;

/// What was written, and for which values.
#[derive(Debug, Default)]
struct Written {
    /// The stretch; 0, which is none's, for nothing.
    stretch: u64,
    text: String,
    /// The numbers, and the lengths of texts.
    values: Vec<u64>,
    /// The texts, one behind the other.
    names: String,
}

thread_local! {
    /// By thread, so that it needs no lock, and a child of `fork` finds it whole.
    static WRITTEN: RefCell<Vec<Written>> = const { RefCell::new(Vec::new()) };
}

impl Written {
    #[inline]
    fn is_for(&self, parts: &[Part], record: &Record<'_>) -> bool {
        let mut names = self.names.as_bytes();
        parts.iter().zip(&self.values).all(|(part, value)| match part.value(record) {
            Value::Number(number) => number == *value,
            Value::Text(text) => {
                let rest = names.strip_prefix(text.as_bytes());
                names = rest.unwrap_or_default();
                rest.is_some() && text.len() as u64 == *value
            }
        })
    }
}

enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

impl Part {
    // Always: called, it would give back by way of memory what is compared at once.
    #[inline(always)]
    fn value<'a>(self, record: &Record<'a>) -> Value<'a> {
        match self {
            Self::Text(text) => Value::Text(text.of(record)),
            Self::Number(number) => Value::Number(number.of(record)),
            Self::LevelName => match record.level_name() {
                LevelName::Named(name) => Value::Text(name),
                // Nothing that was remembered: no name is a number.
                LevelName::Number(_) => Value::Number(u64::MAX),
            },
        }
    }
}

/// What a step shows, if that hardly ever changes. A message does.
fn part(step: &Step) -> Option<Part> {
    match step.plain()? {
        Attribute::Text(Text::Msg) => None,
        Attribute::Text(text) => Some(Part::Text(text)),
        Attribute::Number(number) => Some(Part::Number(number)),
        Attribute::LevelName => Some(Part::LevelName),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_core::{Callsite, Formatter as _, Level, LevelNames, Origin, Record, with_own_record};

    use crate::PercentFormatter;

    fn formatted(formatter: &PercentFormatter, record: &Record<'_>) -> String {
        let mut out = String::new();
        formatter.format(record, &mut out).unwrap();
        out
    }

    #[test]
    fn a_value_that_changes_is_seen_whichever_it_is() {
        const FORMAT: &str =
            "%(name)s|%(process)d|%(thread)d|%(levelname)s|%(lineno)d|%(module)s|%(pathname)s|%(processName)s";
        let formatter = PercentFormatter::new(&format!("{FORMAT} %(msg)s")).unwrap();
        let other = PercentFormatter::new(&format!("{FORMAT}! %(msg)s")).unwrap();
        let mut custom = LevelNames::default();
        custom.add(Level::INFO, "NOTE");
        custom.add(Level(7), "SEVEN");
        let line = |record: &Record<'_>| {
            let (callsite, origin) = (record.callsite, record.origin);
            let level = record.level_name().to_string();
            format!(
                "{}|{}|{}|{level}|{}|{}|{}|{}",
                record.name,
                origin.process,
                origin.thread,
                callsite.line,
                callsite.module,
                callsite.pathname,
                origin.process_name
            )
        };
        with_own_record("test", "m", |record| {
            let (callsite, origin) = (record.callsite, record.origin);
            // The line chooses the place, and this one the same.
            let other_line = Callsite { line: callsite.line + 64, ..callsite.clone() };
            let other_module = Callsite { module: "LOGTREE".into(), ..callsite.clone() };
            let other_path = Callsite { pathname: "else".into(), ..callsite.clone() };
            // One behind the other they read the same.
            let moved = Callsite { module: "logtr".into(), pathname: "eelogtree".into(), ..callsite.clone() };
            let other_process = Origin { process: origin.process + 1, ..origin.clone() };
            let other_thread = Origin { thread: origin.thread + 1, ..origin.clone() };
            let other_worker = Origin { process_name: "LOGTREE".into(), ..origin.clone() };
            let info = Record { level: Level::INFO, ..*record };
            let pairs = [
                (*record, Record { callsite: &other_line, ..*record }),
                (*record, Record { callsite: &other_module, ..*record }),
                (*record, Record { callsite: &other_path, ..*record }),
                (*record, Record { callsite: &moved, ..*record }),
                (*record, Record { origin: &other_process, ..*record }),
                (*record, Record { origin: &other_thread, ..*record }),
                (*record, Record { origin: &other_worker, ..*record }),
                (*record, Record { name: "LOGTREE", ..*record }),
                (*record, Record { name: "logtree.a", ..*record }),
                (*record, info),
                (info, Record { level_names: &custom, ..info }),
                (Record { level: Level(7), ..info }, Record { level: Level(8), ..info }),
                (Record { level: Level(7), ..info }, Record { level: Level(7), level_names: &custom, ..info }),
            ];
            for (one, another) in &pairs {
                for record in [one, one, another, another, one] {
                    assert_eq!(formatted(&formatter, record), format!("{} m", line(record)));
                    assert_eq!(formatted(&formatter, record), format!("{} m", line(record)));
                    assert_eq!(formatted(&other, record), format!("{}! m", line(record)));
                }
            }
        });
    }
}
