//! What rolled files are called.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use logtree_core::{ArgumentError, Kwargs};

/// What a rolled file is called: the key `namer` of the handlers that roll.
///
/// Python's `namer` is a function, which gets `app.log.1` and answers with another name. Here it is a template, from which the
/// handler reads back which files are its own. It has the log's whole name in it, so that the files of two logs are never the
/// same:
///
/// | word | of `app.log` | |
/// |---|---|---|
/// | `{suffix}` | `1`, or `2026-01-31` | what tells the rolled files apart; once |
/// | `{name}` | `app.log` | this, or both of the others |
/// | `{stem}` | `app` | |
/// | `{ext}` | `.log` | nothing, if the name has no full stop but at its beginning |
///
/// | template | rolled | compressed by `compress: gz` |
/// |---|---|---|
/// | `{name}.{suffix}`, the default | `app.log.1` | `app.log.1.gz` |
/// | `{stem}.{suffix}{ext}` | `app.1.log` | `app.1.log.gz` |
/// | `old-{stem}_{suffix}{ext}` | `old-app_2026-01-31.log` | `old-app_2026-01-31.log.gz` |
///
/// The files stay in the log's directory, and the log itself keeps its name. Where the template is changed, the files of before
/// are nobody's: they are neither counted nor deleted. Processes that write one log are to have the same template; with
/// different ones nothing is lost, but each counts and deletes only the files of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namer {
    before: Vec<Part>,
    behind: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name,
    Stem,
    Extension,
}

impl Namer {
    /// Takes the argument `namer`.
    pub(crate) fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        kwargs.string("namer")?.map_or_else(|| Ok(Self::default()), |template| template.parse())
    }

    /// The names of the files that the one at `path` is rolled to. Each is longer than that one's own, which is none of them.
    ///
    /// # Errors
    /// If they would end as those of compressed files do.
    pub(crate) fn names(&self, path: &Path) -> Result<RolledNames, ArgumentError> {
        let names = RolledNames {
            directory: path.parent().unwrap_or(Path::new("/")).to_owned(),
            before: fill(&self.before, path),
            behind: fill(&self.behind, path),
        };
        match [".gz", ".zst", ".part"].iter().find(|ending| names.behind.as_bytes().ends_with(ending.as_bytes())) {
            Some(ending) => {
                Err(refused(format!("'namer' must not end in '{ending}', which `compress` puts behind it")))
            }
            None => Ok(names),
        }
    }

    fn has_whole_name(&self) -> bool {
        let has = |part| self.before.iter().chain(&self.behind).any(|of| *of == part);
        has(Part::Name) || has(Part::Stem) && has(Part::Extension)
    }
}

fn refused(message: String) -> ArgumentError {
    ArgumentError::new("ValueError", message).at("namer").expected("a name such as '{stem}.{suffix}{ext}'")
}

/// Python's names.
impl Default for Namer {
    fn default() -> Self {
        Self { before: vec![Part::Name, Part::Text(".".into())], behind: Vec::new() }
    }
}

impl FromStr for Namer {
    type Err = ArgumentError;

    /// # Errors
    /// For a template without `{suffix}`, or with two; without the log's whole name; with other words or braces; with a directory.
    fn from_str(template: &str) -> Result<Self, ArgumentError> {
        let halves = template.split_once("{suffix}").and_then(|(before, behind)| parts(before).zip(parts(behind)));
        let namer = halves.map(|(before, behind)| Self { before, behind }).filter(Self::has_whole_name);
        namer.ok_or_else(|| {
            let words = "{suffix} once, with {name} or both {stem} and {ext}";
            refused(format!("'namer' must be a file's name that has {words}, not '{template}'"))
        })
    }
}

fn parts(template: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    for (at, piece) in template.split('{').enumerate() {
        let mut text = piece;
        if at > 0 {
            let (word, behind) = piece.split_once('}')?;
            parts.push(match word {
                "name" => Part::Name,
                "stem" => Part::Stem,
                "ext" => Part::Extension,
                _ => return None,
            });
            text = behind;
        }
        if text.contains(['}', '/', '\0']) {
            return None;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
    }
    Some(parts)
}

fn fill(parts: &[Part], path: &Path) -> OsString {
    let mut filled = OsString::new();
    for part in parts {
        match part {
            Part::Text(text) => filled.push(text),
            Part::Name => filled.push(path.file_name().unwrap_or_default()),
            Part::Stem => filled.push(path.file_stem().unwrap_or_default()),
            Part::Extension => {
                if let Some(extension) = path.extension() {
                    filled.push(".");
                    filled.push(extension);
                }
            }
        }
    }
    filled
}

/// The names of the files that one log is rolled to, without the endings of compressed ones.
#[derive(Clone, Debug)]
pub(crate) struct RolledNames {
    directory: PathBuf,
    before: OsString,
    behind: OsString,
}

impl RolledNames {
    /// Where they are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file that this tells from the others.
    pub(crate) fn path(&self, suffix: impl Display) -> PathBuf {
        let mut name = self.before.clone();
        name.push(suffix.to_string());
        name.push(&self.behind);
        self.directory.join(name)
    }

    /// What tells the file of this name from the others.
    pub(crate) fn suffix<'a>(&self, name: &'a OsStr) -> Option<&'a str> {
        let suffix = name.as_bytes().strip_prefix(self.before.as_bytes())?.strip_suffix(self.behind.as_bytes())?;
        std::str::from_utf8(suffix).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn names(template: &str, path: &str) -> Result<RolledNames, String> {
        let names = template.parse().and_then(|namer: Namer| namer.names(Path::new(path)));
        names.map_err(|error| error.message)
    }

    #[test]
    fn a_name_gives_back_what_was_put_into_it() {
        for (template, path, rolled) in [
            ("{name}.{suffix}", "/log/app.log", "/log/app.log.7"),
            ("{stem}.{suffix}{ext}", "/log/app.log", "/log/app.7.log"),
            ("{stem}.{suffix}{ext}", "/log/app.tar.log", "/log/app.tar.7.log"),
            ("{stem}.{suffix}{ext}", "/log/app", "/log/app.7"),
            ("{stem}.{suffix}{ext}", "/.log", "/.log.7"),
            ("{ext}{suffix}{name}{stem}", "/log/a.b", "/log/.b7a.ba"),
            ("öld-{suffix}-{name}", "/log/app.log", "/log/öld-7-app.log"),
        ] {
            let names = names(template, path).unwrap();
            assert_eq!(names.path(7), Path::new(rolled), "{template}");
            assert_eq!(names.suffix(names.path(7).file_name().unwrap()), Some("7"), "{template}");
            assert_eq!(names.path(7).parent(), Some(names.directory()));
        }
        assert_eq!("{name}.{suffix}".parse(), Ok(Namer::default()));
    }

    #[test]
    fn other_names_are_nobodys() {
        let names = names("{name}-{suffix}-{name}", "/log/app").unwrap();
        for name in ["app", "app-1", "app-", "app-app", "app-1-app.log", "xapp-1-app", ""] {
            assert_eq!(names.suffix(OsStr::new(name)), None, "{name}");
        }
        assert_eq!(names.suffix(OsStr::from_bytes(b"app-\xff-app")), None);
    }

    #[test]
    fn bytes_that_are_no_text_stay_what_they_are() {
        let path = Path::new(OsStr::from_bytes(b"/log/\xff.l\xfe"));
        let names = "{stem}.{suffix}{ext}".parse::<Namer>().unwrap().names(path).unwrap();
        assert_eq!(names.path(1).as_os_str().as_bytes(), b"/log/\xff.1.l\xfe");
    }

    #[test]
    fn templates_are_refused_that_do_not_tell_files_apart() {
        for template in [
            "",
            "app.log",
            "{name}",
            "{name}{suffix}{suffix}",
            "{name}.{index}",
            "{name}.{suffix",
            "{name}.suffix}",
            "{name}.{}",
            "{name}.{{suffix}}",
            "old/{name}.{suffix}",
            "{suffix}/{name}",
            "{name}\0{suffix}",
            "{name}.{ suffix }",
            // Those of `app.log` would be those of another log too.
            "app.{suffix}",
            "{stem}.{suffix}",
            "{suffix}{ext}",
        ] {
            let refusal = names(template, "/log/app.log").unwrap_err();
            assert!(
                refusal.starts_with("'namer' must be a file's name that has {suffix} once"),
                "{template}: {refusal}"
            );
        }
        for (template, path) in [
            ("{name}.{suffix}.gz", "/app.log"),
            (".{name}.{suffix}.gz.part", "/app.log"),
            ("{stem}{suffix}{ext}", "/app.zst"),
        ] {
            let refusal = names(template, path).unwrap_err();
            assert!(refusal.contains("which `compress` puts behind it"), "{template}: {refusal}");
        }
    }
}
