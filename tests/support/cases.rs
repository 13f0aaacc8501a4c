//! The shared cases, which are not part of the project.

use std::path::{Path, PathBuf};

/// A file or folder of `../shared/cases`; `None`, and a line that names it, where it is absent.
pub(crate) fn case(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/cases")
        .join(name);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}
