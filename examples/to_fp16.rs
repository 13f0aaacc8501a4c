//! Writes a graph in f16: `to_fp16 FROM.onnx TO.onnx` (feature `tensorrt`).

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lookout::engine::tensorrt::precision::{convert, graph_precision};

fn main() -> Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = paths.as_slice() else {
        bail!("usage: to_fp16 FROM.onnx TO.onnx");
    };
    let onnx = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let converted = convert(&onnx).with_context(|| from.display().to_string())?;
    std::fs::write(to, &converted.onnx)
        .with_context(|| format!("cannot write {}", to.display()))?;
    let rounding = converted.rounding;
    writeln!(
        std::io::stdout(),
        "{}: {} to {}; {} values in {} tensors, {} of them subnormal and {} zero now; {} casts",
        to.display(),
        graph_precision(&onnx)?,
        graph_precision(&converted.onnx)?,
        rounding.values,
        rounding.tensors,
        rounding.subnormal,
        rounding.zero,
        converted.casts,
    )?;
    Ok(())
}
