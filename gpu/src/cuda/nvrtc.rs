//! The compiler of kernels, found at run time.
//!
//! Not `cudarc`'s, which panics without the library and does not look for that of CUDA 13.

use std::ffi::{CStr, CString, c_char, c_int};
use std::path::PathBuf;
use std::ptr::null;

use libloading::Library;
use thiserror::Error;

/// Names that the library goes by, newest first behind the one that the machine prefers.
const NAMES: [&str; 4] = [
    "libnvrtc.so",
    "libnvrtc.so.13",
    "libnvrtc.so.12",
    "libnvrtc.so.11.2",
];
/// A library of that path and no other.
const VARIABLE: &str = "LOOKOUT_NVRTC_LIB";
/// A cubin of our kernels has some tens of kilobytes; whatever says more is not believed.
const MOST_BYTES: usize = 64 << 20;

/// Why kernels could not be compiled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NvrtcError {
    /// No library.
    #[error("NVRTC not found; looked for {}: {message}", .searched.join(", "))]
    NotFound {
        /// Names and paths.
        searched: Vec<String>,
        /// What the loader said of the last.
        message: String,
    },
    /// A library that lacks a function.
    #[error("NVRTC has no {symbol}: {message}")]
    MissingSymbol {
        /// Its name.
        symbol: &'static str,
        /// What the loader said.
        message: String,
    },
    /// A call failed.
    #[error("{call}: {message}")]
    Call {
        /// Which.
        call: &'static str,
        /// What the library calls it.
        message: String,
    },
    /// The source does not compile.
    #[error("{name} does not compile: {log}")]
    Compile {
        /// Name of the source.
        name: String,
        /// What the compiler said.
        log: String,
    },
}

type Program = *mut std::ffi::c_void;
type Status = c_int;

/// The library's functions; they stay valid as long as `library`, which is last to go.
pub struct Nvrtc {
    version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> Status,
    error: unsafe extern "C" fn(Status) -> *const c_char,
    create: unsafe extern "C" fn(
        *mut Program,
        *const c_char,
        *const c_char,
        c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> Status,
    compile: unsafe extern "C" fn(Program, c_int, *const *const c_char) -> Status,
    destroy: unsafe extern "C" fn(*mut Program) -> Status,
    log_size: unsafe extern "C" fn(Program, *mut usize) -> Status,
    log: unsafe extern "C" fn(Program, *mut c_char) -> Status,
    cubin_size: unsafe extern "C" fn(Program, *mut usize) -> Status,
    cubin: unsafe extern "C" fn(Program, *mut c_char) -> Status,
    _library: Library,
}

/// Finds a function of the type of the field that it goes to.
macro_rules! symbol {
    ($library:expr, $name:literal) => {{
        // SAFETY: the type is that of the function in NVRTC's header, unchanged since CUDA 11.2.
        let found = unsafe { $library.get(concat!($name, "\0").as_bytes()) };
        *found.map_err(|e| NvrtcError::MissingSymbol {
            symbol: $name,
            message: e.to_string(),
        })?
    }};
}

impl Nvrtc {
    /// Loads the library: that of `LOOKOUT_NVRTC_LIB`, or the first of the usual names.
    ///
    /// # Errors
    /// There is none, or one that cannot be used.
    pub fn load() -> Result<Self, NvrtcError> {
        let searched = match std::env::var_os(VARIABLE) {
            Some(path) => vec![PathBuf::from(path)],
            None => NAMES.map(PathBuf::from).to_vec(),
        };
        let mut message = String::new();
        for name in &searched {
            // SAFETY: NVIDIA's library does nothing on load that could go wrong here.
            match unsafe { Library::new(name) } {
                Ok(library) => return Self::of(library),
                Err(e) => message = e.to_string(),
            }
        }
        Err(NvrtcError::NotFound {
            searched: searched.iter().map(|p| p.display().to_string()).collect(),
            message,
        })
    }

    fn of(library: Library) -> Result<Self, NvrtcError> {
        Ok(Self {
            version: symbol!(library, "nvrtcVersion"),
            error: symbol!(library, "nvrtcGetErrorString"),
            create: symbol!(library, "nvrtcCreateProgram"),
            compile: symbol!(library, "nvrtcCompileProgram"),
            destroy: symbol!(library, "nvrtcDestroyProgram"),
            log_size: symbol!(library, "nvrtcGetProgramLogSize"),
            log: symbol!(library, "nvrtcGetProgramLog"),
            cubin_size: symbol!(library, "nvrtcGetCUBINSize"),
            cubin: symbol!(library, "nvrtcGetCUBIN"),
            _library: library,
        })
    }

    /// Major and minor version.
    ///
    /// # Errors
    /// A failure of the library.
    pub fn version(&self) -> Result<(u32, u32), NvrtcError> {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: writes two ints.
        self.check("nvrtcVersion", unsafe {
            (self.version)(&mut major, &mut minor)
        })?;
        Ok((major.unsigned_abs(), minor.unsigned_abs()))
    }

    /// Compiles a source to a cubin; `options` name the architecture (`--gpu-architecture=sm_87`).
    ///
    /// # Errors
    /// What does not compile, with the compiler's words; a failure of the library.
    pub fn cubin(&self, name: &str, source: &str, options: &[&str]) -> Result<Vec<u8>, NvrtcError> {
        let text = |what: &str| {
            CString::new(what).map_err(|_| NvrtcError::Call {
                call: "nvrtcCreateProgram",
                message: format!("a zero byte in {name} or its options"),
            })
        };
        let (title, source) = (text(name)?, text(source)?);
        let options: Vec<CString> = options.iter().map(|o| text(o)).collect::<Result<_, _>>()?;
        let options: Vec<*const c_char> = options.iter().map(|o| o.as_ptr()).collect();
        let mut program = Compilation {
            nvrtc: self,
            program: std::ptr::null_mut(),
        };
        // SAFETY: strings that end in zero and outlive the call; no headers.
        self.check("nvrtcCreateProgram", unsafe {
            (self.create)(
                &mut program.program,
                source.as_ptr(),
                title.as_ptr(),
                0,
                null(),
                null(),
            )
        })?;
        let count = c_int::try_from(options.len()).unwrap_or(0);
        // SAFETY: a program that was made, and `count` strings that end in zero.
        let compiled = unsafe { (self.compile)(program.program, count, options.as_ptr()) };
        if compiled != 0 {
            let log = program.bytes("nvrtcGetProgramLog", self.log_size, self.log);
            let log = log.unwrap_or_else(|e| e.to_string().into_bytes());
            let log = String::from_utf8_lossy(&log);
            let log = log.trim_matches(['\0', '\n', ' ']);
            return Err(NvrtcError::Compile {
                name: name.to_owned(),
                log: format!("{}: {log}", self.said(compiled)),
            });
        }
        program.bytes("nvrtcGetCUBIN", self.cubin_size, self.cubin)
    }

    fn check(&self, call: &'static str, status: Status) -> Result<(), NvrtcError> {
        if status == 0 {
            return Ok(());
        }
        Err(NvrtcError::Call {
            call,
            message: self.said(status),
        })
    }

    fn said(&self, status: Status) -> String {
        // SAFETY: gives a static string, for any number.
        let text = unsafe { (self.error)(status) };
        if text.is_null() {
            return format!("error {status}");
        }
        // SAFETY: not null, ends in zero, lives as long as the library.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into()
    }
}

/// A program of the library, destroyed when it goes.
struct Compilation<'a> {
    nvrtc: &'a Nvrtc,
    program: Program,
}

impl Compilation<'_> {
    fn bytes(
        &self,
        call: &'static str,
        size: unsafe extern "C" fn(Program, *mut usize) -> Status,
        get: unsafe extern "C" fn(Program, *mut c_char) -> Status,
    ) -> Result<Vec<u8>, NvrtcError> {
        let mut bytes = 0;
        // SAFETY: a program that was made; writes one size.
        let status = unsafe { size(self.program, &mut bytes) };
        self.nvrtc.check(call, status)?;
        if bytes > MOST_BYTES {
            return Err(NvrtcError::Call {
                call,
                message: format!("{bytes} bytes are not believed"),
            });
        }
        let mut made = vec![0u8; bytes];
        // SAFETY: the buffer has the size that the library just asked for.
        let status = unsafe { get(self.program, made.as_mut_ptr().cast()) };
        self.nvrtc.check(call, status)?;
        Ok(made)
    }
}

impl Drop for Compilation<'_> {
    fn drop(&mut self) {
        if !self.program.is_null() {
            // SAFETY: made by this library, destroyed once. What it says then helps nobody.
            let _ = unsafe { (self.nvrtc.destroy)(&mut self.program) };
        }
    }
}

impl std::fmt::Debug for Nvrtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nvrtc").finish_non_exhaustive()
    }
}
