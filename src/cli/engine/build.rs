//! `lookout engine build`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lookout::engine::tensorrt::cache::Origin;
use lookout::engine::tensorrt::{
    BuildSettings, Precision, Prepared, PreparedArtefact, Progress, prepare,
};
use lookout::score::ScoreKind;
use serde_json::{Value, json};

use super::present::FolderArgs;
use super::print;
use super::words::size;
use crate::cli::load_bundle;
use crate::cli::pictures::note;

/// Flags of `lookout engine build`.
#[derive(Debug, clap::Args)]
pub(super) struct BuildArgs {
    /// Folder of a model bundle; the built-in road bundle without it.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Head of the bundle that engines are built for; the observer without it.
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    /// Precision of the layers; inputs and outputs stay fp32.
    #[arg(long, default_value_t = Precision::default(), value_name = "fp32|fp16|int8")]
    precision: Precision,
    /// Folder with the bundle's graphs with Q and DQ nodes, for int8.
    #[arg(long, value_name = "DIR", conflicts_with = "calibration")]
    qdq: Option<PathBuf>,
    /// Calibration cache of TensorRT, for int8.
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// DLA core that runs what it can; the GPU alone without it.
    #[arg(long, value_name = "CORE")]
    dla: Option<u32>,
    /// Most scratch memory; TensorRT's own limit without it.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    workspace: Option<u64>,
    /// Size of a camera that engines are optimised for; may be given again. 1280x720 and 640x480
    /// without it.
    #[arg(long = "camera", value_name = "WxH", value_parser = camera)]
    cameras: Vec<(u32, u32)>,
    /// Narrowest input in pixels that engines take, for frames narrower than the cameras'.
    #[arg(long, value_name = "PIXELS")]
    min_width: Option<u32>,
    /// Widest input in pixels that engines take, for frames wider than the cameras'.
    #[arg(long, value_name = "PIXELS")]
    max_width: Option<u32>,
    /// 0 to 5: higher builds longer and may run faster; TensorRT's own default without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=5))]
    optimization_level: Option<u8>,
    /// Engines that tell what each of their layers does and takes; it is in what `--json` prints.
    #[arg(long)]
    profile_layers: bool,
    #[command(flatten)]
    folder: FolderArgs,
    /// Build everything anew, whatever is kept.
    #[arg(long)]
    force: bool,
    /// What was done as JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// `1280x720`
fn camera(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|n| *n > 0);
    text.split_once('x')
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| format!("{text:?} is not a size in pixels such as 1280x720"))
}

impl BuildArgs {
    fn settings(&self) -> BuildSettings {
        let defaults = BuildSettings::default();
        BuildSettings {
            precision: self.precision,
            workspace: self.workspace.map(|mib| mib << 20),
            optimization_level: self.optimization_level,
            dla: self.dla,
            cameras: match self.cameras.is_empty() {
                true => defaults.cameras,
                false => self.cameras.clone(),
            },
            min_width: self.min_width,
            max_width: self.max_width,
            detailed_profile: self.profile_layers,
            qdq: self.qdq.clone(),
            calibration: self.calibration.clone(),
            cache_dir: self.folder.engine_cache.clone(),
            force: self.force,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<()> {
    let bundle = load_bundle(args.bundle.as_deref(), args.score)?;
    let bar = spinner();
    let prepared = prepare(&bundle, &args.settings(), &mut |progress| match progress {
        Progress::Building(artefact) => {
            bar.set_message(format!("building: {artefact}"));
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Progress::Ready(ready) => bar.suspend(|| note(line(ready))),
    });
    bar.finish_and_clear();
    let prepared = prepared.context("no engines were built")?;
    if args.json {
        print(&summary(&prepared))?;
    }
    let lost = prepared
        .artefacts
        .iter()
        .filter(|a| a.path.is_none())
        .count();
    if lost > 0 {
        let (all, folder) = (prepared.artefacts.len(), prepared.folder.display());
        bail!("{lost} of {all} could not be kept in {folder}");
    }
    note(format_args!("kept in {}", prepared.folder.display()));
    Ok(())
}

/// Shows that something goes on; invisible where stderr is no terminal.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn line(ready: &PreparedArtefact) -> String {
    let PreparedArtefact {
        artefact,
        from,
        bytes,
        ..
    } = ready;
    let size = size(*bytes as u64);
    match from {
        Origin::Hit => format!("{artefact}: there already, {size}"),
        Origin::Built { reasons, took } => {
            let (seconds, why) = (took.as_secs_f64(), reasons.join(", "));
            format!("{artefact}: built in {seconds:.1} s, {size} ({why})")
        }
    }
}

fn summary(prepared: &Prepared) -> Value {
    let artefact = |ready: &PreparedArtefact| {
        let PreparedArtefact {
            artefact,
            from,
            bytes,
            path,
            layers,
        } = ready;
        // as the library says it, which is JSON; what is none is shown as it came
        let layers = layers.as_deref().map(|text| {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        });
        let (built, reasons, seconds) = match from {
            Origin::Hit => (false, &[][..], None),
            Origin::Built { reasons, took } => (true, &reasons[..], Some(took.as_secs_f64())),
        };
        let mut told = json!({
            "artefact": artefact,
            "built": built,
            "reasons": reasons,
            "seconds": seconds,
            "bytes": bytes,
            "file": path.as_ref().map(|p| p.display().to_string()),
        });
        if let (Some(layers), Some(told)) = (layers, told.as_object_mut()) {
            told.insert("layers".to_owned(), layers);
        }
        told
    };
    json!({
        "folder": prepared.folder.display().to_string(),
        "artefacts": prepared.artefacts.iter().map(artefact).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use lookout::engine::tensorrt::cache::Artefact;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: BuildArgs,
    }

    #[track_caller]
    fn settings(flags: &[&str]) -> BuildSettings {
        let line = ["build"].iter().chain(flags);
        Line::try_parse_from(line).unwrap().args.settings()
    }

    #[test]
    fn without_flags_the_settings_are_the_defaults() {
        assert_eq!(settings(&[]), BuildSettings::default());
    }

    #[test]
    fn every_flag_is_a_setting() {
        let flags = "--precision int8 --qdq graphs --dla 1 --workspace 512 --camera 1920x1200 \
            --camera 640x480 --min-width 256 --max-width 1024 --optimization-level 5 \
            --profile-layers --engine-cache here --force";
        let expected = BuildSettings {
            precision: Precision::Int8,
            workspace: Some(512 << 20),
            optimization_level: Some(5),
            dla: Some(1),
            cameras: vec![(1920, 1200), (640, 480)],
            min_width: Some(256),
            max_width: Some(1024),
            detailed_profile: true,
            qdq: Some("graphs".into()),
            calibration: None,
            cache_dir: Some("here".into()),
            force: true,
        };
        let flags: Vec<&str> = flags.split_whitespace().collect();
        assert_eq!(settings(&flags), expected);
        let calibrated = settings(&["--calibration", "scales"]);
        assert_eq!(calibrated.calibration, Some("scales".into()));
    }

    #[test]
    fn flags_of_no_meaning_are_refused() {
        for flags in [
            &["--precision", "half"][..],
            &["--camera", "640"],
            &["--camera", "640x"],
            &["--camera", "0x480"],
            &["--camera", "640x480x3"],
            &["--camera", "-1x480"],
            &["--workspace", "0"],
            &["--workspace", "1048577"],
            &["--optimization-level", "6"],
            &["--dla", "-1"],
            &["--qdq", "a", "--calibration", "b"],
        ] {
            let line = ["build"].iter().chain(flags);
            assert!(Line::try_parse_from(line).is_err(), "{flags:?}");
        }
    }

    #[test]
    fn what_was_done_is_told_to_people_and_to_machines() {
        let kept = PreparedArtefact {
            artefact: Artefact::Segmentation,
            from: Origin::Hit,
            bytes: 2_500_000,
            path: Some("/e/a.plan".into()),
            layers: Some("{\"Layers\": [\"conv\"]}".into()),
        };
        let built = PreparedArtefact {
            artefact: Artefact::Kernels,
            from: Origin::Built {
                reasons: vec!["NVRTC 12.6 -> 13.0".into(), "GPU Orin -> Thor".into()],
                took: Duration::from_millis(1250),
            },
            bytes: 900,
            path: None,
            layers: None,
        };
        assert_eq!(line(&kept), "segmentation: there already, 2.5 MB");
        assert_eq!(
            line(&built),
            "kernels: built in 1.2 s, 900 B (NVRTC 12.6 -> 13.0, GPU Orin -> Thor)"
        );
        let prepared = Prepared {
            folder: "/e".into(),
            artefacts: vec![kept, built],
        };
        assert_eq!(
            summary(&prepared),
            json!({
                "folder": "/e",
                "artefacts": [
                    {
                        "artefact": "segmentation",
                        "built": false,
                        "reasons": [],
                        "seconds": null,
                        "bytes": 2_500_000,
                        "file": "/e/a.plan",
                        "layers": {"Layers": ["conv"]},
                    },
                    {
                        "artefact": "kernels",
                        "built": true,
                        "reasons": ["NVRTC 12.6 -> 13.0", "GPU Orin -> Thor"],
                        "seconds": 1.25,
                        "bytes": 900,
                        "file": null,
                    },
                ],
            })
        );
    }
}
