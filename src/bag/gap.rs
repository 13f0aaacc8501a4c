//! What of a recording was not delivered.

use std::path::PathBuf;

use super::BagError;
use crate::time::Stamp;

/// Gaps that are described one by one; the rest are counted.
const DESCRIBED: usize = 100;

/// A part of a recording that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The storage file.
    pub path: PathBuf,
    /// What is wrong there, with the byte where that is known.
    pub reason: String,
    /// Log time of the last message that was delivered before it.
    pub after: Option<Stamp>,
    /// Log time of the first message that was delivered after it; `None` at the end of the bag.
    pub before: Option<Stamp>,
}

impl Gap {
    /// From the message before to the message after it, in seconds, where there are both.
    pub fn seconds(&self) -> Option<f64> {
        let (after, before) = self.after.zip(self.before)?;
        Some(before.saturating_since(after).as_secs_f64())
    }
}

/// All gaps of a bag, in the order of reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    list: Vec<Gap>,
    more: u64,
    last: Option<Stamp>,
}

impl Gaps {
    /// The gaps, the first hundred of them.
    pub fn list(&self) -> &[Gap] {
        &self.list
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.list.len() as u64 + self.more
    }

    /// Whether nothing was delivered after the last gap.
    pub fn at_the_end(&self) -> bool {
        self.more == 0 && self.list.last().is_some_and(|gap| gap.before.is_none())
    }

    /// Time of the described gaps that lie between two messages.
    pub fn seconds(&self) -> f64 {
        // a sum of nothing would be -0
        self.list
            .iter()
            .filter_map(Gap::seconds)
            .fold(0.0, |sum, s| sum + s)
    }

    /// Another part is missing here. Parts without a message between them are one gap.
    pub(super) fn add(&mut self, path: PathBuf, reason: String) {
        if self.at_the_end() {
            return;
        }
        if self.list.len() == DESCRIBED {
            if self.more == 0 {
                log::warn!("further parts cannot be read; they are only counted");
            }
            self.more += 1;
            return;
        }
        log::warn!("{}: a part cannot be read: {reason}", path.display());
        self.list.push(Gap {
            path,
            reason,
            after: self.last,
            before: None,
        });
    }

    /// A message was delivered.
    pub(super) fn delivered(&mut self, log_time: Stamp) {
        self.last = Some(log_time);
        if let Some(gap) = self.list.last_mut() {
            gap.before.get_or_insert(log_time);
        }
    }
}

/// What an error says without the name of its file.
pub(super) fn reason(error: &BagError) -> String {
    match error {
        BagError::Corrupt { offset, reason, .. } => format!("byte {offset}: {reason}"),
        BagError::Truncated { offset, inside, .. } => {
            format!("the file ends at byte {offset}, in {inside}")
        }
        BagError::Sqlite { reason, .. } => reason.clone(),
        BagError::Io { action, source, .. } => format!("cannot {action} it: {source}"),
        other => other.to_string(),
    }
}
