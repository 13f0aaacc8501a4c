use super::*;
use crate::engine::GpuTimes;

#[test]
fn what_the_gpu_took_is_told_over_the_frames_that_it_is_known_of() {
    let mut health = active();
    let gpu = |segmentation| GpuTimes {
        enqueue: MS(1),
        preprocess: MS(1),
        segmentation: MS(segmentation),
        ..GpuTimes::default()
    };
    let mut frame = |at, gpu, fate| {
        health.received(MS(at));
        health.frame(&FrameOutcome {
            gpu,
            ..outcome(MS(at), 40, fate, clear())
        });
        let latency = full(&health, at, "latency");
        ["gpu_p50_ms", "gpu_p99_ms"].map(|key| value(&latency, key))
    };
    assert_eq!(frame(0, None, FrameFate::InTime), ["unknown"; 2]);
    let unread = Some(gpu(0));
    assert_eq!(frame(33, unread, FrameFate::InTime), ["unknown"; 2]);
    assert_eq!(frame(66, Some(gpu(5)), FrameFate::InTime), ["6.0", "6.0"]);
    frame(99, Some(gpu(6)), FrameFate::Late);
    frame(132, None, FrameFate::InTime);
    frame(165, Some(gpu(90)), FrameFate::Failed);
    assert_eq!(frame(198, Some(gpu(8)), FrameFate::InTime), ["7.0", "9.0"]);
    health.configured(words(), LIMITS);
    let latency = full(&health, 231, "latency");
    assert_eq!(value(&latency, "gpu_p50_ms"), "unknown");
}
