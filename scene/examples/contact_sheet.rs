//! Writes a PNG of frames of several drives: `contact_sheet OUT [seed|kind|drive] [FIRST] [CLASS]`.
//!
//! `seed`: one frame of each of 12 seeds from FIRST; `kind`: every kind of anomaly up close;
//! `drive`: 12 frames of the drive of seed FIRST, from where its anomaly comes into view.

use std::error::Error;
use std::path::Path;

use lookout_scene::{Anomaly, AnomalyKind, Drive, DriveConfig, Rendered};

const COLUMNS: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let path = args.get(1).map_or("contact_sheet.png", String::as_str);
    let what = args.get(2).map_or("seed", String::as_str);
    let first: u64 = args.get(3).map_or(Ok(0), |s| s.parse())?;
    let classes = args.get(4).is_some();
    let drive = |seed, anomaly| {
        Drive::new(DriveConfig {
            seed,
            anomaly,
            ..Default::default()
        })
    };

    let mut shots: Vec<(Drive, usize)> = Vec::new();
    match what {
        "kind" => {
            let kinds = AnomalyKind::TRAINING.iter().chain(AnomalyKind::HELD_OUT);
            for (i, &kind) in kinds.enumerate() {
                let d = drive(first + i as u64, Anomaly::Kind(kind))?;
                let near = |&f: &usize| d.anomaly_distance_m(f).is_some_and(|m| m < 15.0);
                let frame = (0..d.frame_count()).find(near).unwrap_or(0);
                shots.push((d, frame));
            }
        }
        "drive" => {
            let d = drive(first, Anomaly::HeldOut)?;
            let from = d.anomaly().and_then(|a| a.first_visible_frame).unwrap_or(0);
            for k in 0..12 {
                shots.push((d.clone(), from.saturating_sub(2) + k * 6));
            }
        }
        _ => {
            for seed in first..first + 12 {
                let d = drive(seed, Anomaly::None)?;
                let frame = (seed as usize * 37) % d.frame_count();
                shots.push((d, frame));
            }
        }
    }

    let (w, h) = (480, 360);
    let rows = (shots.len() as u32).div_ceil(COLUMNS);
    let mut sheet = image::RgbImage::new(COLUMNS * w, rows * h);
    let mut frame = Rendered::new();
    let mut spent = std::time::Duration::ZERO;
    for (i, (drive, number)) in shots.iter().enumerate() {
        let start = std::time::Instant::now();
        drive.render(*number, &mut frame);
        spent += start.elapsed();
        let (x0, y0) = (i as u32 % COLUMNS * w, i as u32 / COLUMNS * h);
        for (k, pixel) in frame.rgb.chunks_exact(3).enumerate() {
            let colour = if classes {
                COLOURS[usize::from(frame.class[k])]
            } else {
                [pixel[0], pixel[1], pixel[2]]
            };
            let (x, y) = (k as u32 % w, k as u32 / w);
            sheet.put_pixel(x0 + x, y0 + y, image::Rgb(colour));
        }
    }
    sheet.save(Path::new(path))?;
    eprintln!(
        "{:.1} ms a frame",
        spent.as_secs_f64() * 1e3 / shots.len() as f64
    );
    Ok(())
}

const COLOURS: [[u8; 3]; 12] = [
    [128, 128, 128],
    [128, 0, 0],
    [192, 192, 128],
    [128, 64, 128],
    [0, 0, 192],
    [128, 128, 0],
    [192, 128, 128],
    [64, 64, 128],
    [64, 0, 128],
    [64, 64, 0],
    [0, 128, 192],
    [255, 255, 255],
];
