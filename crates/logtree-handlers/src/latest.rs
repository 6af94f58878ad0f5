//! A name that always leads to the log of now: the key `latest`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes `latest` a symbolic link to the log file `file`; relative, it stands beside that. Whoever opens the name meanwhile
/// finds the link of before or this one.
///
/// # Errors
/// `AlreadyExists` if something else than a link has the name, `InvalidInput` if it is the log file's; else those of symlink(2)
/// and rename(2).
pub(crate) fn point(latest: &Path, file: &Path) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let directory = file.parent().unwrap_or(Path::new("/"));
    let latest = directory.join(latest);
    if latest == file {
        // With `delay` there may be no file yet, and a link to itself would keep it from ever being one.
        let message = format!("'{}' is the log file itself", latest.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // A directory that is moved takes a link along that leads to its neighbour.
    let target = match file.file_name() {
        Some(name) if latest.parent() == Some(directory) => PathBuf::from(name),
        _ => file.to_owned(),
    };
    match fs::read_link(&latest) {
        Ok(before) if before == target => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // What read_link says of another kind of file is that its argument is invalid.
        Err(_) if latest.symlink_metadata().is_ok() => {
            let message = format!("'{}' is there already and no link", latest.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Err(error) => return Err(error),
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut aside = latest.clone().into_os_string();
    aside.push(format!(".{}-{number}.part", std::process::id()));
    symlink(&target, &aside)?;
    fs::rename(&aside, &latest).inspect_err(|_| drop(fs::remove_file(&aside)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn it_leads_to_the_last_one_and_takes_nobodys_place() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["app-1.log", "app-2.log", "app-2.log"] {
            fs::write(at(name), name).unwrap();
            point(Path::new("app.log"), &at(name)).unwrap();
            assert_eq!(
                (fs::read_link(at("app.log")).unwrap(), fs::read_to_string(at("app.log")).unwrap()),
                (name.into(), name.into())
            );
        }
        let elsewhere = tempfile::tempdir().unwrap();
        point(&elsewhere.path().join("app.log"), &at("app-1.log")).unwrap();
        assert_eq!(fs::read_link(elsewhere.path().join("app.log")).unwrap(), at("app-1.log"));
        for name in ["app-2.log", "directory"] {
            let _ = fs::create_dir(at("directory"));
            let error = point(Path::new(name), &at("app-1.log")).unwrap_err();
            assert!(error.to_string().ends_with("is there already and no link"), "{error}");
        }
        assert_eq!(fs::read_to_string(at("app-2.log")).unwrap(), "app-2.log");
        // A link to itself, where there is no file yet.
        let error = point(Path::new("./app-3.log"), &at("app-3.log")).unwrap_err();
        assert!(error.to_string().ends_with("is the log file itself"), "{error}");
        // Nothing stays aside.
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
        assert!(point(Path::new("no/such/directory"), &at("app-1.log")).is_err());
    }
}
