//! Finding TensorRT, and building engines with it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libloading::Library as Dylib;

use super::raw_options::RawOptions;
use super::runtime::Runtime;
use super::{
    BuildOptions, Error, Flavour, Typing, Version, compiled_for, log, result, sys, version,
};
use crate::cuda::{CudaProof, probe};

/// Names a library file, or the folder with it, in place of the usual names.
pub const LIBRARY_VARIABLE: &str = "LOOKOUT_TENSORRT_LIB";

/// TensorRT's library, loaded, and its ONNX parser where there is one.
///
/// Never unloaded: it leaves threads and thread-local state behind that point into its code.
#[derive(Clone)]
pub struct Library(Arc<Inner>);

struct Inner {
    path: PathBuf,
    version: Version,
    raw: sys::Library,
    /// Why it cannot build.
    no_builder: Option<String>,
}

/// An engine as built.
#[derive(Debug, Clone)]
pub struct Built {
    /// The serialized engine.
    pub plan: Vec<u8>,
    /// Kernel times, for the next build; `None` where the library has none.
    pub timing_cache: Option<Vec<u8>>,
}

impl Library {
    /// Looks for the library that this was compiled for: [`LIBRARY_VARIABLE`] if it is set, otherwise
    /// `libnvinfer.so.<major>` and `libnvonnxparser.so.<major>`, or `libtensorrt_rtx.so.1` and
    /// `libtensorrt_onnxparser_rtx.so.1`, by the loader's rules.
    ///
    /// A library without a builder or without its parser loads: it can run engines.
    ///
    /// # Errors
    /// No library, one of another version, or a file that is no such library.
    pub fn load() -> Result<Self, Error> {
        let named = std::env::var_os(LIBRARY_VARIABLE).filter(|value| !value.is_empty());
        Self::load_named(named)
    }

    /// As [`Library::load`], from this file or folder and from nowhere else.
    ///
    /// # Errors
    /// As for [`Library::load`].
    pub fn load_from(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::load_named(Some(path.into().into_os_string()))
    }

    fn load_named(named: Option<OsString>) -> Result<Self, Error> {
        let (flavour, compiled) = compiled_for();
        let names = Names::of(flavour, compiled.major);
        let (library, path) = match named.map(PathBuf::from) {
            Some(folder) if folder.is_dir() => open(&[folder.join(&names.library)], flavour)?,
            Some(file) => open(&[file], flavour)?,
            None => open(&[PathBuf::from(&names.library)], flavour)?,
        };
        let found = version_of(&library, &path)?;
        check_version(flavour, compiled, found, &path)?;
        // SAFETY: a library of this version exports these with these types; NvInferRuntime.h, NvInfer.h.
        let (create_runtime, create_builder) = unsafe {
            (
                symbol::<sys::CreateRuntime>(&library, "createInferRuntime_INTERNAL"),
                symbol::<sys::CreateBuilder>(&library, "createInferBuilder_INTERNAL"),
            )
        };
        let Some(create_runtime) = create_runtime else {
            return Err(Error::MissingSymbol {
                path,
                symbol: "createInferRuntime_INTERNAL",
            });
        };
        keep(library);
        let parser = match create_builder {
            Some(_) => load_parser(&names.parser, &path),
            None => Err("it has no builder (is it the lean runtime?)".to_owned()),
        };
        let (create_parser, no_builder) = match parser {
            Ok(create) => (Some(create), None),
            Err(reason) => (None, Some(reason)),
        };
        Ok(Self(Arc::new(Inner {
            path,
            version: found,
            raw: sys::Library {
                create_runtime,
                create_builder,
                create_parser,
                log: log::forward,
            },
            no_builder,
        })))
    }

    /// Version of the library; not that of the headers.
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Which product it is.
    pub fn flavour(&self) -> Flavour {
        compiled_for().0
    }

    /// Where the types of an engine come from.
    pub fn typing(&self) -> Typing {
        version::typing()
    }

    /// The file, as it was named; a bare name was found by the loader.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether it can build engines; a lean library only runs them.
    pub fn can_build(&self) -> bool {
        self.0.no_builder.is_none()
    }

    /// Builds a serialized engine from an ONNX graph. This takes from a fraction of a second (TensorRT-RTX)
    /// to minutes. TensorRT needs the GPU that will run the engine; TensorRT-RTX needs none.
    ///
    /// # Errors
    /// Options that cannot be, a graph that the parser refuses, no GPU where one is needed, or whatever the
    /// library says.
    pub fn build(&self, onnx: &[u8], options: &BuildOptions) -> Result<Vec<u8>, Error> {
        self.build_with_timings(onnx, options)
            .map(|built| built.plan)
    }

    /// As [`Library::build`], and gives the timing cache back.
    ///
    /// # Errors
    /// As for [`Library::build`].
    pub fn build_with_timings(&self, onnx: &[u8], options: &BuildOptions) -> Result<Built, Error> {
        if let Some(reason) = &self.0.no_builder {
            return Err(Error::NoBuilder {
                path: self.0.path.clone(),
                reason: reason.clone(),
            });
        }
        options.check(self.flavour(), self.version(), self.typing())?;
        if self.flavour() == Flavour::TensorRt {
            probe()?;
        }
        let raw = RawOptions::new(options)?;
        // SAFETY: the version was checked when the library was loaded; it is never unloaded.
        let (plan, timing_cache) =
            unsafe { result::build(&self.0.raw, &raw, options.precision, onnx) }?;
        Ok(Built { plan, timing_cache })
    }

    /// What runs engines. The proof is asked for because the library crashes without a device.
    ///
    /// # Errors
    /// Whatever the library says.
    pub fn runtime(&self, device: &CudaProof) -> Result<Runtime, Error> {
        let _ = device;
        // SAFETY: the version was checked, the library is never unloaded, and there is a device.
        let raw = unsafe { result::Runtime::new(&self.0.raw) }?;
        Ok(Runtime::new(raw))
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("path", &self.0.path)
            .field("version", &self.0.version)
            .finish_non_exhaustive()
    }
}

/// File names of a product and a major version.
struct Names {
    library: String,
    parser: String,
}

impl Names {
    fn of(flavour: Flavour, major: u32) -> Self {
        let (library, parser) = match flavour {
            Flavour::TensorRt => ("nvinfer", "nvonnxparser"),
            Flavour::Rtx => ("tensorrt_rtx", "tensorrt_onnxparser_rtx"),
        };
        Self {
            library: format!("lib{library}.so.{major}"),
            parser: format!("lib{parser}.so.{major}"),
        }
    }
}

fn open(candidates: &[PathBuf], flavour: Flavour) -> Result<(Dylib, PathBuf), Error> {
    let mut reason = String::new();
    for path in candidates {
        // SAFETY: the library's start-up code registers its own plugins and nothing of ours.
        match unsafe { Dylib::new(path) } {
            Ok(library) => return Ok((library, path.clone())),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(Error::NotFound {
        flavour,
        searched: candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        reason,
    })
}

/// Forgets the handle, so that the library stays.
fn keep(library: Dylib) {
    std::mem::forget(library);
}

/// # Safety
/// If the library has a symbol of this name, it is of type `T`, a function pointer.
unsafe fn symbol<T: Copy>(library: &Dylib, name: &str) -> Option<T> {
    // SAFETY: the caller vouches for the type.
    unsafe { library.get::<T>(name) }.ok().map(|symbol| *symbol)
}

/// Beside the library first, then by the loader's rules.
fn load_parser(name: &str, library: &Path) -> Result<sys::CreateParser, String> {
    let mut candidates = Vec::new();
    if let Some(folder) = library
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        candidates.push(folder.join(name));
    }
    candidates.push(PathBuf::from(name));
    let (parser, path) =
        open(&candidates, compiled_for().0).map_err(|_| format!("no ONNX parser, {name}"))?;
    // SAFETY: this is its type in NvOnnxParser.h.
    let create = unsafe { symbol::<sys::CreateParser>(&parser, "createNvOnnxParser_INTERNAL") };
    let create =
        create.ok_or_else(|| format!("{} has no createNvOnnxParser_INTERNAL", path.display()))?;
    keep(parser);
    Ok(create)
}

/// Asked through plain C functions, before anything whose layout depends on the version is touched.
fn version_of(library: &Dylib, path: &Path) -> Result<Version, Error> {
    type Number = unsafe extern "C" fn() -> i32;
    let number = |symbol_name: &'static str| {
        // SAFETY: this is its type in NvInferRuntime.h, in every version that has it.
        let function = unsafe { symbol::<Number>(library, symbol_name) };
        let function = function.ok_or_else(|| Error::MissingSymbol {
            path: path.to_owned(),
            symbol: symbol_name,
        })?;
        // SAFETY: it takes nothing and returns a number.
        Ok(unsafe { function() }.unsigned_abs())
    };
    if let (Ok(major), Ok(minor), Ok(patch)) = (
        number("getInferLibMajorVersion"),
        number("getInferLibMinorVersion"),
        number("getInferLibPatchVersion"),
    ) {
        return Ok(Version {
            major,
            minor,
            patch,
        });
    }
    number("getInferLibVersion").map(combined)
}

/// A version in one number: two digits each for minor and patch.
fn combined(number: u32) -> Version {
    Version {
        major: number / 10_000,
        minor: number / 100 % 100,
        patch: number % 100,
    }
}

/// Only a layout that the headers describe is touched.
///
/// Within a major version TensorRT adds methods at the end of its classes, so a newer library serves. An
/// older one may lack some. TensorRT-RTX has moved methods between its minor versions (1.4 to 1.5).
fn check_version(
    flavour: Flavour,
    compiled: Version,
    found: Version,
    path: &Path,
) -> Result<(), Error> {
    let path = || path.to_owned();
    if compiled.major != found.major {
        return Err(Error::WrongMajor {
            compiled,
            found,
            path: path(),
        });
    }
    let fits = match flavour {
        Flavour::TensorRt => found.minor >= compiled.minor,
        Flavour::Rtx => found.minor == compiled.minor,
    };
    if fits {
        Ok(())
    } else {
        Err(Error::WrongMinor {
            compiled,
            found,
            path: path(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32) -> Version {
        Version {
            major,
            minor,
            patch: 0,
        }
    }

    #[test]
    fn only_a_layout_that_the_headers_describe_is_taken() {
        let path = Path::new("lib.so");
        let check = |flavour, compiled, found| check_version(flavour, compiled, found, path);
        let (tensorrt, rtx) = (Flavour::TensorRt, Flavour::Rtx);
        assert!(check(tensorrt, version(10, 3), version(10, 3)).is_ok());
        assert!(check(tensorrt, version(10, 3), version(10, 16)).is_ok());
        assert!(matches!(
            check(tensorrt, version(10, 13), version(10, 3)),
            Err(Error::WrongMinor { .. })
        ));
        assert!(matches!(
            check(tensorrt, version(11, 4), version(10, 16)),
            Err(Error::WrongMajor { .. })
        ));
        assert!(check(rtx, version(1, 7), version(1, 7)).is_ok());
        for minor in [4, 8] {
            assert!(matches!(
                check(rtx, version(1, 7), version(1, minor)),
                Err(Error::WrongMinor { .. })
            ));
        }
    }

    #[test]
    fn one_number_holds_a_version() {
        assert_eq!(combined(101_601).to_string(), "10.16.1");
        assert_eq!(combined(10_701).to_string(), "1.7.1");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Library::load_from("/nowhere/libnvinfer.so").unwrap_err();
        assert!(
            error.to_string().contains("/nowhere/libnvinfer.so"),
            "{error}"
        );
    }
}
