//! A graph from its file, with all its numbers, whole and in order.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use prost::Message;

use crate::proto::{self, Attribute, GraphProto, Model, NodeProto, TensorProto};
use crate::{AdoptError, graph, walk};

/// The largest graph in bytes, and all numbers that are in files beside it: what a bundle takes.
pub const MAX_BYTES: u64 = 1 << 30;

/// Reads a graph. Its numbers may be in files of its folder; they are put into it.
///
/// # Errors
/// A file that cannot be read or is too large; bytes that are no whole graph, or one with parts that are not known; numbers
/// that are outside of the folder, absent or too many; a cycle, a tensor that two nodes make, or that none makes.
pub fn read(path: &Path) -> Result<Model, AdoptError> {
    let bytes = read_bounded(path)?;
    let mut model = decode(&bytes, path)?;
    drop(bytes);
    let mut files = DataFiles {
        folder: path.parent().unwrap_or(Path::new("")).join("."),
        open: HashMap::new(),
        taken: 0,
    };
    tensors(&mut model, &mut |tensor| files.embed(tensor))?;
    graph::check(&model)?;
    Ok(model)
}

/// A graph from its bytes, which keep their numbers where they are.
///
/// # Errors
/// Bytes that are no whole graph, or one with parts that are not known.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Model, AdoptError> {
    let wrong = |at, reason: String| AdoptError::NoGraph {
        path: path.to_owned(),
        at,
        reason,
    };
    if bytes.is_empty() {
        return Err(wrong(0, "it is empty".to_owned()));
    }
    walk::check_known(bytes).map_err(|f| wrong(f.at, f.reason.to_owned()))?;
    let model = Model::decode(bytes).map_err(|e| wrong(0, e.to_string()))?;
    let nodes = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    if nodes == 0 {
        return Err(wrong(0, "it has no graph with nodes in it".to_owned()));
    }
    Ok(model)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, AdoptError> {
    let failed = |cause| AdoptError::Read {
        path: path.to_owned(),
        cause,
    };
    let known = fs::metadata(path).map_err(failed)?;
    if !known.is_file() {
        return Err(failed(std::io::Error::other("it is no regular file")));
    }
    if known.len() > MAX_BYTES {
        return Err(AdoptError::TooLarge {
            path: path.to_owned(),
            size: known.len(),
            limit: MAX_BYTES,
        });
    }
    fs::read(path).map_err(failed)
}

/// Every tensor with numbers, wherever it is: of the graph, in attributes, of graphs in nodes, of functions.
pub(crate) fn tensors<E>(
    model: &mut Model,
    each: &mut impl FnMut(&mut TensorProto) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(graph) = &mut model.graph {
        of_graph(graph, each)?;
    }
    for function in &mut model.functions {
        of_attributes(&mut function.attribute_proto, each)?;
        of_nodes(&mut function.node, each)?;
    }
    Ok(())
}

fn of_graph<E>(
    graph: &mut GraphProto,
    each: &mut impl FnMut(&mut TensorProto) -> Result<(), E>,
) -> Result<(), E> {
    graph.initializer.iter_mut().try_for_each(&mut *each)?;
    for sparse in &mut graph.sparse_initializer {
        let parts = sparse.values.iter_mut().chain(&mut sparse.indices);
        parts.into_iter().try_for_each(&mut *each)?;
    }
    of_nodes(&mut graph.node, each)
}

fn of_nodes<E>(
    nodes: &mut [NodeProto],
    each: &mut impl FnMut(&mut TensorProto) -> Result<(), E>,
) -> Result<(), E> {
    nodes
        .iter_mut()
        .try_for_each(|node| of_attributes(&mut node.attribute, each))
}

fn of_attributes<E>(
    attributes: &mut [Attribute],
    each: &mut impl FnMut(&mut TensorProto) -> Result<(), E>,
) -> Result<(), E> {
    for attribute in attributes {
        let own = attribute.t.iter_mut().chain(&mut attribute.tensors);
        own.into_iter().try_for_each(&mut *each)?;
        let sparse = attribute.sparse_tensor.iter_mut();
        for sparse in sparse.chain(&mut attribute.sparse_tensors) {
            let parts = sparse.values.iter_mut().chain(&mut sparse.indices);
            parts.into_iter().try_for_each(&mut *each)?;
        }
        let graphs = attribute.g.iter_mut().chain(&mut attribute.graphs);
        for graph in graphs {
            of_graph(graph, each)?;
        }
    }
    Ok(())
}

/// The files beside a graph.
struct DataFiles {
    folder: PathBuf,
    open: HashMap<String, File>,
    /// Bytes that tensors took.
    taken: u64,
}

impl DataFiles {
    /// Puts the numbers of a tensor into it.
    fn embed(&mut self, tensor: &mut TensorProto) -> Result<(), AdoptError> {
        if tensor.data_location != proto::EXTERNAL {
            return Ok(());
        }
        let entry = |key: &str| {
            let mut entries = tensor.external_data.iter();
            let found = entries.find(|pair| pair.key == key);
            found.map_or("", |pair| pair.value.as_str())
        };
        let (file, offset, length) = (entry("location"), entry("offset"), entry("length"));
        let wrong = |reason: String| AdoptError::ExternalData {
            tensor: tensor.name.clone(),
            file: file.to_owned(),
            reason,
        };
        if !self.open.contains_key(file) {
            let opened = self.file(file).map_err(&wrong)?;
            self.open.insert(file.to_owned(), opened);
        }
        let Some(open) = self.open.get_mut(file) else {
            return Err(wrong("it is not open".to_owned()));
        };
        let size = open.metadata().map_err(|e| wrong(e.to_string()))?.len();
        let number = |text: &str, or: u64| match text {
            "" => Ok(or),
            _ => text
                .parse::<u64>()
                .map_err(|_| wrong(format!("{text:?} is no number of bytes"))),
        };
        let offset = number(offset, 0)?;
        let length = number(length, size.saturating_sub(offset))?;
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(wrong(format!(
                "it has {size} bytes, and the tensor is {length} from byte {offset} on"
            )));
        }
        self.taken = self.taken.saturating_add(length);
        if self.taken > MAX_BYTES {
            return Err(wrong(format!(
                "with this tensor the graph's numbers have over {MAX_BYTES} bytes, which is more than a bundle takes"
            )));
        }
        let mut bytes = vec![0; length as usize];
        let read = |open: &mut File, bytes: &mut [u8]| {
            open.seek(SeekFrom::Start(offset))?;
            open.read_exact(bytes)
        };
        read(open, &mut bytes).map_err(|e| wrong(e.to_string()))?;
        tensor.external_data.clear();
        tensor.data_location = 0;
        tensor.raw_data = Some(bytes);
        Ok(())
    }

    /// Opens a file of the folder.
    fn file(&self, name: &str) -> Result<File, String> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !Path::new(name).components().all(plain) {
            return Err("only files below the graph's folder are read".to_owned());
        }
        let path = self.folder.join(name);
        let real = (path.canonicalize(), self.folder.canonicalize());
        let (file, folder) = match real {
            (Ok(file), Ok(folder)) => (file, folder),
            (Err(e), _) | (_, Err(e)) => return Err(format!("cannot read it: {e}")),
        };
        if !file.starts_with(folder) {
            return Err("that is a link out of the graph's folder".to_owned());
        }
        if !file.is_file() {
            return Err("it is no regular file".to_owned());
        }
        File::open(file).map_err(|e| format!("cannot read it: {e}"))
    }
}
