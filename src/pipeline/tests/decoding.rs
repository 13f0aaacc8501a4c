//! A decoder that fails.

use std::cell::RefCell;

use super::*;
use crate::frame::{CameraView, ImageView};
use crate::watchdog::{Board, trip};

thread_local! {
    static BOARD: RefCell<Option<Arc<Board>>> = const { RefCell::new(None) };
}

/// As a library that panics under the hook.
fn fail() {
    BOARD.with_borrow(|board| trip(board.as_ref().unwrap(), "lookout-frames", "a library fails"));
    std::panic::resume_unwind(Box::new("a library fails"));
}

#[test]
fn a_decoder_that_panics_is_a_fault_of_its_frame_alone() {
    let board = Arc::new(Board::new(60_000).unwrap());
    BOARD.set(Some(Arc::clone(&board)));
    let hidden = Arc::new(AtomicBool::new(true));
    let mut settings = settings();
    settings.supervisor.start_frames = 1;
    settings.supervisor.fault_clear_frames = 1;
    let live = Live {
        board: Arc::clone(&board),
        machine_ages: false,
    };
    let mut handler = FrameHandler::new(
        Pipeline::new(Box::new(Somebody::new(hidden)), settings).unwrap(),
        Some(live),
        Box::new(|| Err(EngineError::NoObserver)),
    );
    let clock = SteppedClock::default();
    let mut told = vec![];
    for i in 1..=3 {
        let stamp = Stamp::from_nanos(i * 50_000_000);
        clock.set(stamp);
        let data: Vec<u8> = (0..IMAGE.0 * IMAGE.1 * 3)
            .map(|at| (60 + (at * 7 + i as u32) % 121) as u8)
            .collect();
        let view = CameraView::Raw(ImageView {
            stamp,
            width: IMAGE.0,
            height: IMAGE.1,
            encoding: "rgb8",
            is_bigendian: false,
            step: IMAGE.0 * 3,
            data: &data,
        });
        if i == 2 {
            handler.decoder_mut().fails = Some(fail);
        }
        let judged = handler.run(Ok(view), Some(stamp), &clock, &mut ());
        let why = judged.error.map(|error| error.to_string());
        told.push((judged.verdict.state, board.flag(), why));
        assert!(!board.is_lost(), "frame {i}");
    }
    let why = "the decoder panicked on the picture: a library fails".to_owned();
    assert_eq!(
        told,
        [
            (State::Ok, false, None),
            (State::Fault, true, Some(why)),
            (State::Ok, false, None),
        ]
    );
}
