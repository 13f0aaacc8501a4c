use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use lookout_adopt::walk::{self, Fault};
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::external::DataFiles;
use super::{Fallback, Head, Manifest, ModelError};
use crate::lfs;
use crate::score::ScoreKind;

const MANIFEST: &str = "model.toml";
/// The largest file of a bundle in bytes, and all data of a graph: ONNX ends at twice that.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// A loaded bundle: manifest, graphs in memory, all hashes right.
#[derive(Clone)]
pub struct Bundle {
    path: PathBuf,
    manifest: Manifest,
    segmentation: Cow<'static, [u8]>,
    /// The graphs of [`Manifest::head`] and [`Manifest::other_heads`].
    head: Option<Cow<'static, [u8]>>,
    other_heads: Vec<Cow<'static, [u8]>>,
    fallback: Option<Box<Bundle>>,
    hash: String,
}

/// Reads a file of a bundle by its name.
pub(super) type Read<'a> = dyn Fn(&str) -> Result<Cow<'static, [u8]>, ModelError> + 'a;

/// Refuses bytes of a file, by its name, that have another hash than the manifest says.
pub(super) type Check<'a> = dyn Fn(&str, &[u8], &Spanned<String>) -> Result<(), ModelError> + 'a;

impl Bundle {
    /// Loads and checks the bundle in a folder, which may be given by its `model.toml` too.
    ///
    /// # Errors
    /// A file that cannot be read or is a pointer of Git LFS, a manifest that is wrong (with its line), a graph or a file of
    /// its data whose hash is not the manifest's, data that is not in the folder, a file that is no ONNX graph; the same of
    /// its fallback, and one whose networks cannot take the place of the bundle's.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let manifest = folder.file_name().is_some_and(|name| name == MANIFEST) && folder.is_file();
        let folder = folder.parent().filter(|_| manifest).unwrap_or(folder);
        let read = |name: &str| {
            let path = folder.join(name);
            match read_file(&path) {
                Ok(bytes) if lfs::is_pointer(&bytes) => Err(ModelError::LfsPointer { path }),
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
        let mut manifest = Manifest::parse(text, &path)?;
        let check = |name: &str, bytes: &[u8], hash: &Spanned<String>| {
            let found = sha256(bytes);
            if found.eq_ignore_ascii_case(hash.get_ref()) {
                return Ok(());
            }
            Err(ModelError::Hash {
                path: folder.join(name),
                manifest: path.clone(),
                line: Manifest::line(text, &hash.span()),
                expected: hash.get_ref().clone(),
                found,
            })
        };
        let graph = |table: &str, file: &Spanned<String>, hash: &Spanned<String>, hashes: &_| {
            let name = file.get_ref();
            let bytes = read(name)?;
            check(name, &bytes, hash)?;
            walk::check(&bytes).map_err(|Fault { at, reason }| {
                let path = folder.join(name);
                ModelError::Graph { path, at, reason }
            })?;
            let mut files = DataFiles {
                folder,
                graph: &folder.join(name),
                manifest: &path,
                table,
                hashes,
                read,
                check: &check,
                held: BTreeMap::new(),
                taken: 0,
            };
            let whole = files.embed(&bytes)?;
            Ok::<_, ModelError>(whole.map_or(bytes, Cow::Owned))
        };
        let s = &manifest.segmentation;
        let segmentation = graph("[segmentation]", &s.file, &s.sha256, &s.data)?;
        let of = |head: &Head, table: &str| graph(table, &head.file, &head.sha256, &head.data);
        let observer = manifest.head.as_ref();
        let head = observer.map(|head| of(head, "[observer]")).transpose()?;
        let others = manifest.other_heads.iter();
        let other_heads = others
            .map(|head| of(head, &format!("the [[head]] {}", head.score())))
            .collect::<Result<_, _>>()?;
        let fallback = manifest.fallback.as_ref();
        let fallback = fallback
            .map(|Fallback { bundle, sha256 }| {
                let name = bundle.get_ref();
                let inner = |file: &str| read(&format!("{name}/{file}"));
                let other = Self::from_files(&folder.join(name), &inner)?;
                let at = format!("{name}/{MANIFEST}");
                check(&at, &inner(MANIFEST)?, sha256)?;
                let wrong = |why: &str| ModelError::Manifest {
                    path: path.clone(),
                    line: Manifest::line(text, &bundle.span()),
                    message: format!("the bundle {name:?} cannot be the fallback: {why}"),
                };
                match manifest.fallback_problem(other.manifest()) {
                    Some(why) => Err(wrong(why)),
                    None => Ok(Box::new(other)),
                }
            })
            .transpose()?;
        if let Some(fallback) = &fallback {
            manifest.take_thresholds(fallback.manifest());
        }
        // the manifest holds the hashes of all other files, so its hash is that of the whole
        let hash = sha256(&bytes);
        Ok(Self {
            path: folder.to_owned(),
            manifest,
            segmentation,
            head,
            other_heads,
            fallback,
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

    /// The segmentation graph, ONNX bytes; its numbers are in it, wherever the bundle keeps them.
    pub fn segmentation(&self) -> &Cow<'static, [u8]> {
        &self.segmentation
    }

    /// The graph of the head that runs, [`Manifest::head`], the same, where there is one.
    pub fn head(&self) -> Option<&Cow<'static, [u8]>> {
        self.head.as_ref()
    }

    /// The smaller bundle that stands in where this one's networks are not in time.
    pub fn fallback(&self) -> Option<&Bundle> {
        self.fallback.as_deref()
    }

    /// The same bundle with the head that a score needs as the one that runs, and without all others. For a
    /// score of the logits the observer stays the one that runs.
    ///
    /// # Errors
    /// The bundle has no such head, or no logits that a score can be made of.
    pub fn choose(mut self, score: ScoreKind) -> Result<Self, ModelError> {
        let manifest = &mut self.manifest;
        let others = &mut manifest.other_heads;
        if let Some(at) = others.iter().position(|head| head.score() == score) {
            manifest.head = Some(others.swap_remove(at));
            self.head = Some(self.other_heads.swap_remove(at));
        } else if score.needs_head() && manifest.head_score() != Some(score) {
            let heads = manifest.heads().map(Head::score);
            return Err(ModelError::NoScore {
                bundle: manifest.name.clone(),
                score,
                scores: heads.chain(ScoreKind::OF_LOGITS).collect(),
            });
        }
        self.manifest.other_heads = Vec::new();
        self.other_heads = Vec::new();
        self.manifest.check_score(score)?;
        if let Some(fallback) = self.fallback {
            self.fallback = Some(Box::new(fallback.choose(score)?));
        }
        Ok(self)
    }

    /// The pictures that engines are tried on, [`Acceptance::pictures`](super::Acceptance::pictures), where
    /// they lie.
    ///
    /// # Errors
    /// One that cannot be read, or is not the one that the manifest describes.
    pub fn pictures(&self) -> Result<Vec<PathBuf>, ModelError> {
        let pictures = self.manifest.acceptance.pictures.iter();
        let checked = pictures.map(|(name, hash)| {
            let path = self.path.join(name);
            let bytes = match read_file(&path) {
                Ok(bytes) => bytes,
                Err(source) => return Err(ModelError::Io { path, source }),
            };
            let (found, expected) = (sha256(&bytes), hash.get_ref());
            match found.eq_ignore_ascii_case(expected) {
                true => Ok(path),
                false => Err(ModelError::Picture {
                    path,
                    expected: expected.clone(),
                    found,
                }),
            }
        });
        checked.collect()
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

/// A regular file of a bearable size: a pipe would be waited for.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let known = std::fs::metadata(path)?;
    if !known.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    match known.len() {
        0..=MAX_FILE => std::fs::read(path),
        size => Err(io::Error::other(format!(
            "it has {size} bytes, at most {MAX_FILE} are read"
        ))),
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
