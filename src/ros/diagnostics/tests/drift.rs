//! Night, rain and another camera against roads as they were calibrated, through the shipped networks.

use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered};

use super::*;
use crate::engine::{EngineKind, Mode, Options, Resolution};
use crate::frame::Frame;
use crate::model::Bundle;
use crate::score::{ScoreKind, ScoreMap, score};

/// Frames of a drive, far apart in time.
const FRAMES_OF_A_DRIVE: usize = 4;

struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    fn at(&self, x: f32, y: f32) -> [u8; 3] {
        let inside = |v: f32, size: usize| (0.0..size as f32).contains(&v).then_some(v as usize);
        let (Some(x), Some(y)) = (inside(x, self.width), inside(y, self.height)) else {
            return [0; 3];
        };
        let i = 3 * (y * self.width + x);
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }

    fn map(&self, of: impl Fn(usize, usize) -> [u8; 3]) -> Self {
        let rows = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        Self {
            rgb: rows.flat_map(|(x, y)| of(x, y)).collect(),
            ..*self
        }
    }
}

fn as_it_is(picture: &Pixels) -> Pixels {
    picture.map(|x, y| picture.at(x as f32, y as f32))
}

/// A hash of the pixel, 0 ..= 1.
fn noise(x: usize, y: usize) -> f32 {
    let mixed = (x as u32).wrapping_mul(0x9E37_79B9) ^ (y as u32).wrapping_mul(0x85EB_CA6B);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D);
    (mixed >> 8) as f32 / (1u32 << 24) as f32
}

/// A fifth of the light, and the noise of a sensor that makes up for it.
fn night(picture: &Pixels) -> Pixels {
    picture.map(|x, y| {
        let grain = 24.0 * (noise(x, y) - 0.5);
        picture
            .at(x as f32, y as f32)
            .map(|v| (f32::from(v) * 0.2 + grain).clamp(0.0, 255.0) as u8)
    })
}

/// A grey veil, and streaks.
fn rain(picture: &Pixels) -> Pixels {
    picture.map(|x, y| {
        let streak = if noise(x.wrapping_sub(y / 6), y / 24) > 0.93 {
            70.0
        } else {
            0.0
        };
        picture
            .at(x as f32, y as f32)
            .map(|v| (f32::from(v) * 0.5 + 75.0 + streak).min(255.0) as u8)
    })
}

/// A lens with a much wider view, black beyond its circle.
fn fisheye(picture: &Pixels) -> Pixels {
    let (cx, cy) = (picture.width as f32 / 2.0, picture.height as f32 / 2.0);
    picture.map(|x, y| {
        let (right, down) = ((x as f32 - cx) / cx, (y as f32 - cy) / cx);
        let radius = right.hypot(down).max(1e-6);
        let stretch = (radius * 1.3).min(1.5).tan() / radius * 0.6;
        picture.at(cx + right * stretch * cx, cy + down * stretch * cx)
    })
}

/// Mean scores of drives of some seeds, each picture changed.
fn means(seeds: std::ops::Range<u64>, change: fn(&Pixels) -> Pixels) -> Vec<f32> {
    let bundle = Bundle::shipped().unwrap();
    let options = Options {
        kind: EngineKind::Rten,
        ..Options::default()
    };
    let mut engine = crate::engine::open(&bundle, options).unwrap();
    let (mut rendered, mut map, mut means) = (Rendered::default(), ScoreMap::default(), Vec::new());
    for seed in seeds {
        let config = DriveConfig {
            seed,
            anomaly: Anomaly::None,
            fps: 1.0,
            ..DriveConfig::default()
        };
        let drive = Drive::new(config).unwrap();
        for i in 0..FRAMES_OF_A_DRIVE {
            drive.render(4 * i, &mut rendered);
            let picture = change(&Pixels {
                width: rendered.width as usize,
                height: rendered.height as usize,
                rgb: rendered.rgb.clone(),
            });
            let stamp = Stamp::from_nanos(i as i64);
            let frame =
                Frame::from_rgb(stamp, rendered.width, rendered.height, picture.rgb).unwrap();
            engine.segment(&frame, Resolution::Reduced).unwrap();
            engine.observe().unwrap();
            let seen = engine.perception();
            let (logits, observer) = (seen.logits().unwrap(), seen.observer());
            means.push(
                score(ScoreKind::OBSERVER, logits, observer, &mut map)
                    .unwrap()
                    .mean,
            );
        }
    }
    means
}

#[test]
fn night_rain_and_another_camera_are_not_what_was_calibrated_for() {
    let mut clean = means(500..520, as_it_is);
    clean.sort_unstable_by(f32::total_cmp);
    let twentieth = clean.len() / 20;
    let range = [clean[twentieth], clean[clean.len() - 1 - twentieth]];
    let finding = |means: &[f32]| {
        let mut health = active();
        let mut engine = words();
        engine.clean_means = [Some(range); Mode::COUNT];
        health.configured(engine, LIMITS);
        health.set_lifecycle("active", true);
        for (i, mean) in means.iter().cycle().take(600).enumerate() {
            let at = MS(100 * i as u64);
            health.received(at);
            health.frame(&FrameOutcome {
                mean_score: Some(*mean),
                ..outcome(at, 40, FrameFate::InTime, clear())
            });
        }
        let status = full(&health, 60_000, "frames");
        (
            status.level,
            status.message.clone(),
            value(&status, "as_calibrated"),
        )
    };
    let (level, words, as_calibrated) = finding(&means(600..608, as_it_is));
    assert_eq!(level, DiagnosticStatus::OK, "{words}");
    assert_eq!(as_calibrated, "true");
    for (name, change) in [
        ("night", night as fn(&Pixels) -> Pixels),
        ("rain", rain),
        ("another camera", fisheye),
    ] {
        let (level, words, as_calibrated) = finding(&means(600..608, change));
        assert_eq!(level, DiagnosticStatus::WARN, "{name}: {words}");
        assert!(
            words.contains("this road is not what was calibrated for"),
            "{name}: {words}"
        );
        assert_eq!(as_calibrated, "false", "{name}");
    }
}
