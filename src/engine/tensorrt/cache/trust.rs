//! Reading files that somebody else may have had a hand in.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::error::EntryError;

/// Reads a plain file of ours, or of root's, that nobody else may write, of at most so many bytes.
///
/// The folder's own permissions do not matter: whoever may write into it can take entries away or
/// bring old ones back, and cannot make a file that is ours.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, EntryError> {
    let ending = || {
        path.extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => EntryError::Missing,
        _ => EntryError::Io {
            file: ending(),
            source,
        },
    };
    // looked at before it is opened: to open a pipe would wait for its writer
    let seen = fs::symlink_metadata(path).map_err(failed)?;
    if !seen.is_file() {
        return Err(EntryError::NotPlain(ending()));
    }
    let mut file = File::open(path).map_err(failed)?;
    let opened = file.metadata().map_err(failed)?;
    if !same_file(&seen, &opened) {
        return Err(EntryError::Changed(ending()));
    }
    let ours = owner(&opened).and_then(|(owner, mode)| distrust(owner, mode, me(), &ending()));
    if let Some(distrust) = ours {
        return Err(distrust);
    }
    let bytes = opened.len();
    if bytes > most {
        return Err(EntryError::TooLarge {
            file: ending(),
            bytes,
            most,
        });
    }
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    let limit = bytes.saturating_add(1);
    file.by_ref()
        .take(limit)
        .read_to_end(&mut content)
        .map_err(failed)?;
    match content.len() as u64 == bytes {
        true => Ok(content),
        false => Err(EntryError::Changed(ending())),
    }
}

/// Whether two looks were at the same file.
#[cfg(unix)]
pub(super) fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
pub(super) fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// User id of the owner and permission bits, where there are such things.
#[cfg(target_os = "linux")]
fn owner(file: &Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    Some((file.uid(), file.mode() & 0o7777))
}

#[cfg(target_os = "linux")]
fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(target_os = "linux"))]
fn owner(_: &Metadata) -> Option<(u32, u32)> {
    None
}

#[cfg(not(target_os = "linux"))]
fn me() -> u32 {
    0
}

/// Why a file of this owner and mode is not trusted by user `me`.
fn distrust(owner: u32, mode: u32, me: u32, ending: &str) -> Option<EntryError> {
    const ROOT: u32 = 0;
    const OTHERS_WRITE: u32 = 0o022;
    let file = || ending.to_owned();
    if owner != me && owner != ROOT {
        return Some(EntryError::Foreign {
            file: file(),
            owner,
        });
    }
    (mode & OTHERS_WRITE != 0).then(|| EntryError::Writable { file: file(), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_nobody_else_can_have_written_are_trusted() {
        const ME: u32 = 1000;
        for (owner, mode, words) in [
            (ME, 0o600, None),
            (ME, 0o644, None),
            (0, 0o644, None),
            (
                1001,
                0o600,
                Some("never trusted: its .plan belongs to user 1001"),
            ),
            (
                ME,
                0o664,
                Some("never trusted: others may write its .plan (mode 664)"),
            ),
            (
                ME,
                0o646,
                Some("never trusted: others may write its .plan (mode 646)"),
            ),
            (
                0,
                0o602,
                Some("never trusted: others may write its .plan (mode 602)"),
            ),
            (
                1001,
                0o666,
                Some("never trusted: its .plan belongs to user 1001"),
            ),
        ] {
            let why = distrust(owner, mode, ME, "plan").map(|e| e.to_string());
            assert_eq!(why.as_deref(), words, "{owner} {mode:o}");
        }
        // root trusts root only
        assert!(distrust(ME, 0o600, 0, "plan").is_some());
    }

    #[test]
    fn a_file_is_read_to_its_end_and_no_further_than_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.plan");
        assert!(matches!(read(&path, 9), Err(EntryError::Missing)));
        fs::write(&path, b"").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // whatever the umask is
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert_eq!(read(&path, 0).unwrap(), b"");
        fs::write(&path, b"123456789").unwrap();
        assert_eq!(read(&path, 9).unwrap(), b"123456789");
        let error = read(&path, 8).unwrap_err().to_string();
        assert_eq!(error, "its .plan has 9 bytes, more than 8");
    }

    #[cfg(unix)]
    #[test]
    fn links_folders_and_pipes_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, b"code").unwrap();
        let link = dir.path().join("link.plan");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let folder = dir.path().join("folder.plan");
        fs::create_dir(&folder).unwrap();
        let pipe = dir.path().join("pipe.plan");
        let made = std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap();
        assert!(made.success());
        for path in [link, folder, pipe] {
            let error = read(&path, 9).unwrap_err().to_string();
            assert_eq!(error, "its .plan is not a plain file", "{}", path.display());
        }
    }
}
