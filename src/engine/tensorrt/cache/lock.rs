//! One builder at a time for an artefact, among all processes of a machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::trust::same_file;

/// Held while an artefact is built and written; given back when dropped, and by the system when its
/// process dies.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Locked until it is closed.
    _file: File,
}

impl Lock {
    /// Takes the lock; `waiting` is called once if somebody else has it.
    pub(super) fn take(path: &Path, waiting: impl FnOnce()) -> io::Result<Self> {
        let mut waiting = Some(waiting);
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if let Some(tell) = waiting.take() {
                        tell();
                    }
                    file.lock()?;
                }
                Err(TryLockError::Error(e)) => return Err(e),
            }
            if let Some(lock) = Self::if_current(path, file)? {
                return Ok(lock);
            }
        }
    }

    /// Takes the lock unless somebody has it.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(e),
            }
            if let Some(lock) = Self::if_current(path, file)? {
                return Ok(Some(lock));
            }
        }
    }

    /// The one before may have taken the file away while this one waited for it. A lock on what
    /// nobody else can find keeps nobody out.
    fn if_current(path: &Path, file: File) -> io::Result<Option<Self>> {
        let current = match fs::symlink_metadata(path) {
            Ok(there) => same_file(&there, &file.metadata()?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(e),
        };
        let path = path.to_owned();
        // not `then_some`: a lock that is dropped takes the file away
        Ok(current.then(|| Self { path, _file: file }))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // while it is still held; left behind it would do no harm
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        // what a link points to is none of ours
        Ok(there) if !there.is_file() => {
            return Err(io::Error::other("it is not a plain file"));
        }
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn there_is_one_holder_at_a_time_although_the_file_comes_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..100 {
                        let lock = Lock::take(&path, || {}).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 400);
        assert!(!path.exists());
    }

    #[test]
    fn a_held_lock_is_not_taken_and_a_forgotten_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        fs::write(&path, b"").unwrap();
        let held = Lock::try_take(&path).unwrap().expect("nobody has it");
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_lock_and_makes_no_file_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join("a.lock"), dir.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(Lock::take(&path, || {}).is_err());
        assert!(!elsewhere.exists());
    }
}
