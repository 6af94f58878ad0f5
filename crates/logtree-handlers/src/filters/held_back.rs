//! Records that a filter held back: how many, and what it takes to speak in their name.

use logtree_core::{Callsite, Fields, Level, Origin, Record, Timestamp};

/// Records that were held back and not spoken of yet.
///
/// Which logger and place they came from is kept from the first of them, so that holding back the others copies nothing.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    count: u64,
    /// The highest.
    level: Level,
    /// The latest.
    created: Timestamp,
    /// Of the first. It stays for the next time, which is likely of the same place.
    whose: Option<Box<Whose>>,
}

#[derive(Debug)]
struct Whose {
    name: String,
    callsite: Callsite,
    origin: Origin,
}

impl HeldBack {
    pub(super) fn add(&mut self, record: &Record<'_>) {
        if self.count == 0 {
            self.level = record.level;
            self.created = record.created;
            self.remember(record);
        }
        self.count += 1;
        self.level = self.level.max(record.level);
        self.created = self.created.max(record.created);
    }

    fn remember(&mut self, record: &Record<'_>) {
        let is_known = self.whose.as_ref().is_some_and(|whose| {
            whose.name == record.name && whose.callsite == *record.callsite && whose.origin == *record.origin
        });
        if !is_known {
            let (name, callsite, origin) = (record.name.to_owned(), record.callsite.clone(), record.origin.clone());
            self.whose = Some(Box::new(Whose { name, callsite, origin }));
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Forgets them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// Says something in their name, with these fields, if there are any, and forgets them.
    pub(super) fn say(
        &mut self,
        message: impl FnOnce(u64) -> String,
        fields: Fields<'_>,
        say: &mut dyn FnMut(&Record<'_>),
    ) {
        let count = std::mem::take(&mut self.count);
        let Some(whose) = self.whose.as_ref().filter(|_| count > 0) else { return };
        say(&Record {
            name: &whose.name,
            fields,
            ..Record::new(&whose.callsite, &whose.origin, self.level, self.created, &message(count))
        });
    }
}

/// Whether the moment has come for which something was put off by `ns` at most; or the clock was set back since, by more.
pub(super) fn is_due(due_ns: i64, now_ns: i64, ns: i64) -> bool {
    due_ns <= now_ns || due_ns.saturating_sub(now_ns) > ns
}

/// `1 record`, `2 records`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
