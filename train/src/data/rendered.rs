//! Rendered frames, each of a drive of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered};
use serde::{Deserialize, Serialize};

use super::{DataError, Picture};

/// How many frames are rendered, and of how many drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendering {
    /// Drives, each with streets, light and traffic of its own.
    pub drives: usize,
    /// Frames spread over each drive.
    pub frames: usize,
}

/// Renders drives of consecutive seeds; `anomaly` says what lies on the road. Works on all cores.
///
/// # Errors
/// Where the renderer refuses the configuration.
pub fn rendered(
    first_seed: u64,
    rendering: Rendering,
    anomaly: Anomaly,
) -> Result<Vec<Picture>, DataError> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Picture>)>, DataError> {
        let mut done = vec![];
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            if k >= rendering.drives {
                return Ok(done);
            }
            done.push((k, drive(first_seed + k as u64, rendering.frames, anomaly)?));
        }
    };
    let mut all = vec![];
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| -> Result<(), DataError> {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => all.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    all.sort_by_key(|(k, _)| *k);
    Ok(all.into_iter().flat_map(|(_, pictures)| pictures).collect())
}

fn drive(seed: u64, count: usize, anomaly: Anomaly) -> Result<Vec<Picture>, DataError> {
    let config = DriveConfig {
        seed,
        anomaly,
        ..DriveConfig::default()
    };
    let drive = Drive::new(config)?;
    // with an anomaly, the frames between its coming into view and its being passed
    let first = drive
        .anomaly()
        .and_then(|a| a.first_visible_frame)
        .unwrap_or(0);
    let ahead = |&i: &usize| drive.anomaly_distance_m(i).is_some_and(|m| m > 3.0);
    let frames = match anomaly {
        Anomaly::None => drive.frame_count(),
        _ => (first..drive.frame_count())
            .take_while(ahead)
            .count()
            .max(1),
    };
    let mut out = Rendered::default();
    let picture = |j: usize| {
        let i = first + (2 * j + 1) * frames / (2 * count);
        drive.render(i.min(drive.frame_count() - 1), &mut out);
        Picture {
            width: out.width as usize,
            height: out.height as usize,
            rgb: out.rgb.clone(),
            label: out.class.clone(),
            outlier: out.anomaly.iter().map(|&a| u8::from(a != 0)).collect(),
        }
    };
    Ok((0..count).map(picture).collect())
}
