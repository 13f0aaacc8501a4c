use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::graph::{self, External};
use super::{Manifest, ModelError};

const MANIFEST: &str = "model.toml";
/// What Git LFS puts in place of a file that is yet to be fetched begins so.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A loaded bundle: manifest, graphs in memory, all hashes right.
#[derive(Clone)]
pub struct Bundle {
    path: PathBuf,
    manifest: Manifest,
    segmentation: Cow<'static, [u8]>,
    observer: Option<Cow<'static, [u8]>>,
    hash: String,
}

/// Reads a file of a bundle by its name.
type Read<'a> = dyn Fn(&str) -> Result<Cow<'static, [u8]>, ModelError> + 'a;

impl Bundle {
    /// Loads and checks the bundle in a folder, which may be given by its `model.toml` too.
    ///
    /// # Errors
    /// A file that cannot be read or is a pointer of Git LFS, a manifest that is wrong (with its line), a
    /// graph whose hash is not the manifest's, that has data in other files or that is none.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let manifest = folder.file_name().is_some_and(|name| name == MANIFEST) && folder.is_file();
        let folder = folder.parent().filter(|_| manifest).unwrap_or(folder);
        let read = |name: &str| {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(bytes) if bytes.starts_with(LFS_POINTER) => Err(ModelError::LfsPointer { path }),
                Ok(bytes) => Ok(Cow::Owned(bytes)),
                Err(source) => Err(ModelError::Io { path, source }),
            }
        };
        Self::from_files(folder, &read)
    }

    /// The bundle `models/road`, built into this program.
    ///
    /// # Errors
    /// As [`Bundle::load`]; the tests load it, so none in a released program.
    pub fn shipped() -> Result<Self, ModelError> {
        let read = |name: &str| {
            let bytes: &'static [u8] = match name {
                MANIFEST => include_bytes!("../../models/road/model.toml"),
                "segmentation.onnx" => include_bytes!("../../models/road/segmentation.onnx"),
                "observer.onnx" => include_bytes!("../../models/road/observer.onnx"),
                _ => {
                    let source = std::io::ErrorKind::NotFound.into();
                    return Err(ModelError::Io {
                        path: PathBuf::from(name),
                        source,
                    });
                }
            };
            Ok(Cow::Borrowed(bytes))
        };
        Self::from_files(Path::new("models/road"), &read)
    }

    fn from_files(folder: &Path, read: &Read<'_>) -> Result<Self, ModelError> {
        let path = folder.join(MANIFEST);
        let bytes = read(MANIFEST)?;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()]
                .iter()
                .filter(|&&b| b == b'\n')
                .count()
                + 1;
            let message = "not UTF-8".to_owned();
            ModelError::Manifest {
                path: path.clone(),
                line,
                message,
            }
        })?;
        let manifest = Manifest::parse(text, &path)?;
        let graph = |file: &toml::Spanned<String>, sha256: &toml::Spanned<String>| {
            let bytes = read(file.get_ref())?;
            let found = hex(&Sha256::digest(&bytes));
            if found.eq_ignore_ascii_case(sha256.get_ref()) {
                let path = folder.join(file.get_ref());
                return match graph::check(&bytes) {
                    Ok(None) => Ok(bytes),
                    Ok(Some(External { tensor, file })) => {
                        Err(ModelError::ExternalData { path, tensor, file })
                    }
                    Err(graph::Fault { at, reason }) => Err(ModelError::Graph { path, at, reason }),
                };
            }
            Err(ModelError::Hash {
                path: folder.join(file.get_ref()),
                manifest: path.clone(),
                line: Manifest::line(text, &sha256.span()),
                expected: sha256.get_ref().clone(),
                found,
            })
        };
        let segmentation = graph(&manifest.segmentation.file, &manifest.segmentation.sha256)?;
        let observer = match &manifest.observer {
            Some(o) => Some(graph(&o.file, &o.sha256)?),
            None => None,
        };
        // the manifest holds the hashes of the graphs, so its hash is that of the whole
        let hash = hex(&Sha256::digest(&bytes));
        Ok(Self {
            path: folder.to_owned(),
            manifest,
            segmentation,
            observer,
            hash,
        })
    }

    /// Where it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The segmentation graph, ONNX bytes.
    pub fn segmentation(&self) -> &Cow<'static, [u8]> {
        &self.segmentation
    }

    /// The observer graph, ONNX bytes, where the bundle has one.
    pub fn observer(&self) -> Option<&Cow<'static, [u8]>> {
        self.observer.as_ref()
    }

    /// SHA-256 of the manifest, which holds the hashes of the graphs: names the bundle exactly.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The first twelve digits of [`Bundle::hash`], for messages.
    pub fn short_hash(&self) -> &str {
        &self.hash[..12]
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.manifest.name;
        f.debug_struct("Bundle")
            .field("name", name)
            .field("hash", &self.short_hash())
            .finish()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
