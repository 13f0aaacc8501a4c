//! The rules of `docs/architecture.md` against the `use` lines.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::path::{Path, PathBuf};

const CORE: [&str; 9] = [
    "engine", "score", "decide", "schedule", "watchdog", "frame", "evaluate", "stages", "time",
];
const ADAPTERS: [&str; 3] = ["bag", "ros", "cli"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The module that a path below `src` belongs to.
fn module_of(path: &Path) -> String {
    let first = path.components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap();
    name.trim_end_matches(".rs")
        .trim_end_matches("_tests")
        .to_owned()
}

/// Modules of the crate that a text names after `crate::`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
}

#[test]
fn the_core_imports_no_adapter_and_adapters_do_not_import_each_other() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut wrong = Vec::new();
    for path in all
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
    {
        let below = path.strip_prefix(&src).unwrap();
        let module = module_of(below);
        let (core, adapter) = (
            CORE.contains(&module.as_str()),
            ADAPTERS.contains(&module.as_str()),
        );
        for other in named(&fs::read_to_string(path).unwrap()) {
            let is_adapter = ADAPTERS.contains(&other);
            let outside = is_adapter || ["msg", "profile", "pipeline", "live"].contains(&other);
            if core && outside || adapter && is_adapter && other != module {
                wrong.push(format!("{} imports {other}", below.display()));
            }
        }
    }
    assert!(all.len() > 100, "{} files", all.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
