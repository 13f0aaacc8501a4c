//! Prints the time that a frame takes: `frame_time [SEEDS]`, on one core.

use std::error::Error;
use std::time::Instant;

use lookout_scene::{Drive, DriveConfig, Rendered};

fn main() -> Result<(), Box<dyn Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(6), |s| s.parse())?;
    let mut frame = Rendered::new();
    let mut times = Vec::new();
    for seed in 0..seeds {
        let start = Instant::now();
        let drive = Drive::new(DriveConfig {
            seed,
            ..Default::default()
        })?;
        let laid_out = start.elapsed();
        for i in (0..drive.frame_count()).step_by(30) {
            let start = Instant::now();
            drive.render(i, &mut frame);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        eprintln!(
            "seed {seed}: laid out in {:.1} ms",
            laid_out.as_secs_f64() * 1e3
        );
    }
    times.sort_by(f64::total_cmp);
    let at = |q: usize| times[(times.len() - 1) * q / 100];
    eprintln!(
        "{} frames: median {:.1} ms, 90 % {:.1} ms, most {:.1} ms",
        times.len(),
        at(50),
        at(90),
        at(100)
    );
    Ok(())
}
