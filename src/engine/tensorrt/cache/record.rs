//! What is written beside an artefact: its key, hash and length, and when it was built.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::EntryError;
use super::key::Key;
use super::text;

/// First line: the hash of all that follows. It tells a damaged record from a whole one; whom to
/// trust is a matter of the file's owner.
const SEAL: &str = "seal = \"";
const SEAL_END: &str = "\"\n";

/// An entry's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What the artefact depends on.
    #[serde(with = "text")]
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
        // as with the text of the key, nothing is in it that TOML cannot say
        let body = toml::to_string(self).unwrap_or_default();
        format!("{SEAL}{}{SEAL_END}{body}", Digest::of(body.as_bytes()))
    }

    /// Reads the text of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let unusable = |why: &str| EntryError::Record(why.to_owned());
        let text = str::from_utf8(bytes).map_err(|_| unusable("not UTF-8"))?;
        let (seal, body) = text
            .strip_prefix(SEAL)
            .and_then(|rest| rest.split_once(SEAL_END))
            .ok_or_else(|| unusable("it has no seal"))?;
        if seal != Digest::of(body.as_bytes()).to_string() {
            return Err(unusable("its seal is broken"));
        }
        toml::from_str(body).map_err(|e| unusable(e.message()))
    }
}
