//! Where `libonnxruntime` may be.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::EngineError;

/// Names the library file outright.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Finds `libonnxruntime.so`: where `ORT_DYLIB_PATH` says; in `LD_LIBRARY_PATH` and the system's
/// library folders; in the `onnxruntime` package of a Python environment (`VIRTUAL_ENV`, the
/// user's and the system's site-packages).
///
/// # Errors
/// Where there is none, with the places looked at. `ORT_DYLIB_PATH` that names no file is an
/// error too: what was asked for by name is not replaced by something else.
pub fn find_onnxruntime() -> Result<PathBuf, EngineError> {
    find(&|name| std::env::var_os(name))
}

/// Whether `ORT_DYLIB_PATH` names a library.
pub(super) fn named_onnxruntime() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|v| !v.is_empty())
}

fn find(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, EngineError> {
    if let Some(named) = variable(VARIABLE).filter(|v| !v.is_empty()) {
        let path = PathBuf::from(named);
        return match path.is_file() {
            true => Ok(path),
            false => Err(EngineError::NoOnnxRuntime {
                searched: vec![path],
            }),
        };
    }
    let mut folders: Vec<PathBuf> = vec![];
    if let Some(list) = variable("LD_LIBRARY_PATH") {
        folders.extend(std::env::split_paths(&list).filter(|p| p.is_absolute()));
    }
    let system = [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/opt/onnxruntime/lib",
    ];
    folders.extend(system.map(PathBuf::from));
    let home = variable("HOME").map(|h| PathBuf::from(h).join(".local"));
    let environments = [variable("VIRTUAL_ENV").map(PathBuf::from), home];
    for prefix in environments
        .into_iter()
        .flatten()
        .chain(["/usr/local".into(), "/usr".into()])
    {
        folders.extend(python_packages(&prefix.join("lib")));
    }
    match folders.iter().find_map(|f| library_in(f)) {
        Some(path) => Ok(path),
        None => Err(EngineError::NoOnnxRuntime { searched: folders }),
    }
}

/// `onnxruntime/capi` below every Python version's package folder of `lib`.
fn python_packages(lib: &Path) -> Vec<PathBuf> {
    let versions = std::fs::read_dir(lib).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions
        .filter(|e| e.file_name().to_string_lossy().starts_with("python3"))
        .map(|e| e.path())
        .collect();
    versions.sort();
    let packages = |v: PathBuf| ["site-packages", "dist-packages"].map(|p| v.join(p));
    versions
        .into_iter()
        .rev()
        .flat_map(packages)
        .map(|p| p.join("onnxruntime/capi"))
        .collect()
}

/// The library in a folder: `libonnxruntime.so`, or with a version behind.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let plain = folder.join("libonnxruntime.so");
    if plain.is_file() {
        return Some(plain);
    }
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let named = |e: &std::fs::DirEntry| {
        e.file_name()
            .to_string_lossy()
            .starts_with("libonnxruntime.so.")
    };
    entries
        .filter(named)
        .map(|e| e.path())
        .filter(|p| p.is_file())
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_that_is_absent_is_not_replaced_by_another() {
        let variable = |name: &str| (name == VARIABLE).then(|| "/no/such/lib.so".into());
        assert!(
            matches!(find(&variable), Err(EngineError::NoOnnxRuntime { searched })
            if searched == [PathBuf::from("/no/such/lib.so")])
        );
    }

    #[test]
    fn a_virtual_environment_is_looked_into() {
        let venv = tempfile::tempdir().unwrap();
        let capi = venv
            .path()
            .join("lib/python3.11/site-packages/onnxruntime/capi");
        std::fs::create_dir_all(&capi).unwrap();
        let library = capi.join("libonnxruntime.so.1.2.3");
        std::fs::write(&library, b"").unwrap();
        let variable =
            |name: &str| (name == "VIRTUAL_ENV").then(|| venv.path().as_os_str().to_owned());
        // a system library would be found before; there is none where tests run
        let found = find(&variable).unwrap();
        assert!(found == library || !found.starts_with(venv.path()));
    }
}
