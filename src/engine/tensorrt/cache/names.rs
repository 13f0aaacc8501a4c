//! Names of the cache's files.

use super::digest::Digest;
use super::key::Artefact;

/// Ending of records.
pub(super) const RECORD: &str = "toml";
const LOCK: &str = "lock";
const TEMPORARY: &str = "tmp";

/// What a file of the cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A plan or a cubin.
    Artefact,
    /// Its record.
    Record,
    /// Held by whoever builds it.
    Lock,
    /// Was being written when its writer died, or is being written now.
    Temporary,
}

pub(super) fn artefact(stem: &str, artefact: Artefact) -> String {
    format!("{stem}.{}", artefact.extension())
}

pub(super) fn record(stem: &str) -> String {
    format!("{stem}.{RECORD}")
}

pub(super) fn lock(stem: &str) -> String {
    format!("{stem}.{LOCK}")
}

/// What the name of a temporary file starts and ends with.
pub(super) fn temporary(stem: &str) -> (String, &'static str) {
    (format!(".{stem}."), ".tmp")
}

/// The stem and the part that a name stands for; none for a file that is not the cache's.
pub(super) fn parse(name: &str) -> Option<(&str, Part)> {
    let (visible, temporary) = match name.strip_prefix('.') {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let (stem, rest) = visible.split_once('.')?;
    stem.parse::<Digest>().ok()?;
    let part = match (temporary, rest) {
        (false, "plan" | "cubin") => Part::Artefact,
        (false, RECORD) => Part::Record,
        (false, LOCK) => Part::Lock,
        (true, _) if rest.rsplit_once('.')?.1 == TEMPORARY => Part::Temporary,
        _ => return None,
    };
    Some((stem, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_those_of_others_are_left_alone() {
        let stem = Digest::of(b"key").to_string();
        let (start, end) = temporary(&stem);
        for (name, part) in [
            (artefact(&stem, Artefact::Segmentation), Part::Artefact),
            (artefact(&stem, Artefact::Kernels), Part::Artefact),
            (record(&stem), Part::Record),
            (lock(&stem), Part::Lock),
            (format!("{start}x1Y2z3{end}"), Part::Temporary),
        ] {
            assert_eq!(parse(&name), Some((stem.as_str(), part)), "{name}");
        }
        for name in [
            "",
            ".",
            "notes.toml",
            "model.plan",
            &stem,
            &format!("{stem}."),
            &format!("{stem}.plan.bak"),
            &format!("{stem}.onnx"),
            &format!("{}.plan", stem.to_uppercase()),
            &format!(".{stem}.plan"),
            &format!("{stem}.x1Y2z3.tmp"),
            &format!(".{stem}.tmp"),
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
