//! Compiles the TensorRT shim against the headers that this machine has.
//!
//! `TENSORRT_INCLUDE_DIR` names the folder with `NvInfer.h`, `CUDA_INCLUDE_DIR` the one with
//! `cuda_runtime_api.h`; without them the usual places are looked through. Headers only: nothing of
//! TensorRT or CUDA is linked.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const SOURCES: [&str; 2] = ["shim/build.cpp", "shim/run.cpp"];
const HEADERS: [&str; 2] = ["shim/lookout_trt.h", "shim/messages.hpp"];

fn main() -> ExitCode {
    for variable in [
        "TENSORRT_INCLUDE_DIR",
        "CUDA_INCLUDE_DIR",
        "CUDA_HOME",
        "CUDA_PATH",
    ] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    for file in SOURCES.iter().chain(&HEADERS) {
        println!("cargo:rerun-if-changed={file}");
    }
    let folders = match find() {
        Ok(folders) => folders,
        Err(message) => {
            println!("cargo::error={message}");
            return ExitCode::FAILURE;
        }
    };
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").files(SOURCES);
    build.warnings(true).extra_warnings(true);
    for folder in folders.iter().filter(|folder| !is_searched_anyway(folder)) {
        // As system headers: their warnings are NVIDIA's affair, ours stay visible.
        build.flag("-isystem").flag(folder);
    }
    match build.try_compile("lookout_trt") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error=the TensorRT shim did not compile: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Named once more, these would come before C++'s own headers, which then do not find C's.
fn is_searched_anyway(folder: &Path) -> bool {
    let mut folders = vec![PathBuf::from("/usr/include"), "/usr/local/include".into()];
    folders.extend(multiarch());
    folders.iter().any(|searched| searched == folder)
}

/// Where Debian and Ubuntu, JetPack included, keep headers of one architecture.
fn multiarch() -> Option<PathBuf> {
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").ok()?;
    Some(format!("/usr/include/{architecture}-linux-gnu").into())
}

/// The include folders: TensorRT's, then CUDA's where that is another.
fn find() -> Result<Vec<PathBuf>, String> {
    let tensorrt = folder_with("NvInfer.h", "TENSORRT_INCLUDE_DIR", &tensorrt_places())
        .map_err(|searched| {
            format!(
                "the headers of TensorRT (NvInfer.h) are not there; looked in {searched}. Set \
                 TENSORRT_INCLUDE_DIR to their folder. They come with JetPack and with TensorRT's -dev \
                 package; on a machine without either, `scripts/tensorrt-headers.sh rtx-1.7` (or 11.4) \
                 fetches a copy and prints its folder"
            )
        })?;
    println!(
        "cargo:rerun-if-changed={}",
        tensorrt.join("NvInferVersion.h").display()
    );
    let cuda = folder_with(
        "cuda_runtime_api.h",
        "CUDA_INCLUDE_DIR",
        &cuda_places(&tensorrt),
    )
    .map_err(|searched| {
        format!(
            "the headers of CUDA (cuda_runtime_api.h) are not there; looked in {searched}. Set \
             CUDA_INCLUDE_DIR to their folder"
        )
    })?;
    Ok(if cuda == tensorrt {
        vec![tensorrt]
    } else {
        vec![tensorrt, cuda]
    })
}

/// The first folder that has `file`. A `variable` that is set is obeyed: if the file is not there, that is
/// an error and not a reason to take another version from elsewhere.
fn folder_with(file: &str, variable: &str, places: &[PathBuf]) -> Result<PathBuf, String> {
    if let Some(named) = folder_in(variable) {
        return if named.join(file).is_file() {
            Ok(named)
        } else {
            Err(format!("{} ({variable})", named.display()))
        };
    }
    places
        .iter()
        .find(|folder| folder.join(file).is_file())
        .cloned()
        .ok_or_else(|| {
            let names: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
            names.join(", ")
        })
}

fn folder_in(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn tensorrt_places() -> Vec<PathBuf> {
    let mut places = Vec::from_iter(multiarch());
    for place in [
        "/usr/include",
        "/usr/local/tensorrt/include",
        "/usr/local/TensorRT/include",
        "/opt/tensorrt/include",
        "/usr/local/cuda/include",
        "/usr/local/include",
    ] {
        places.push(place.into());
    }
    places
}

fn cuda_places(tensorrt: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for variable in ["CUDA_HOME", "CUDA_PATH"] {
        places.extend(folder_in(variable).map(|toolkit| toolkit.join("include")));
    }
    places.push(tensorrt.to_owned());
    // Copies of the headers come with a stub beside them.
    places.extend(tensorrt.parent().map(Path::to_owned));
    places.push("/usr/local/cuda/include".into());
    // JetPack, and toolkits for another architecture.
    if let Ok(architecture) = env::var("CARGO_CFG_TARGET_ARCH") {
        places.push(format!("/usr/local/cuda/targets/{architecture}-linux/include").into());
    }
    places.extend(multiarch());
    places.push("/opt/cuda/include".into());
    places.push("/usr/include".into());
    places
}
