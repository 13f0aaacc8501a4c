//! A key as TOML, with the version of its form.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

use super::key::Key;

/// Version of the text of keys and records; another one is another key.
const FORMAT: i64 = 2;
const FORMAT_FIELD: &str = "format";

impl Key {
    fn table(&self) -> Table {
        // nothing but texts, numbers below 2^63 and lists of them: TOML can say all of it
        let mut table = Table::try_from(self).unwrap_or_default();
        table.insert(FORMAT_FIELD.to_owned(), FORMAT.into());
        table
    }

    /// It in TOML: equal for equal keys, different for different ones.
    pub fn text(&self) -> String {
        self.table().to_string()
    }
}

/// For a record's key.
pub(super) fn serialize<S: Serializer>(key: &Key, to: S) -> Result<S::Ok, S::Error> {
    key.table().serialize(to)
}

/// For a record's key.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
    let mut table = Table::deserialize(from)?;
    match table.remove(FORMAT_FIELD) {
        Some(Value::Integer(FORMAT)) => {
            Key::deserialize(table).map_err(|e| D::Error::custom(e.message()))
        }
        Some(other) => Err(D::Error::custom(format_args!(
            "it has format {other}, and this lookout has {FORMAT}"
        ))),
        None => Err(D::Error::missing_field(FORMAT_FIELD)),
    }
}
