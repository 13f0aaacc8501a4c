//! What is written beside an artefact: its key, hash and length, and when it was built.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::digest::Digest;
use super::error::EntryError;
use super::fields::quoted;
use super::key::Key;

/// First line: the hash of all that follows. It tells a damaged record from a whole one; whom to
/// trust is a matter of the file's owner.
const SEAL: &str = "seal = \"";
const SEAL_END: &str = "\"\n";
/// Line between the record's own values and the text of the key.
const KEY: &str = "\n[key]\n";

/// An entry's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the artefact depends on.
    pub key: Key,
    /// Hash of the artefact.
    pub sha256: Digest,
    /// Length of the artefact in bytes.
    pub length: u64,
    /// When it was built, in seconds since 1970.
    pub built_at: u64,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
    /// Which lookout built it.
    pub built_by: String,
}

/// The record's own values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    built_at: u64,
    built_by: String,
    length: u64,
    sha256: Digest,
    took_ms: u64,
}

impl Record {
    /// Of an artefact that was built just now by this lookout.
    pub(super) fn new(key: &Key, artefact: &[u8], took: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            key: key.clone(),
            sha256: Digest::of(artefact),
            length: artefact.len() as u64,
            built_at: now.unwrap_or_default().as_secs(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            built_by: concat!("lookout ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// The text of the file.
    pub(super) fn text(&self) -> String {
        let Self {
            key,
            sha256,
            length,
            built_at,
            took_ms,
            built_by,
        } = self;
        let body = format!(
            "built_at = {built_at}\nbuilt_by = {}\nlength = {length}\nsha256 = \"{sha256}\"\n\
             took_ms = {took_ms}\n{KEY}{}",
            quoted(built_by),
            key.text(),
        );
        format!("{SEAL}{}{SEAL_END}{body}", Digest::of(body.as_bytes()))
    }

    /// Reads the text of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let corrupt = |why: &str| EntryError::Record(why.to_owned());
        let text = str::from_utf8(bytes).map_err(|_| corrupt("not UTF-8"))?;
        let (seal, body) = text
            .strip_prefix(SEAL)
            .and_then(|rest| rest.split_once(SEAL_END))
            .ok_or_else(|| corrupt("it has no seal"))?;
        if seal != Digest::of(body.as_bytes()).to_string() {
            return Err(corrupt("its seal is broken"));
        }
        let (values, key) = body
            .split_once(KEY)
            .ok_or_else(|| corrupt("it has no key"))?;
        let values: Values =
            toml::from_str(values).map_err(|e| EntryError::Record(e.message().to_owned()))?;
        Ok(Self {
            key: Key::parse(key)?,
            sha256: values.sha256,
            length: values.length,
            built_at: values.built_at,
            took_ms: values.took_ms,
            built_by: values.built_by,
        })
    }
}
