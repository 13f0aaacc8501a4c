//! Settings from one end of their ranges to the other.

use super::*;

/// All but the defaults; those of the other tests twice, so that they are drawn more often.
pub(super) const ALL: [SupervisorConfig; 7] = [CONFIG, CONFIG, EAGER, NERVOUS, LEAST, MOST, BLIND];

const EAGER: SupervisorConfig = SupervisorConfig {
    fault_clear_frames: 1,
    reset_frames: 1,
    quality: QualityLimits {
        blur_fault_frames: 1,
        frozen_frames: 2,
        ..CONFIG.quality
    },
    ..CONFIG
};

/// One hit is enough.
const NERVOUS: SupervisorConfig = SupervisorConfig {
    confirm_hits: 1,
    confirm_window: 1,
    ..CONFIG
};

const LEAST: SupervisorConfig = SupervisorConfig {
    area_on_ppm: 1,
    area_off_ppm: 1,
    confirm_hits: 1,
    confirm_window: 1,
    start_frames: 1,
    fault_clear_frames: 1,
    reset_frames: 1,
    max_age_ms: 1,
    stale_after_ms: 1,
    future_tolerance_ms: 0,
    clock_step_ms: 1,
    quality: QualityLimits {
        black_below: 0,
        over_exposed_ppm: 1,
        incomplete_from: 1,
        shifted_from: 1,
        blurred_below: 300,
        blur_fault_frames: 1,
        frozen_frames: 2,
        size_may_change: true,
    },
    weak_mode: WeakMode::Warn,
};

const MOST: SupervisorConfig = SupervisorConfig {
    area_on_ppm: 1_000_000,
    area_off_ppm: 1_000_000,
    confirm_hits: 64,
    confirm_window: 64,
    start_frames: 1000,
    fault_clear_frames: 1000,
    reset_frames: 1000,
    max_age_ms: 10_000,
    stale_after_ms: 60_000,
    future_tolerance_ms: 1000,
    clock_step_ms: 10_000,
    quality: QualityLimits {
        black_below: 255,
        over_exposed_ppm: 1_000_001,
        incomplete_from: 1001,
        shifted_from: 1001,
        blurred_below: 1000,
        blur_fault_frames: 1000,
        frozen_frames: 1000,
        size_may_change: false,
    },
    weak_mode: WeakMode::Fault,
};

/// No check of pictures.
const BLIND: SupervisorConfig = SupervisorConfig {
    quality: QualityLimits {
        black_below: 0,
        over_exposed_ppm: 1_000_001,
        incomplete_from: 1001,
        shifted_from: 1001,
        blurred_below: 0,
        blur_fault_frames: 1,
        frozen_frames: 0,
        size_may_change: true,
    },
    weak_mode: WeakMode::Fault,
    ..CONFIG
};
