//! `lookout engine`: an engine held against the reference; TensorRT engines, built ahead, listed, cleared
//! away.

#[cfg(not(feature = "tensorrt"))]
mod absent;
#[cfg(feature = "tensorrt")]
mod build;
mod check;
#[cfg(feature = "tensorrt")]
mod clean;
#[cfg(feature = "tensorrt")]
mod info;
#[cfg(feature = "tensorrt")]
mod present;
#[cfg(feature = "tensorrt")]
mod words;

#[cfg(not(feature = "tensorrt"))]
pub(crate) use absent::{EngineCommand, run};
#[cfg(feature = "tensorrt")]
pub(crate) use present::{EngineCommand, run};

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

/// One JSON object on stdout.
fn print(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.context("cannot write to stdout")
}
