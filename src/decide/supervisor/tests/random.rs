//! Random sequences of events, under settings from one end of their ranges to the other.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

/// A share of a limit in thousandths, and some nanoseconds to be at its edge.
type Share = (i64, i64);

#[derive(Clone, Copy, Debug)]
enum What {
    /// Age as a share of `max_age_ms`, or time ahead as a share of `future_tolerance_ms`.
    Frame(Result<Share, Share>, Look),
    Failed(bool, Failure),
    /// The verdict on the last frame came out too late.
    Overdue,
    Missed,
    Tick,
    Reset,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    pixels: u32,
    non_finite: u32,
    scores: (f32, f32),
    /// Of the area that is a hit: hundredths of it, and pixels to be at its edge.
    area: (u32, i64),
    after_hit: bool,
    tracked: Option<Tracked>,
    quality: Option<Quality>,
    size: Option<(u32, u32)>,
    watch: Watch,
    fallback: bool,
}

/// Something that happens, relative to the settings that it happens under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    /// Time since the input before, as a share of `stale_after_ms`.
    passed: Share,
    /// What the stamps' clock moved beyond that, as a share of `clock_step_ms`.
    stepped: Share,
    what: What,
}

fn edge() -> impl Strategy<Value = Share> {
    (-1i64..=1).prop_map(|nanos| (1000, nanos))
}

fn picture() -> impl Strategy<Value = Option<Quality>> {
    let looks = prop_oneof![
        8 => Just(SHARP),
        4 => Just(Quality { sharpness: Some(249), ..SHARP }),
        1 => Just(Quality { bright: 31, ..SHARP }),
        1 => Just(Quality { bright: 255, clipped_ppm: 120_000, ..SHARP }),
        1 => Just(Quality { bright: 255, sharpness: None, ..SHARP }),
        1 => Just(Quality { repeated_rows: 50, ..SHARP }),
        1 => Just(Quality { shifted_rows: 60, ..SHARP }),
    ];
    // 0 stands for a picture that was never seen before.
    let fingerprints = prop_oneof![4 => Just(0), 2 => Just(1), 1 => Just(2)];
    let one = (looks, fingerprints).prop_map(|(quality, fingerprint)| Quality {
        fingerprint,
        ..quality
    });
    prop_oneof![1 => Just(None), 3 => one.prop_map(Some)]
}

/// What tracks may say, at the edges of what they decide; most frames have none.
fn tracked() -> impl Strategy<Value = Option<Tracked>> {
    let evidence = prop::sample::select(vec![0.0, 5.9, 6.0, 11.9, 12.0]);
    let some = (evidence, any::<bool>()).prop_map(|(evidence, in_reach)| Tracked {
        evidence,
        level: 12.0,
        distance_m: 20.0,
        in_reach,
    });
    prop_oneof![3 => Just(None), 1 => some.prop_map(Some)]
}

/// Calm: nothing but pictures of a camera that is well, with or without a hazard, some blurred.
fn look(calm: bool) -> BoxedStrategy<Look> {
    let area = prop_oneof![4 => Just((0, 0)), 1 => (Just(100), -1i64..=0), 2 => Just((130, 0))];
    let (watches, has_own_score) = if calm { (9, 3) } else { (5, 1) };
    let watch = prop_oneof![
        2 * watches => Just(Watch::Counts),
        1 => Just(Watch::WeakMode),
        1 => Just(Watch::NoStopLevel),
    ];
    let fallback = prop_oneof![has_own_score => Just(false), 1 => Just(true)];
    let well =
        (area, tracked(), watch, fallback).prop_map(|(area, tracked, watch, fallback)| Look {
            pixels: 1000,
            non_finite: 0,
            scores: (0.0, 1.0),
            area,
            after_hit: false,
            tracked,
            quality: Some(SHARP),
            size: Some((640, 480)),
            watch,
            fallback,
        });
    if calm {
        let blurred = Quality {
            sharpness: Some(100),
            ..SHARP
        };
        let quality = prop_oneof![5 => Just(SHARP), 1 => Just(blurred)];
        return (well, quality.prop_map(Some))
            .prop_map(|(look, quality)| Look { quality, ..look })
            .boxed();
    }
    let pixels = prop_oneof![20 => Just(1000), 1 => Just(0), 1 => Just(1), 1 => Just(u32::MAX)];
    let non_finite = prop_oneof![20 => Just(0u32), 1 => Just(3)];
    let scores = prop_oneof![
        20 => Just((0.1, 0.6)),
        1 => Just((0.5, 0.5)),
        1 => Just((0.0, 1e-6)),
        1 => Just((f32::NAN, f32::NAN)),
    ];
    let size = prop_oneof![
        2 => Just(None),
        20 => Just(Some((640, 480))),
        1 => Just(Some((480, 640))),
        1 => Just(Some((63, 100))),
        1 => Just(Some((192, 48))),
        1 => Just(Some((193, 48))),
    ];
    let seen = (pixels, non_finite, scores, size);
    (well, seen, any::<bool>(), picture())
        .prop_map(
            |(look, (pixels, non_finite, scores, size), after_hit, quality)| Look {
                pixels,
                non_finite,
                scores,
                after_hit,
                quality,
                size,
                ..look
            },
        )
        .boxed()
}

fn input(calm: bool) -> BoxedStrategy<Input> {
    let none = || Just((0, 0));
    if calm {
        let frame = (0i64..50, look(true)).prop_map(|(age, look)| What::Frame(Ok((age, 0)), look));
        let what = prop_oneof![
            14 => frame,
            1 => Just(What::Tick),
            3 => Just(What::Reset),
            1 => Just(What::Overdue),
        ];
        return (50i64..400, what)
            .prop_map(|(passed, what)| Input {
                passed: (passed, 0),
                stepped: (0, 0),
                what,
            })
            .boxed();
    }
    let passed = prop_oneof![
        16 => (50i64..400).prop_map(|share| (share, 0)),
        2 => none(),
        1 => (0i64..1100).prop_map(|share| (share, 0)),
        1 => edge(),
        1 => (-3000i64..0).prop_map(|share| (share, 0)),
    ];
    let stepped = prop_oneof![
        40 => none(),
        1 => (-3000i64..3000).prop_map(|share| (share, 0)),
        1 => edge(),
        1 => edge().prop_map(|(share, nanos)| (-share, nanos)),
    ];
    let age = prop_oneof![
        12 => (0i64..300).prop_map(|share| Ok((share, 0))),
        2 => (300i64..1200).prop_map(|share| Ok((share, 0))),
        1 => edge().prop_map(Ok),
        1 => edge().prop_map(Err),
        1 => (0i64..3000).prop_map(|share| Err((share, 0))),
    ];
    let failures = prop::sample::select(vec![
        Failure::MalformedFrame,
        Failure::Engine,
        Failure::Source,
        Failure::Panicked,
        Failure::Output,
        Failure::Disabled,
    ]);
    let what = prop_oneof![
        20 => (age, look(false)).prop_map(|(age, look)| What::Frame(age, look)),
        1 => (any::<bool>(), failures).prop_map(|(stamped, failure)| What::Failed(stamped, failure)),
        1 => Just(What::Missed),
        1 => Just(What::Overdue),
        2 => Just(What::Tick),
        3 => Just(What::Reset),
    ];
    (passed, stepped, what)
        .prop_map(|(passed, stepped, what)| Input {
            passed,
            stepped,
            what,
        })
        .boxed()
}

/// Settings, and what happens under them.
pub(super) fn sequence() -> impl Strategy<Value = (SupervisorConfig, Vec<Input>)> {
    let mut settings = extremes::ALL.to_vec();
    settings.push(SupervisorConfig::default());
    let config = prop::sample::select(settings);
    let some_calm = prop_oneof![1 => input(true), 1 => input(false)];
    let inputs = prop_oneof![
        50 => prop::collection::vec(input(false), 1..40),
        50 => prop::collection::vec(some_calm, 1..40),
        50 => prop::collection::vec(input(true), 1..40),
        1 => prop::collection::vec(input(true), 100..400),
        1 => prop::collection::vec(input(false), 100..400),
    ];
    (config, inputs)
}

fn share_of(limit_ms: u32, (thousandths, nanos): Share) -> i64 {
    i64::from(limit_ms) * 1_000 * thousandths + nanos
}

/// Makes events of what was drawn.
pub(super) struct World {
    config: SupervisorConfig,
    now: Now,
    pictures: u32,
    /// Capture stamp of the last frame.
    last: Option<Stamp>,
}

impl World {
    pub(super) fn new(config: SupervisorConfig) -> Self {
        let now = Now {
            stamp: Stamp::from_ros(1_700_000_000, 0),
            monotonic: Duration::from_secs(1_000_000_000),
        };
        Self {
            config,
            now,
            pictures: 10,
            last: None,
        }
    }

    pub(super) fn event(&mut self, input: Input) -> (Event, Now) {
        let passed = share_of(self.config.stale_after_ms, input.passed);
        let stepped = share_of(self.config.clock_step_ms, input.stepped);
        let at = |nanos: i64, by: i64| Stamp::from_nanos(nanos + by);
        let monotonic = self.now.monotonic.as_nanos() as i64 + passed;
        self.now = Now {
            stamp: at(self.now.stamp.as_nanos(), passed + stepped),
            monotonic: Duration::from_nanos(monotonic.unsigned_abs()),
        };
        let now = self.now.stamp;
        let event = match input.what {
            What::Frame(age, look) => {
                let ahead = match age {
                    Ok(age) => -share_of(self.config.max_age_ms, age),
                    Err(ahead) => share_of(self.config.future_tolerance_ms, ahead),
                };
                self.frame(at(now.as_nanos(), ahead), look)
            }
            What::Failed(stamped, failure) => Event::Failed {
                capture_stamp: stamped.then_some(now),
                failure,
            },
            What::Overdue => Event::Failed {
                capture_stamp: self.last,
                failure: Failure::Overdue,
            },
            What::Missed => Event::Missed {
                capture_stamp: now,
                slack_ms: -1,
                needed_ms: 7,
            },
            What::Tick => Event::Tick,
            What::Reset => Event::Reset,
        };
        (event, self.now)
    }

    fn frame(&mut self, capture_stamp: Stamp, look: Look) -> Event {
        let ppm = if look.after_hit {
            self.config.area_off_ppm
        } else {
            self.config.area_on_ppm
        };
        let least = (u64::from(ppm) * u64::from(look.pixels)).div_ceil(1_000_000) as i64;
        let area = least * i64::from(look.area.0) / 100 + look.area.1;
        let corridor_pixels = area.clamp(0, look.pixels.into()) as u32;
        let quality = look.quality.map(|quality| {
            self.pictures += 1;
            let fresh = quality.fingerprint == 0;
            Quality {
                fingerprint: if fresh {
                    self.pictures
                } else {
                    quality.fingerprint
                },
                ..quality
            }
        });
        self.last = Some(capture_stamp);
        Event::Frame(Observation {
            capture_stamp,
            pixels: look.pixels,
            non_finite: look.non_finite,
            score_min: look.scores.0,
            score_max: look.scores.1,
            anomalous_pixels: corridor_pixels,
            corridor_pixels,
            nearest: None,
            tracked: look.tracked,
            quality,
            size: look.size,
            watch: look.watch,
            fallback: look.fallback,
        })
    }
}
