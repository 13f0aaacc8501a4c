//! Built engines on disk, and when one may be used again.
//!
//! To build an engine can take minutes, and an engine that does not belong to the machine, the driver
//! or the networks must never run. Three words:
//! - an **artefact** is what was built: a TensorRT plan, or the cubin of lookout's kernels
//!   ([`Artefact`]);
//! - its **key** is everything that it depends on ([`Key`]); where anything of it is different,
//!   another artefact is needed, and the log says what is;
//! - an **entry** is an artefact on disk with its **record** beside it ([`Record`]): the key, the
//!   hash, when it was built.
//!
//! ```text
//! <sha256 of the key>.plan or .cubin    the artefact
//! <sha256 of the key>.toml              its record; written last
//! <sha256 of the key>.lock              while somebody builds it
//! .<sha256 of the key>.<random>.tmp     while it is written
//! ```
//!
//! An artefact is code. So an entry is used only if both files are plain ones of this user or root
//! that nobody else may write, and if every byte of them is as it was written. Anything else is
//! built anew, and the reason is logged. A cache that cannot be written makes engines slow to
//! start and is no reason not to start.

mod digest;
mod error;
mod fields;
mod folder;
mod key;
mod lock;
mod names;
mod record;
mod store;
mod sweep;
mod text;
mod trust;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use digest::{Digest, DigestError};
pub use error::{CacheError, EntryError};
pub use fields::Difference;
pub use folder::folder;
pub use key::{
    Artefact, Device, Environment, Flavour, Graph, KernelRecipe, Key, Library, PlanRecipe, Profile,
    Recipe, ShapeRange,
};
pub use record::Record;
pub use sweep::{Cleaned, Entry, Filter, Removed};

use store::Store;

/// Where an artefact comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was built before.
    Hit,
    /// It was built now.
    Built {
        /// Why none that was there could be used; for people.
        reasons: Vec<String>,
        /// How long building took.
        took: Duration,
    },
}

/// An artefact.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The plan or cubin.
    pub bytes: Vec<u8>,
    /// Where it comes from.
    pub from: Origin,
    /// Its file; none where it could not be kept.
    pub path: Option<PathBuf>,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("bytes", &self.bytes.len())
            .field("from", &self.from)
            .field("path", &self.path)
            .finish()
    }
}

/// An artefact that was no good although it is what was built.
#[derive(Debug)]
struct Rejected {
    /// None where the entry could not be read any more.
    sha256: Option<Digest>,
    why: String,
}

/// Built artefacts, by their keys. May be used by several threads and processes at once.
#[derive(Debug)]
pub struct Cache {
    store: Option<Store>,
    /// By stem.
    rejected: Mutex<BTreeMap<String, Rejected>>,
}

impl Cache {
    /// The cache in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// A folder that cannot be made, or a file in its place. A folder that cannot be written is
    /// fine: what is in it is used.
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        Ok(Self::with(Some(Store::open(folder)?)))
    }

    /// A cache that keeps nothing, for where there is no folder to keep it in.
    pub fn without_folder() -> Self {
        Self::with(None)
    }

    /// The cache in the folder that is named or usual (see [`folder`]); where that cannot be used,
    /// one that keeps nothing, and a warning. For those who can do without.
    pub fn open_or_without(named: Option<&Path>) -> Self {
        match folder(named).and_then(|folder| Self::open(&folder)) {
            Ok(cache) => cache,
            Err(e) => {
                log::warn!("{e}; they will be built again at every start");
                Self::without_folder()
            }
        }
    }

    fn with(store: Option<Store>) -> Self {
        Self {
            store,
            rejected: Mutex::default(),
        }
    }

    /// Where artefacts are kept.
    pub fn folder(&self) -> Option<&Path> {
        self.store.as_ref().map(Store::folder)
    }

    /// The artefact of a key: the one that is kept, or what `build` makes, which is kept from then
    /// on. Whoever comes while another thread or process builds it waits for that one. So `build`
    /// must not ask for the same key.
    ///
    /// # Errors
    /// Only those of `build`: whatever is wrong with the cache is logged, and the artefact built.
    pub fn get_or_build<E>(
        &self,
        key: &Key,
        build: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Fetched, E> {
        let is = key.artefact().is();
        let Some(store) = &self.store else {
            let reasons = vec!["nothing is kept, for want of a folder".to_owned()];
            log::info!("{is} built: {}", reasons.join(", "));
            let (bytes, took) = timed(build)?;
            let from = Origin::Built { reasons, took };
            return Ok(Fetched {
                bytes,
                from,
                path: None,
            });
        };
        let stem = key.stem();
        if let Ok(hit) = self.hit(store, key, &stem) {
            return Ok(hit);
        }
        let waiting = || log::info!("{is} being built by somebody else; waiting for it");
        let lock = store.lock(&stem, waiting);
        if let Err(e) = &lock {
            log::debug!("cannot lock an entry of {}: {e}", store.folder().display());
        }
        // whoever had the lock may have built it
        let problem = match self.hit(store, key, &stem) {
            Ok(hit) => return Ok(hit),
            Err(problem) => problem,
        };
        if let Ok(lock) = &lock {
            store.remove_leftovers(&stem, lock);
        }
        let reasons = tell(store, key, &problem);
        let (bytes, took) = timed(build)?;
        let record = Record::new(key, &bytes, took);
        let path = match store.write(&record, &bytes) {
            Ok(path) => {
                log::info!("{} built in {:.1} s", key.artefact(), took.as_secs_f64());
                self.rejected().remove(&stem);
                Some(path)
            }
            Err(e) => {
                let folder = store.folder().display();
                log::warn!("{is} not kept and will be built again: cannot write to {folder}: {e}");
                None
            }
        };
        let from = Origin::Built { reasons, took };
        Ok(Fetched { bytes, from, path })
    }

    /// As [`get_or_build`](Self::get_or_build), but builds even where there is one, which is
    /// replaced when the new one is ready. `why` becomes the reason.
    ///
    /// # Errors
    /// Those of `build`; the one that was there stays.
    pub fn rebuild<E>(
        &self,
        key: &Key,
        why: &str,
        build: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Fetched, E> {
        if let Some(store) = &self.store {
            self.do_without(store, key, why);
        }
        self.get_or_build(key, build)
    }

    /// Says that the artefact kept for a key is no good although it is what was built: what was to
    /// use it refused it. It is taken away, and the next [`get_or_build`](Self::get_or_build)
    /// gives `why` as the reason.
    pub fn reject(&self, key: &Key, why: &str) {
        let Some(store) = &self.store else { return };
        self.do_without(store, key, why);
        let stem = key.stem();
        if let Err(e) = store.remove(&stem, key.artefact()) {
            // it is known by its hash, and not used again by this process
            let folder = store.folder().display();
            log::warn!("a refused engine stays in {folder}: {e}");
        }
    }

    /// Has the entry that is there now not used again by this process.
    fn do_without(&self, store: &Store, key: &Key, why: &str) {
        let stem = key.stem();
        let sha256 = store.record(&stem).ok().map(|record| record.sha256);
        let why = why.to_owned();
        self.rejected().insert(stem, Rejected { sha256, why });
    }

    fn hit(&self, store: &Store, key: &Key, stem: &str) -> Result<Fetched, EntryError> {
        let read = store.read(key);
        if let Some(Rejected { sha256, why }) = self.rejected().get(stem) {
            let same = match &read {
                Ok((record, _)) => Some(record.sha256) == *sha256,
                Err(_) => true,
            };
            if same {
                return Err(EntryError::Rejected(why.clone()));
            }
        }
        let (_, bytes) = read?;
        let path = store.artefact_path(stem, key.artefact());
        log::debug!("{} {}", key.artefact(), path.display());
        Ok(Fetched {
            bytes,
            from: Origin::Hit,
            path: Some(path),
        })
    }

    fn rejected(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Rejected>> {
        // a map is whole whatever its user died of
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs why an artefact has to be built.
fn tell(store: &Store, key: &Key, problem: &EntryError) -> Vec<String> {
    let is = key.artefact().is();
    if !matches!(problem, EntryError::Missing) {
        let level = match problem {
            EntryError::Rejected(_) => log::Level::Info,
            _ => log::Level::Warn,
        };
        log::log!(level, "{is} built anew: {problem}");
        return vec![problem.to_string()];
    }
    match store.nearest(key) {
        Some(nearest) => {
            let differences = nearest.key.differences(key);
            let reasons: Vec<String> = differences.iter().map(Difference::to_string).collect();
            log::info!("{is} built anew: {}", reasons.join(", "));
            reasons
        }
        None => {
            log::info!(
                "{is} built: there is none yet in {}",
                store.folder().display()
            );
            vec![problem.to_string()]
        }
    }
}

fn timed<E>(build: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<(Vec<u8>, Duration), E> {
    let start = Instant::now();
    build().map(|bytes| (bytes, start.elapsed()))
}
