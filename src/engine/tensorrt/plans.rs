//! From a bundle's graphs to engines: what is built, for which sizes, and what it depends on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lookout_gpu::cuda::Nvrtc;
use lookout_gpu::tensorrt::{self, BuildOptions, Dla, Engine, Profile, ShapeRange, Typing};

use super::TensorRtError;
use super::cache::{
    self, Artefact, Cache, Digest, Fetched, Graph, KernelRecipe, Key, Origin, PlanRecipe, Recipe,
};
use super::found::Found;
use super::kernels;
use super::precision;
use super::prepare::{PreparedArtefact, Progress};
use super::settings::{BuildSettings, Precision};
use crate::engine::{Resolution, input_size};
use crate::model::{Bundle, Head, Manifest};

/// Largest graph or calibration cache that is read from a file.
const MOST_BYTES: u64 = 1 << 30;

/// Everything of a bundle that runs on the GPU.
pub(super) struct Engines {
    pub(super) segmentation: Engine,
    /// Of the head that runs.
    pub(super) head: Option<Engine>,
    /// A cubin of [`kernels::TEXT`].
    pub(super) cubin: Vec<u8>,
    /// All three, in the order in which they were made.
    pub(super) artefacts: Vec<PreparedArtefact>,
}

/// Makes engines and kernels, or takes them from the cache.
pub(super) struct Maker<'a> {
    pub(super) found: &'a Found,
    pub(super) bundle: &'a Bundle,
    pub(super) settings: &'a BuildSettings,
    pub(super) cache: &'a Cache,
}

/// One of the two graphs, and how it is built.
struct Network<'a> {
    graph: Graph,
    onnx: Cow<'a, [u8]>,
    profiles: &'a [Profile],
    calibration: Option<&'a [u8]>,
}

impl Maker<'_> {
    /// All of them.
    pub(super) fn engines(
        &self,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Engines, TensorRtError> {
        self.settings.check()?;
        let calibration = self.calibration()?;
        let mut artefacts = Vec::new();
        let mut ready = |(artefact, fetched): (_, &Fetched),
                         engine: Option<&Engine>,
                         progress: &mut dyn FnMut(Progress<'_>)| {
            let told = engine.filter(|_| self.settings.detailed_profile);
            let one = PreparedArtefact {
                artefact,
                from: fetched.from.clone(),
                bytes: fetched.bytes.len(),
                path: fetched.path.clone(),
                layers: told.map(Engine::layer_information),
            };
            progress(Progress::Ready(&one));
            artefacts.push(one);
        };

        let cubin = self.kernels(progress)?;
        ready((Artefact::Kernels, &cubin), None, progress);

        let manifest = self.bundle.manifest();
        let profiles = self.image_profiles(manifest)?;
        let file = manifest.segmentation.file.get_ref();
        let network = Network {
            graph: Graph::Segmentation,
            onnx: self.graph(self.bundle.segmentation(), file)?,
            profiles: &profiles,
            calibration: calibration.as_deref(),
        };
        let (segmentation, fetched) = self.engine(&network, progress)?;
        ready(
            (Artefact::Segmentation, &fetched),
            Some(&segmentation),
            progress,
        );

        let head = match (&manifest.head, self.bundle.head()) {
            (Some(head), Some(bytes)) => {
                let profiles = head_profiles(&segmentation, manifest, head, &profiles)?;
                let network = Network {
                    graph: Graph::Observer,
                    onnx: self.graph(bytes, head.file.get_ref())?,
                    profiles: &profiles,
                    calibration: calibration.as_deref(),
                };
                let (engine, fetched) = self.engine(&network, progress)?;
                ready((Artefact::Observer, &fetched), Some(&engine), progress);
                Some(engine)
            }
            _ => None,
        };
        Ok(Engines {
            segmentation,
            head,
            cubin: cubin.bytes,
            artefacts,
        })
    }

    /// The kernels' cubin, for this GPU.
    fn kernels(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Fetched, TensorRtError> {
        let options = kernels::nvrtc_options(self.found.device.info().compute_capability);
        let key = Key {
            source: Digest::of(kernels::TEXT.as_bytes()),
            device: self.found.key_device(),
            recipe: Recipe::Kernels(KernelRecipe {
                nvrtc: self.found.nvrtc_version()?,
                options: options.clone(),
            }),
        };
        self.fetch(&key, || {
            progress(Progress::Building(Artefact::Kernels));
            compile(&self.found.nvrtc, &options)
        })
    }

    /// An engine, built where none is kept or TensorRT refuses the one that is.
    fn engine(
        &self,
        network: &Network<'_>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(Engine, Fetched), TensorRtError> {
        let options = self.options(network);
        let key = self.key(network);
        let mut build = || {
            let (is, key) = (key.artefact().is(), &key);
            log::info!(
                "{is} being built, which may take minutes; `lookout engine build` does it ahead"
            );
            progress(Progress::Building(key.artefact()));
            let built = self.found.library.build(&network.onnx, &options);
            built.map_err(TensorRtError::from)
        };
        let fetched = self.fetch(&key, &mut build)?;
        let refused = match self.found.runtime.deserialize(&fetched.bytes) {
            Ok(engine) => return Ok((engine, fetched)),
            Err(e) if fetched.from == Origin::Hit => e,
            Err(e) => return Err(e.into()),
        };
        let why = format!("TensorRT refused it: {refused}");
        self.cache.reject(&key, &why);
        let fetched = self.cache.get_or_build(&key, &mut build)?;
        let engine = self.found.runtime.deserialize(&fetched.bytes)?;
        Ok((engine, fetched))
    }

    /// What is kept, unless a new one is asked for.
    fn fetch(
        &self,
        key: &Key,
        build: impl FnOnce() -> Result<Vec<u8>, TensorRtError>,
    ) -> Result<Fetched, TensorRtError> {
        match self.settings.force {
            true => self.cache.rebuild(key, "a new one was asked for", build),
            false => self.cache.get_or_build(key, build),
        }
    }

    fn options(&self, network: &Network<'_>) -> BuildOptions {
        BuildOptions {
            precision: match self.settings.precision {
                Precision::Fp32 => tensorrt::Precision::Fp32,
                Precision::Fp16 => tensorrt::Precision::Fp16,
                Precision::Int8 => tensorrt::Precision::Int8,
            },
            workspace: self.settings.workspace,
            optimization_level: self.settings.optimization_level,
            profiles: network.profiles.to_vec(),
            dla: self.settings.dla.map(|core| Dla {
                core,
                gpu_fallback: true,
            }),
            calibration_cache: network.calibration.map(<[u8]>::to_vec),
            detailed_profile: self.settings.detailed_profile,
            ..BuildOptions::default()
        }
    }

    fn key(&self, network: &Network<'_>) -> Key {
        let settings = self.settings;
        Key {
            source: Digest::of(&network.onnx),
            device: self.found.key_device(),
            recipe: Recipe::Plan(PlanRecipe {
                graph: network.graph,
                library: self.found.key_library(),
                precision: settings.precision,
                dla: settings.dla,
                workspace: settings.workspace,
                optimization_level: settings.optimization_level,
                detailed_profile: settings.detailed_profile,
                calibration: network.calibration.map(Digest::of),
                flags: match settings.precision {
                    // what `lookout-gpu` does for it: plans from before that are others
                    Precision::Fp32 => BTreeSet::from(["no-tf32".to_owned()]),
                    Precision::Fp16 | Precision::Int8 => BTreeSet::new(),
                },
                profiles: network.profiles.iter().map(key_profile).collect(),
            }),
        }
    }

    /// The bundle's graph in the precision that is asked for: with a library that takes precision from the
    /// graph it has to be in there.
    fn graph<'b>(&self, bundled: &'b [u8], file: &str) -> Result<Cow<'b, [u8]>, TensorRtError> {
        let settings = self.settings;
        match (settings.precision, &settings.qdq) {
            (Precision::Int8, Some(folder)) => {
                let graph = read(&folder.join(file))?;
                match precision::graph_precision(&graph)? {
                    precision::GraphPrecision::Qdq => Ok(graph.into()),
                    _ => Err(TensorRtError::NotQuantised {
                        path: folder.join(file),
                    }),
                }
            }
            (Precision::Fp16, _) if self.found.library.typing() == Typing::Strong => {
                Ok(precision::to_fp16(bundled)?.into())
            }
            _ => Ok(bundled.into()),
        }
    }

    fn calibration(&self) -> Result<Option<Vec<u8>>, TensorRtError> {
        self.settings.calibration.as_deref().map(read).transpose()
    }

    /// One profile a resolution: the input sizes that the cameras need, optimised for the first of them.
    fn image_profiles(&self, manifest: &Manifest) -> Result<Vec<Profile>, TensorRtError> {
        let settings = self.settings;
        // checks cameras and widths together
        settings.input_sizes(&manifest.input)?;
        let profile = |resolution| -> Result<Profile, TensorRtError> {
            let sizes = settings.cameras.iter().map(|&(width, height)| {
                let size = input_size(&manifest.input, resolution, width, height);
                size.map_err(|source| {
                    let camera = super::settings::SettingsError::Camera {
                        width,
                        height,
                        source,
                    };
                    TensorRtError::from(camera)
                })
            });
            let sizes: Vec<_> = sizes.collect::<Result<_, _>>()?;
            let widths = || sizes.iter().map(|size| size.0);
            let (opt, rows) = sizes.first().copied().unwrap_or_default();
            let least = settings.min_width.or(widths().min()).unwrap_or(opt);
            let most = settings.max_width.or(widths().max()).unwrap_or(opt);
            let shape = |width: u32| [1, 3, i64::from(rows), i64::from(width)];
            Ok(Profile {
                inputs: vec![ShapeRange {
                    name: manifest.segmentation.image.clone(),
                    min: shape(least),
                    opt: shape(opt),
                    max: shape(most),
                }],
            })
        };
        let resolutions = Resolution::of(&manifest.input).iter();
        resolutions.copied().map(profile).collect()
    }
}

/// A head reads the image, or what the segmentation network makes of it: sizes that only its engine knows.
fn head_profiles(
    segmentation: &Engine,
    manifest: &Manifest,
    head: &Head,
    image: &[Profile],
) -> Result<Vec<Profile>, TensorRtError> {
    let s = &manifest.segmentation;
    let inputs = head.inputs.get_ref();
    let (image_too, given): (Vec<_>, Vec<_>) = inputs.iter().partition(|name| **name == s.image);
    let mut profiles = Vec::with_capacity(image.len());
    for (at, profile) in image.iter().enumerate() {
        let mut context = segmentation.context(at)?;
        let mut inputs = match image_too.is_empty() {
            true => Vec::new(),
            false => profile.inputs.clone(),
        };
        let mut shapes = |of: [i64; 4]| -> Result<Vec<[i64; 4]>, TensorRtError> {
            context.set_input_shape(&s.image, of)?;
            let shape = |name: &&String| {
                let shape = context.shape(name)?;
                <[i64; 4]>::try_from(shape).map_err(|_| TensorRtError::NoSuchTensor {
                    tensor: (*name).clone(),
                })
            };
            given.iter().map(shape).collect()
        };
        let [range] = profile.inputs.as_slice() else {
            continue;
        };
        let (min, opt, max) = (shapes(range.min)?, shapes(range.opt)?, shapes(range.max)?);
        for (((&name, min), opt), max) in given.iter().zip(min).zip(opt).zip(max) {
            inputs.push(ShapeRange {
                name: name.clone(),
                min,
                opt,
                max,
            });
        }
        profiles.push(Profile { inputs });
    }
    Ok(profiles)
}

fn compile(nvrtc: &Nvrtc, options: &[String]) -> Result<Vec<u8>, TensorRtError> {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    Ok(nvrtc.cubin("lookout.cu", kernels::TEXT, &options)?)
}

fn key_profile(profile: &Profile) -> cache::Profile {
    // no dimension is negative: the options were checked before they come to be a key
    let dims = |shape: [i64; 4]| shape.map(|n| u32::try_from(n).unwrap_or(0)).to_vec();
    let range = |range: &ShapeRange| cache::ShapeRange {
        min: dims(range.min),
        opt: dims(range.opt),
        max: dims(range.max),
    };
    let inputs = profile.inputs.iter();
    inputs
        .map(|one| (one.name.clone(), range(one)))
        .collect::<BTreeMap<_, _>>()
}

fn read(path: &Path) -> Result<Vec<u8>, TensorRtError> {
    use std::io::Read;
    let failed = |source| TensorRtError::File {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(failed(std::io::ErrorKind::FileTooLarge.into())),
        false => Ok(bytes),
    }
}
