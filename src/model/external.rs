//! Files beside a graph that hold the numbers of its tensors (ONNX calls them external data).
//!
//! An engine that gets such a graph from memory looks for them in the folder that the program happens to be in. So they
//! are read here, from the bundle's folder only and under the manifest's hashes, and put into the graph.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Component, Path};

use lookout_adopt::walk::Kind;
use toml::Spanned;

use super::ModelError;
use super::bundle::{Check, MAX_FILE, Read};
use super::wire::{Field, Message};

/// Field numbers of `TensorProto`, and the value of the last one for a tensor that is elsewhere.
mod tensor {
    pub(super) const NAME: u32 = 8;
    pub(super) const RAW_DATA: u32 = 9;
    pub(super) const EXTERNAL_DATA: u32 = 13;
    pub(super) const DATA_LOCATION: u32 = 14;
    pub(super) const EXTERNAL: i32 = 1;
}

/// Where a tensor says that its numbers are; empty where it does not say.
#[derive(Default)]
struct Place<'a> {
    file: &'a str,
    offset: &'a str,
    length: &'a str,
}

/// The files of one graph.
pub(super) struct DataFiles<'a> {
    /// The bundle's folder.
    pub(super) folder: &'a Path,
    /// The graph.
    pub(super) graph: &'a Path,
    /// The manifest and the table in it that has the hashes, with its brackets.
    pub(super) manifest: &'a Path,
    pub(super) table: &'a str,
    pub(super) hashes: &'a BTreeMap<String, Spanned<String>>,
    pub(super) read: &'a Read<'a>,
    pub(super) check: &'a Check<'a>,
    /// Files that were read.
    pub(super) held: BTreeMap<String, Cow<'static, [u8]>>,
    /// Bytes that tensors took of them; several may take the same.
    pub(super) taken: u64,
}

impl DataFiles<'_> {
    /// The graph with all its numbers inside; `None` where they are already.
    pub(super) fn embed(&mut self, graph: &[u8]) -> Result<Option<Vec<u8>>, ModelError> {
        self.rewrite(Kind::Model, graph)
    }

    /// How deep a graph goes was checked before.
    fn rewrite(&mut self, kind: Kind, bytes: &[u8]) -> Result<Option<Vec<u8>>, ModelError> {
        let path = self.graph;
        let graph = |source| {
            let path = path.to_owned();
            ModelError::Wire { path, source }
        };
        let mut message = Message::read(bytes).map_err(graph)?;
        if kind == Kind::Tensor {
            // protobuf keeps the lower half of a number that is too large for its field
            if message.int(tensor::DATA_LOCATION).map_err(graph)? as i32 != tensor::EXTERNAL {
                return Ok(None);
            }
            let name = message.text(tensor::NAME).map_err(graph)?;
            let place = Place::of(&message).map_err(graph)?;
            let data = self.take(name, &place)?;
            for old in [tensor::EXTERNAL_DATA, tensor::DATA_LOCATION] {
                message.remove(old);
            }
            message.set(Field::bytes(tensor::RAW_DATA, data));
            return Ok(Some(message.write()));
        }
        let mut changed = false;
        for field in &mut message.fields {
            let number = field.number();
            let Some(below) = kind.within(u64::from(number)) else {
                continue;
            };
            let payload = field.payload().map_err(graph)?;
            if let Some(whole) = self.rewrite(below, payload)? {
                *field = Field::bytes(number, whole);
                changed = true;
            }
        }
        Ok(changed.then(|| message.write()))
    }

    /// The bytes of a tensor.
    fn take(&mut self, tensor: &str, place: &Place<'_>) -> Result<Vec<u8>, ModelError> {
        let path = self.graph;
        let wrong = |reason: String| ModelError::ExternalData {
            path: path.to_owned(),
            tensor: tensor.to_owned(),
            file: place.file.to_owned(),
            reason,
        };
        if !self.held.contains_key(place.file) {
            let bytes = self.load(place.file, &wrong)?;
            self.held.insert(place.file.to_owned(), bytes);
            let all: u64 = self.held.values().map(|file| file.len() as u64).sum();
            if all > MAX_FILE {
                return Err(wrong(format!(
                    "the graph's files have over {MAX_FILE} bytes"
                )));
            }
        }
        let file = self.held.get(place.file).map_or(&[][..], |file| &file[..]);
        let size = file.len() as u64;
        let number = |text: &str, or: u64| match text {
            "" => Ok(or),
            _ => text
                .parse::<u64>()
                .map_err(|_| wrong(format!("{text:?} is no number of bytes"))),
        };
        let offset: u64 = number(place.offset, 0)?;
        let length = number(place.length, size.saturating_sub(offset))?;
        let range = offset.checked_add(length).filter(|&end| end <= size);
        let Some(end) = range else {
            return Err(wrong(format!(
                "it has {size} bytes, and the tensor is {length} from byte {offset} on"
            )));
        };
        self.taken = self.taken.saturating_add(length);
        if self.taken > MAX_FILE {
            return Err(wrong(format!(
                "the graph's tensors have over {MAX_FILE} bytes"
            )));
        }
        // both are at most the file's length
        Ok(file[offset as usize..end as usize].to_vec())
    }

    fn load(
        &self,
        name: &str,
        wrong: &dyn Fn(String) -> ModelError,
    ) -> Result<Cow<'static, [u8]>, ModelError> {
        let below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !Path::new(name).components().all(below) {
            return Err(wrong(
                "that is no path below the bundle's folder".to_owned(),
            ));
        }
        // the folder's own path may be empty
        let folder = self.folder.join(".");
        let real = (folder.join(name).canonicalize(), folder.canonicalize());
        if let (Ok(file), Ok(folder)) = real
            && !file.starts_with(folder)
        {
            return Err(wrong(
                "that is a link out of the bundle's folder".to_owned(),
            ));
        }
        let bytes = (self.read)(name).map_err(|e| match e {
            ModelError::Io { source, .. } => wrong(format!("cannot read it: {source}")),
            other => other,
        })?;
        let Some(sha256) = self.hashes.get(name) else {
            let (manifest, table) = (self.manifest.display(), self.table);
            let found = super::bundle::sha256(&bytes);
            return Err(wrong(format!(
                "{manifest} has no hash of it; add to {table}: data.{name:?} = {found:?}"
            )));
        };
        (self.check)(name, &bytes, sha256)?;
        Ok(bytes)
    }
}

impl<'a> Place<'a> {
    fn of(tensor: &Message<'a>) -> Result<Self, super::WireError> {
        let mut place = Self::default();
        for entry in tensor.all(tensor::EXTERNAL_DATA) {
            let entry = Message::read(entry.payload()?)?;
            let value = entry.text(2)?;
            match entry.text(1)? {
                "location" => place.file = value,
                "offset" => place.offset = value,
                "length" => place.length = value,
                // a checksum, which the manifest's hash stands for
                _ => {}
            }
        }
        Ok(place)
    }
}
