//! sqlite3 files as they lie on a disk: compressed, cut off, not closed.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::{TempDir, TempPath};

use super::inflate;
use super::{BagError, Limits};

/// sqlite needs a file that it can seek in.
pub(super) fn inflate_file(path: &Path, limits: Limits) -> Result<TempPath, BagError> {
    let io = |action| {
        move |source| BagError::Io {
            path: path.into(),
            action,
            source,
        }
    };
    let file = std::fs::File::open(path).map_err(io("open"))?;
    let decoder = inflate::zstd_reader(file).map_err(io("open"))?;
    let mut to = tempfile::Builder::new()
        .prefix("lookout-bag-")
        .suffix(".db3")
        .tempfile()
        .map_err(io("make a temporary file for"))?;
    let limit = limits.inflated_file;
    let mut from = BufReader::with_capacity(1 << 16, decoder.take(limit.saturating_add(1)));
    let size = std::io::copy(&mut from, &mut to).map_err(io("inflate"))?;
    if size > limit {
        let what = "the inflated file";
        return Err(BagError::TooLarge {
            path: path.into(),
            what,
            size,
            limit,
        });
    }
    to.flush().map_err(io("make a temporary file for"))?;
    Ok(to.into_temp_path())
}

/// A file that has lost its end.
pub(super) struct CutOff {
    pub(super) reason: String,
    /// Bytes of it that are whole pages.
    pages: u64,
    /// Whether there is a part of a page behind them.
    partial: bool,
}

impl CutOff {
    /// A copy of the whole pages, where a part of a page lies behind them: sqlite takes such a part for a page,
    /// and the end of a message that was in it would be zeros.
    pub(super) fn whole_pages(
        &self,
        path: &Path,
        limits: Limits,
    ) -> Result<Option<(TempDir, PathBuf)>, BagError> {
        if !self.partial {
            return Ok(None);
        }
        if self.pages > limits.inflated_file {
            return Err(BagError::TooLarge {
                path: path.into(),
                what: "a copy of the file, which is cut off,",
                size: self.pages,
                limit: limits.inflated_file,
            });
        }
        let copy = || -> std::io::Result<(TempDir, PathBuf)> {
            let folder = tempfile::Builder::new().prefix("lookout-bag-").tempdir()?;
            let copy = folder.path().join("copy.db3");
            let mut from = std::fs::File::open(path)?.take(self.pages);
            std::io::copy(&mut from, &mut std::fs::File::create(&copy)?)?;
            Ok((folder, copy))
        };
        copy().map(Some).map_err(|source| BagError::Io {
            path: path.into(),
            action: "make a copy, which sqlite needs because the file is cut off, of",
            source,
        })
    }
}

/// What is known of a file that is shorter than its header says. `None` where it is not, or where the header
/// does not tell.
pub(super) fn cut_off(path: &Path) -> Option<CutOff> {
    let mut file = std::fs::File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    let mut header = [0; 100];
    file.read_exact(&mut header).ok()?;
    let u32_at = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?));
    // who wrote the count of pages must have been the last to change the file
    if u32_at(24)? != u32_at(92)? {
        return None;
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 1 << 16,
        size => u64::from(size),
    };
    let whole = page * u64::from(u32_at(28)?);
    (len < whole).then(|| CutOff {
        reason: format!("the file is cut off: it has {len} of {whole} bytes"),
        pages: len - len % page,
        partial: len % page != 0,
    })
}

/// Whether the file is in WAL mode: the header says so.
pub(super) fn is_wal(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18] == 2
}

/// A name under which sqlite reads a file that nobody changes, without a file beside it.
pub(super) fn immutable(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri + "?immutable=1"
}

/// A copy of a file that its recorder did not close, with what lies beside it, so that sqlite can roll
/// the recorder's last step back, or bring it in, without changing the recording. `None` for a file
/// that was closed.
pub(super) fn unfinished(
    path: &Path,
    limits: Limits,
) -> Result<Option<(TempDir, PathBuf)>, BagError> {
    let beside = |path: &Path, suffix: &str| -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    };
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let rest = ["-wal", "-journal"].into_iter();
    let Some(suffix) = rest
        .into_iter()
        .find(|suffix| size(&beside(path, suffix)) > 0)
    else {
        return Ok(None);
    };
    let total = size(path).saturating_add(size(&beside(path, suffix)));
    if total > limits.inflated_file {
        return Err(BagError::TooLarge {
            path: path.into(),
            what: "a copy of the file, which its recorder did not close,",
            size: total,
            limit: limits.inflated_file,
        });
    }
    let io = |source| BagError::Io {
        path: path.into(),
        action: "make a copy, which sqlite needs because the recorder did not close the file, of",
        source,
    };
    log::warn!(
        "{}: the recorder did not close this file; what it had committed is read, from a copy",
        path.display()
    );
    let folder = tempfile::Builder::new()
        .prefix("lookout-bag-")
        .tempdir()
        .map_err(io)?;
    let copy = folder.path().join("copy.db3");
    std::fs::copy(path, &copy).map_err(io)?;
    std::fs::copy(beside(path, suffix), beside(&copy, suffix)).map_err(io)?;
    // the recording may be read-only, its copy must not be
    for file in [copy.clone(), beside(&copy, suffix)] {
        let mut permissions = std::fs::metadata(&file).map_err(io)?.permissions();
        #[expect(
            clippy::permissions_set_readonly_false,
            reason = "a file of ours in a folder of ours"
        )]
        permissions.set_readonly(false);
        std::fs::set_permissions(&file, permissions).map_err(io)?;
    }
    Ok(Some((folder, copy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_off_where_it_is_shorter_than_its_header_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db3");
        let header = |page: [u8; 2], pages: u8, valid_for: u8| {
            let mut header = [0; 100];
            header[16..18].copy_from_slice(&page);
            (header[27], header[31], header[95]) = (7, pages, valid_for);
            header
        };
        for (page, pages, valid_for, len, cut) in [
            ([16, 0], 2, 7, 8192, false),
            ([16, 0], 2, 7, 8191, true),
            ([16, 0], 2, 7, 4096, true),
            // 64 KiB are written as 1
            ([0, 1], 1, 7, 65_535, true),
            // a count that somebody older left there
            ([16, 0], 2, 6, 4096, false),
            ([16, 0], 2, 7, 50, false),
        ] {
            let mut file = header(page, pages, valid_for).to_vec();
            file.resize(len, 0);
            std::fs::write(&path, file).unwrap();
            assert_eq!(cut_off(&path).is_some(), cut, "{page:?} {len}");
        }
    }
}
