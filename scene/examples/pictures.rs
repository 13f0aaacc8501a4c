//! Writes rendered pictures, each of another drive, as PNG: `pictures DIR [COUNT]`. The same every time.

use std::error::Error;
use std::path::Path;

use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let folder = Path::new(args.get(1).ok_or("usage: pictures DIR [COUNT]")?);
    let count: u64 = args.get(2).map_or(Ok(24), |s| s.parse())?;
    std::fs::create_dir_all(folder)?;
    let mut frame = Rendered::new();
    for seed in 0..count {
        let drive = Drive::new(DriveConfig {
            seed,
            anomaly: Anomaly::HeldOut,
            ..Default::default()
        })?;
        // half of them with the thing in view
        let seen = drive
            .anomaly()
            .and_then(|a| a.first_visible_frame)
            .unwrap_or(0);
        let number = match seed % 2 {
            0 => (seen + 20).min(drive.frame_count().saturating_sub(1)),
            _ => seen / 2,
        };
        drive.render(number, &mut frame);
        let path = folder.join(format!("{seed:03}.png"));
        image::save_buffer(
            path,
            &frame.rgb,
            frame.width,
            frame.height,
            image::ColorType::Rgb8,
        )?;
    }
    Ok(())
}
