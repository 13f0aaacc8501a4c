//! Where engines are kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::CacheError;

/// Names the folder outright.
const VARIABLE: &str = "LOOKOUT_ENGINE_CACHE";

/// The folder for engines: the one that is named; that of `LOOKOUT_ENGINE_CACHE`;
/// `lookout/engines` in `XDG_CACHE_HOME`; or `.cache/lookout/engines` in the home folder.
///
/// # Errors
/// None of these is there.
pub fn folder(named: Option<&Path>) -> Result<PathBuf, CacheError> {
    find(named, &|name| std::env::var_os(name))
}

fn find(
    named: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, CacheError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let set = |name| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(named) = set(VARIABLE) {
        return Ok(named);
    }
    // the XDG base directory specification has relative ones ignored
    let absolute = |name| set(name).filter(|p| p.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("lookout/engines"))
        .ok_or(CacheError::NoFolder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_there_is_taken() {
        let all = [
            ("LOOKOUT_ENGINE_CACHE", "here"),
            ("XDG_CACHE_HOME", "/xdg"),
            ("HOME", "/home/me"),
        ];
        type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], Option<&'a str>);
        let cases: [Case<'_>; 8] = [
            (Some("named"), &all, Some("named")),
            (None, &all, Some("here")),
            (None, &all[1..], Some("/xdg/lookout/engines")),
            (None, &all[2..], Some("/home/me/.cache/lookout/engines")),
            (None, &[], None),
            (
                None,
                &[("XDG_CACHE_HOME", "xdg"), all[2]],
                Some("/home/me/.cache/lookout/engines"),
            ),
            (
                None,
                &[("LOOKOUT_ENGINE_CACHE", ""), all[1]],
                Some("/xdg/lookout/engines"),
            ),
            (None, &[("HOME", "me")], None),
        ];
        for (named, set, expected) in cases {
            let variable = |name: &str| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| OsString::from(value))
            };
            let found = find(named.map(Path::new), &variable).ok();
            assert_eq!(
                found.as_deref(),
                expected.map(Path::new),
                "{named:?} {set:?}"
            );
        }
    }
}
