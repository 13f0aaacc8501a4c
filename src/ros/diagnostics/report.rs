use crate::msg::{DiagnosticStatus, KeyValue};

/// A status in the making: findings raise its level, and their words are its message.
#[derive(Default)]
pub(super) struct Report {
    level: u8,
    findings: Vec<String>,
    values: Vec<KeyValue>,
}

impl Report {
    /// Something that is not as it should be.
    pub(super) fn find(&mut self, level: u8, words: String) {
        self.level = self.level.max(level);
        self.findings.push(words);
    }

    pub(super) fn pair(&mut self, key: &str, value: impl Into<String>) {
        self.values.push(KeyValue::new(key, value));
    }

    /// A number with one decimal, or `unknown`.
    pub(super) fn number(&mut self, key: &str, value: Option<f64>) {
        let words = value.map_or_else(|| "unknown".to_owned(), |v| format!("{v:.1}"));
        self.pair(key, words);
    }

    /// `words` where nothing was found.
    pub(super) fn finish(self, name: &str, words: String) -> DiagnosticStatus {
        let message = if self.findings.is_empty() {
            words
        } else {
            self.findings.join("; ")
        };
        DiagnosticStatus {
            level: self.level,
            name: name.to_owned(),
            message,
            hardware_id: String::new(),
            values: self.values,
        }
    }
}
