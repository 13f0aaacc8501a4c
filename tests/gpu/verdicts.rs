//! The whole way: camera messages to verdicts, on the GPU and on the CPU.

use lookout::decide::State;
use lookout::engine::{Engine, EngineError, Mode, RtenEngine};
use lookout::frame::{CameraView, Encoding};
use lookout::model::{Bundle, ThresholdAt};
use lookout::pipeline::{FrameHandler, OpenEngine, Pipeline, Settings};
use lookout::profile::FrameFate;
use lookout::score::ScoreKind;
use lookout::time::SteppedClock;

use crate::pictures::Message;
use crate::standin::{Policy, Standin};
use crate::{clean, networks, open};

fn handler(engine: Box<dyn Engine>) -> FrameHandler {
    let bundle = Bundle::shipped().unwrap();
    let (score, at) = (ScoreKind::OBSERVER, ThresholdAt::Fpr1);
    let settings = Settings::calibrated(bundle.manifest(), Mode::FULL, score, at).unwrap();
    let again: OpenEngine = Box::new(|| Err(EngineError::NoObserver));
    FrameHandler::new(Pipeline::new(engine, settings).unwrap(), None, again)
}

#[test]
fn verdicts_masks_and_scores_are_those_of_the_cpu() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::real());
    standin.policy(Policy::Late);
    let mut gpu = handler(Box::new(open(&folder).unwrap()));
    let rten = RtenEngine::load(&Bundle::shipped().unwrap(), 1).unwrap();
    let mut cpu = handler(Box::new(rten));
    let clock = SteppedClock::default();
    for (seed, encoding) in (1..).zip([Encoding::Bgr8, Encoding::Nv12, Encoding::Mono8]) {
        let message = Message::noise(encoding, 640, 480, seed);
        let stamp = Some(message.frame.stamp());
        let judge = |handler: &mut FrameHandler| {
            handler.run(Ok(CameraView::Raw(message.view())), stamp, &clock, &mut ())
        };
        let (on_gpu, on_cpu) = (judge(&mut gpu), judge(&mut cpu));
        assert!(on_gpu.error.is_none());
        assert_eq!(on_gpu.fate, on_cpu.fate);
        assert_eq!(on_gpu.verdict, on_cpu.verdict, "{encoding}");
        let maps = [&gpu, &cpu].map(|h| h.pipeline().score_map().values().to_vec());
        let apart = maps[0].iter().zip(&maps[1]).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-4, "{encoding}");
        assert_eq!(gpu.pipeline().mask(), cpu.pipeline().mask(), "{encoding}");
    }
    drop(gpu);
    clean(&mut standin);
}

#[test]
fn a_gpu_that_fails_is_a_fault_and_not_the_end() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::cheap());
    let mut gpu = handler(Box::new(open(&folder).unwrap()));
    let clock = SteppedClock::default();
    for seed in 1..=4 {
        let message = Message::noise(Encoding::Rgb8, 640, 480, seed);
        if seed == 3 {
            standin.fail("cuGraphLaunch", 1, 999);
        }
        let view = Ok(CameraView::Raw(message.view()));
        let judged = gpu.run(view, Some(message.frame.stamp()), &clock, &mut ());
        if seed == 3 {
            assert_eq!(judged.fate, FrameFate::Failed);
            assert_eq!(judged.verdict.state, State::Fault);
            assert!(judged.verdict.safe_stop);
            let error = judged.error.unwrap().to_string();
            assert!(error.contains("launch a graph"), "{error}");
        } else {
            assert!(judged.error.is_none(), "frame {seed}");
        }
    }
    drop(gpu);
    clean(&mut standin);
}
