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

/// Every file below `src`, by its path there, without comments.
fn sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let code = |text: String| {
        let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let found: Vec<_> = all
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let below = path.strip_prefix(&src).unwrap().to_owned();
            (below, code(fs::read_to_string(path).unwrap()))
        })
        .collect();
    assert!(found.len() > 100, "{} files", found.len());
    found
}

/// Modules of the crate that a code names after `crate::`.
fn named(code: &str) -> impl Iterator<Item = &str> {
    code.lines()
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
}

#[test]
fn the_core_imports_no_adapter_and_adapters_do_not_import_each_other() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let module = module_of(&path);
        let (core, adapter) = (
            CORE.contains(&module.as_str()),
            ADAPTERS.contains(&module.as_str()),
        );
        for other in named(&code) {
            let is_adapter = ADAPTERS.contains(&other);
            let joins = ["msg", "profile", "pipeline", "live", "status"].contains(&other);
            let of_messages = ["msg", "time", "decide"].contains(&other);
            if core && (is_adapter || joins)
                || adapter && is_adapter && other != module
                || module == "msg" && !of_messages
            {
                wrong.push(format!("{} imports {other}", path.display()));
            }
        }
        if module == "msg" && code.contains("Verdict") {
            wrong.push(format!("{} names verdicts", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn runs_are_put_together_in_one_place() {
    let joins = [
        "Pipeline::new(",
        "FrameHandler::new(",
        "Watchdog::start(",
        " install_panic_hook(",
    ];
    let is_test = |path: &Path| {
        let mut names = path.iter().map(|name| name.to_str().unwrap());
        names.any(|name| name.trim_end_matches(".rs").ends_with("tests"))
    };
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        if path == Path::new("pipeline/assembly.rs") || is_test(&path) {
            continue;
        }
        for join in joins {
            if code.replace("fn install_panic_hook(", "").contains(join) {
                wrong.push(format!("{} has {join}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
