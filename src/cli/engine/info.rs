//! `lookout engine info`

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lookout::engine::tensorrt::cache::{Entry, Environment};
use lookout::engine::tensorrt::{Machine, machine};
use serde_json::{Value, json};

use super::present::FolderArgs;
use super::print;
use super::words::{age, size};
use crate::cli::pictures::note;

/// Flags of `lookout engine info`.
#[derive(Debug, clap::Args)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// As JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &InfoArgs) -> anyhow::Result<()> {
    let machine = machine();
    let environment = machine.environment();
    let cache = args.folder.open()?;
    let entries = cache.entries()?;
    let folder = cache.folder().map(|f| f.display().to_string());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    if args.json {
        let entries: Vec<Value> = entries
            .iter()
            .map(|e| entry_json(e, environment.as_ref(), now))
            .collect();
        return print(&json!({
            "machine": machine_json(&machine),
            "folder": folder,
            "entries": entries,
        }));
    }
    note(machine_words(&machine));
    let count = entries.len();
    note(format_args!(
        "{count} kept in {}",
        folder.unwrap_or_default()
    ));
    for entry in &entries {
        note(entry_words(entry, environment.as_ref(), now));
    }
    Ok(())
}

fn machine_json(machine: &Machine) -> Value {
    let Machine {
        device,
        library,
        library_path,
        compiled_for,
        nvrtc,
    } = machine;
    json!({
        "device": device.as_ref().ok(),
        "device_problem": device.as_ref().err(),
        "tensorrt": library.as_ref().ok(),
        "tensorrt_problem": library.as_ref().err(),
        "tensorrt_file": library_path.as_ref().map(|p| p.display().to_string()),
        "compiled_for": compiled_for,
        "nvrtc": nvrtc.as_ref().ok(),
        "nvrtc_problem": nvrtc.as_ref().err(),
        "usable": machine.check().is_ok(),
    })
}

fn machine_words(machine: &Machine) -> String {
    let mut text = String::new();
    let mut line = |name: &str, words: &str| {
        // to a string it cannot fail
        let _ = writeln!(text, "{name:<14}{words}");
    };
    match &machine.device {
        Ok(device) => {
            let (major, minor) = device.compute_capability;
            let (gpu, count) = (&device.gpu, device.multiprocessors);
            line(
                "GPU",
                &format!("{gpu}, compute capability {major}.{minor}, {count} multiprocessors"),
            );
            line("GPU driver", &format!("for CUDA {}", device.driver));
        }
        Err(why) => line("GPU", &format!("none: {why}")),
    }
    match (&machine.library, &machine.library_path) {
        (Ok(library), Some(path)) => line("TensorRT", &format!("{library}, {}", path.display())),
        (Ok(library), None) => line("TensorRT", &library.to_string()),
        (Err(why), _) => line("TensorRT", &format!("none: {why}")),
    }
    if let Some(library) = &machine.compiled_for {
        line("compiled for", &library.to_string());
    }
    match &machine.nvrtc {
        Ok(version) => line("NVRTC", version),
        Err(why) => line("NVRTC", &format!("none: {why}")),
    }
    text.truncate(text.trim_end().len());
    text
}

/// Since when, as far as the machine's clock can be believed.
fn age_of(built_at: u64, now: Duration) -> Duration {
    now.saturating_sub(Duration::from_secs(built_at))
}

fn entry_json(entry: &Entry, machine: Option<&Environment>, now: Duration) -> Value {
    let record = entry.record.as_ref().ok();
    let misfits = record
        .zip(machine)
        .map(|(record, machine)| record.key.misfits(machine));
    let fields = record.and_then(|r| toml::from_str::<toml::Table>(&r.key.text()).ok());
    json!({
        "stem": entry.stem,
        "bytes": entry.bytes,
        "artefact": record.map(|r| r.key.artefact()),
        "built_at": record.map(|r| r.built_at),
        "age_s": record.map(|r| age_of(r.built_at, now).as_secs()),
        "took_s": record.map(|r| r.took_ms as f64 / 1e3),
        "built_by": record.map(|r| &r.built_by),
        "key": fields,
        // null: nothing can be said without a GPU
        "fits": match &entry.record {
            Ok(_) => misfits.as_ref().map(Vec::is_empty),
            Err(_) => Some(false),
        },
        "differences": misfits,
        "problem": entry.record.as_ref().err().map(|e| e.to_string()),
    })
}

fn entry_words(entry: &Entry, machine: Option<&Environment>, now: Duration) -> String {
    let stem: String = entry.stem.chars().take(12).collect();
    let size = size(entry.bytes);
    let record = match &entry.record {
        Ok(record) => record,
        Err(why) => return format!("{stem}  {size:>9}  not used: {why}"),
    };
    let artefact = record.key.artefact();
    let old = age(age_of(record.built_at, now));
    let fits = match machine.map(|machine| record.key.misfits(machine)) {
        None => "cannot tell without a GPU whether it fits".to_owned(),
        Some(misfits) if misfits.is_empty() => "fits this machine".to_owned(),
        Some(misfits) => {
            let words: Vec<String> = misfits.iter().map(|d| d.to_string()).collect();
            format!("does not fit: {}", words.join(", "))
        }
    };
    let mut text = format!("{stem}  {size:>9}  {artefact}, built {old} ago; {fits}");
    let key = record.key.text();
    for field in key.lines().filter(|line| !line.is_empty()) {
        let _ = write!(text, "\n    {field}");
    }
    text
}

#[cfg(test)]
#[path = "info_tests.rs"]
mod tests;
