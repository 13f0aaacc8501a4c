//! How a STOP ends, and what keeps it.

use super::*;

#[test]
fn s07_a_reset_needs_clean_frames_in_a_row_after_it() {
    let mut drive = Drive::stopped();
    drive.frames(&[0, 0, 0, 0]);
    let verdict = drive.event(Event::Reset);
    assert_eq!(
        verdict.reason,
        Reason::ResetPending {
            clean: 0,
            needed: 3
        }
    );
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);

    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frames(&[0, 0]);
    let verdict = drive.failed();
    assert_eq!(verdict.state, Stop);
    assert_eq!(
        verdict.reason,
        Reason::Failed {
            failure: Failure::MalformedFrame
        }
    );
    assert_eq!(
        drive.frames(&[0, 0, 0]),
        [Stop, Stop, Clear],
        "a fault starts the count again"
    );
}

/// Whether a reset outlasts it once, and what happens.
type Unjudged = (bool, fn(&mut Drive));

/// Everything that leaves a frame unjudged.
fn unjudged() -> [Unjudged; 7] {
    fn fail(drive: &mut Drive, failure: Failure) {
        drive.now_ms += 50;
        let capture_stamp = Some(ms(drive.now_ms));
        drive.event(Event::Failed {
            capture_stamp,
            failure,
        });
    }
    [
        (true, |drive| fail(drive, Failure::MalformedFrame)),
        (true, |drive| fail(drive, Failure::Engine)),
        (true, |drive| {
            drive.now_ms += 50;
            let capture_stamp = ms(drive.now_ms);
            drive.event(Event::Missed {
                capture_stamp,
                slack_ms: -1,
                needed_ms: 7,
            });
        }),
        (false, |drive| fail(drive, Failure::Source)),
        (false, |drive| fail(drive, Failure::Panicked)),
        (false, |drive| fail(drive, Failure::Disabled)),
        (false, |drive| {
            drive.now_ms += 300;
            drive.event(Event::Tick);
        }),
    ]
}

#[test]
fn s07_a_reset_is_void_where_frames_are_not_judged_any_more() {
    for (case, (outlasts, event)) in unjudged().into_iter().enumerate() {
        for times in 1..=3 {
            let mut drive = Drive::stopped();
            drive.event(Event::Reset);
            drive.frame(0);
            for _ in 0..times {
                event(&mut drive);
            }
            let ends = outlasts && times == 1;
            let state = if ends { Clear } else { Stop };
            let states = drive.frames(&[0; 20]);
            assert_eq!(states.last(), Some(&state), "{case}, {times} times");
            assert_eq!(states[..2], [Stop, Stop], "{case}, {times} times");
        }
    }
}

#[test]
fn s07_a_reset_is_void_after_a_step_of_the_clock() {
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    let at = |stamp_ms: i64, passed_ms: i64| Now {
        stamp: ms(stamp_ms),
        monotonic: Now::simulated(ms(passed_ms)).monotonic,
    };
    let now_ms = drive.now_ms;
    let reset = |drive: &mut Drive, by_ms: i64, after_ms: i64| {
        let now = at(now_ms + by_ms + after_ms, now_ms + after_ms);
        drive.supervisor.step(Event::Reset, now).reason.code()
    };
    assert_eq!(reset(&mut drive, 5_000, 10), "clock-stepped");
    assert_eq!(reset(&mut drive, 5_000, 20), "clock-stepped", "S17");
    for i in 1..=20 {
        let (stamp_ms, passed_ms) = (now_ms + 5_000 + 50 * i, now_ms + 50 * i);
        let event = Event::Frame(frame(stamp_ms, 0));
        let state = drive.supervisor.step(event, at(stamp_ms, passed_ms)).state;
        assert_eq!(state, Stop);
    }
    assert_eq!(reset(&mut drive, 5_000, 1_010), "reset-pending");
}

#[test]
fn s22_a_stop_that_another_supervisor_left_holds_until_a_reset() {
    let before = Drive::stopped().supervisor;
    assert_eq!(before.stopped_at(), Some(ms(200)));
    assert_eq!(Drive::started().supervisor.stopped_at(), None);

    let mut drive = Drive::new();
    drive.supervisor.keep_stop(ms(200));
    let latched = Reason::Latched { since: ms(200) };
    let verdict = drive.event(Event::Tick);
    assert_eq!((verdict.state, verdict.safe_stop), (Stop, true));
    assert_eq!(verdict.reason, latched);
    let refused = drive.event(Event::Reset).reason;
    assert_eq!(refused, Reason::NoFrameYet, "S17");
    assert_eq!(drive.frames(&[0; 20]), [Stop; 20]);
    assert_eq!(drive.frame(0).reason, latched);
    assert_eq!(drive.supervisor.stopped_at(), Some(ms(200)));
    assert_eq!(drive.event(Event::Reset).reason.code(), "reset-pending");
    assert_eq!(drive.frames(&[0; 3]), [Stop, Stop, Clear]);
    assert_eq!(drive.supervisor.stopped_at(), None);
}

#[test]
fn s17_a_reset_that_is_refused_is_not_remembered() {
    let mut drive = Drive::stopped();
    drive.now_ms += 300;
    let verdict = drive.event(Event::Reset);
    assert_eq!((verdict.state, verdict.reason.code()), (Stop, "missing"));
    drive.frame(0);
    assert_eq!(drive.frames(&[0; 20]), [Stop; 20]);
    assert_eq!(drive.event(Event::Reset).reason.code(), "reset-pending");
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);
}

#[test]
fn s17_a_reset_is_refused_while_the_last_frame_was_not_judged() {
    for (case, (_, event)) in unjudged().into_iter().enumerate() {
        let mut drive = Drive::stopped();
        event(&mut drive);
        for _ in 0..2 {
            let verdict = drive.event(Event::Reset);
            assert_eq!(verdict.state, Stop, "{case}");
            assert_ne!(verdict.reason.code(), "reset-pending", "{case}");
        }
        assert_eq!(drive.frames(&[0; 20]), [Stop; 20], "{case}");
        assert_eq!(drive.event(Event::Reset).reason.code(), "reset-pending");
        assert_eq!(drive.frames(&[0; 3]), [Stop, Stop, Clear], "{case}");
    }
}

#[test]
fn s17_a_reset_while_another_waits_changes_nothing_and_says_how_far_it_is() {
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frames(&[0, 0]);
    let verdict = drive.event(Event::Reset);
    let pending = Reason::ResetPending {
        clean: 2,
        needed: 3,
    };
    assert_eq!(verdict.reason, pending);
    assert_eq!(drive.frame(0).state, Clear);
}

#[test]
fn s15_a_reset_that_a_fault_made_void_stays_void_when_the_frame_is_taken_back() {
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frame(0);
    drive.now_ms += 300;
    assert_eq!(drive.frame(0).reason.code(), "missing");
    overdue(&mut drive);
    assert_eq!(drive.frames(&[0; 20]), [Stop; 20]);
}

fn overdue(drive: &mut Drive) -> Verdict {
    drive.event(Event::Failed {
        capture_stamp: Some(ms(drive.now_ms)),
        failure: Failure::Overdue,
    })
}

#[test]
fn s15_a_stop_does_not_end_on_a_frame_whose_verdict_came_out_too_late() {
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);
    let verdict = overdue(&mut drive);
    assert_eq!((verdict.state, verdict.safe_stop), (Stop, true));
    assert_eq!(
        drive.frames(&[0, 0, 0]),
        [Stop, Stop, Clear],
        "the count starts again"
    );
}

#[test]
fn s15_a_late_frame_neither_wipes_out_a_hit_nor_takes_a_stop_back() {
    let mut drive = Drive::started();
    drive.frame(50);
    for _ in 0..5 {
        drive.frame(0);
        assert_eq!(overdue(&mut drive).state, Fault);
    }
    assert_eq!(drive.frame(50).state, Stop);
    assert_eq!(overdue(&mut drive).state, Stop);

    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frame(50);
    overdue(&mut drive);
    assert_eq!(drive.frames(&[0; 5]), [Stop; 5], "the reset is void");
}
