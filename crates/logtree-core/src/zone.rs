//! Time zones as the C library has them: `TZ`, else `/etc/localtime`.
//!
//! jiff's own core reads the files and knows the rules; jiff itself, which would find them too, takes five times as long to
//! compile as that does, for spans and formats that nothing here asks for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff_core::Timestamp;
use jiff_core::tz::{AmbiguousOffset, OffsetInfo, posix, tzif};

/// A time zone: how far its clocks are ahead of UTC, and when.
///
/// ```
/// use logtree_core::Zone;
///
/// let berlin = Zone::of("CET-1CEST,M3.5.0,M10.5.0/3").ok_or("no rule")?;
/// let summer = berlin.at(1_720_000_000).ok_or("no time")?;
/// assert_eq!((summer.offset_s(), summer.is_summer(), summer.name()), (7200, true, "CEST"));
/// # Ok::<_, &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Zone(Rules);

#[derive(Clone, Debug)]
enum Rules {
    Utc,
    /// A rule that `TZ` spells out.
    Posix(Arc<posix::TimeZone>),
    /// A file: tzfile(5).
    File(Arc<tzif::TimeZone>),
}

/// What the clocks of a zone show at a moment.
#[derive(Clone, Debug)]
pub struct ZoneTime(Option<OffsetInfo>);

/// Where a zone without a path is, unless `TZDIR` says otherwise: tzset(3).
const DIRECTORY: &str = "/usr/share/zoneinfo";

/// When there is summer time, if a rule says that there is some and not when: glibc's manual, "TZ Variable".
const DEFAULT_RULE: &str = ",M3.2.0,M11.1.0";

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Rules::Utc);

    /// The zone of the process: `TZ`, else the system's; UTC where neither can be read.
    ///
    /// Whoever needs it reads it once and keeps it, so that later no lock is taken and no file read.
    #[must_use]
    pub fn local() -> Self {
        let zone = match std::env::var_os("TZ") {
            Some(tz) => Self::of(tz),
            None => Self::read(Path::new("/etc/localtime")),
        };
        zone.unwrap_or(Self::UTC)
    }

    /// What a value of `TZ` stands for: nothing for UTC, the path of a file, its name among the system's, or a rule, in the
    /// order in which the C library tries them: `EST5EDT` is a file and could be a rule.
    #[must_use]
    pub fn of(tz: impl AsRef<OsStr>) -> Option<Self> {
        let tz = tz.as_ref();
        if tz.is_empty() {
            return Some(Self::UTC);
        }
        let text = tz.to_str().map(|text| text.strip_prefix(':').unwrap_or(text));
        let name = text.map_or(Path::new(tz), Path::new);
        let directory = std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(DIRECTORY), PathBuf::from);
        // A path that begins at the root stays as it is.
        Self::read(&directory.join(name)).or_else(|| Self::rule(text?))
    }

    fn rule(text: &str) -> Option<Self> {
        let rule = posix::TimeZone::parse(text);
        let rule = rule.or_else(|_| posix::TimeZone::parse(format!("{text}{DEFAULT_RULE}"))).ok()?;
        Some(Self(Rules::Posix(Arc::new(rule))))
    }

    fn read(path: &Path) -> Option<Self> {
        let zone = tzif::TimeZone::parse(&std::fs::read(path).ok()?).ok()?;
        Some(Self(Rules::File(Arc::new(zone))))
    }

    /// What its clocks show at a second since 1970-01-01T00:00:00Z; nothing before the year -9999 and behind 9999.
    #[must_use]
    pub fn at(&self, second: i64) -> Option<ZoneTime> {
        let timestamp = Timestamp::from_second(second).ok()?;
        let info = match &self.0 {
            Rules::Utc => None,
            Rules::Posix(rule) => Some(rule.to_offset_info(timestamp)),
            Rules::File(zone) => Some(zone.to_offset_info(timestamp)),
        };
        Some(ZoneTime(info))
    }

    /// Whether the clocks had shown what they show at a second before, because they were set back in between.
    #[must_use]
    pub fn is_repeated(&self, second: i64) -> bool {
        let Some(offset) = self.at(second).and_then(|shown| Some(shown.0?.offset())) else { return false };
        let Ok(civil) = Timestamp::from_second(second).map(|timestamp| timestamp.to_datetime(offset)) else {
            return false;
        };
        let seconds = match &self.0 {
            Rules::Utc => return false,
            Rules::Posix(rule) => rule.to_ambiguous_timestamp(civil),
            Rules::File(zone) => zone.to_ambiguous_timestamp(civil),
        };
        matches!(seconds.offset(), AmbiguousOffset::Fold { after, .. } if after == offset)
    }
}

impl ZoneTime {
    /// How far the clocks are ahead of UTC, in seconds.
    #[must_use]
    pub fn offset_s(&self) -> i32 {
        self.0.as_ref().map_or(0, |info| info.offset().seconds())
    }

    /// Whether they show summer time.
    #[must_use]
    pub fn is_summer(&self) -> bool {
        self.0.as_ref().is_some_and(|info| info.dst().is_dst())
    }

    /// What the zone's time is called then: `CET`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |info| info.abbreviation().as_str())
    }
}
