//! What the node says of itself while it runs: `/diagnostics`, the flag's changes, why no frames come.

use std::time::{Duration, Instant};

use super::super::diagnostics;
use super::super::rosout::Rosout;
use super::NodeError;
use super::control::NodeControl;
use super::state::NodeState;
use crate::msg::DiagnosticArray;
use crate::profile::{Machine, MachineSampler};
use crate::shutdown::Shutdown;

/// How often it is checked whether the network's threads still run.
const CHECK_PERIOD: Duration = Duration::from_millis(200);
/// How often temperatures and memory are read.
const MACHINE_PERIOD: Duration = Duration::from_secs(1);
/// So long no frame may come before it is found out why.
const WAIT_FOR: Duration = Duration::from_secs(3);

/// Publishes `/diagnostics` until the process is to end.
///
/// # Errors
/// Nothing can be sent any more: the process ends, and whoever started it starts it again.
pub(super) fn report(
    control: &NodeControl,
    publish: &dyn Fn(DiagnosticArray),
    rosout: &Rosout,
    shutdown: &Shutdown,
    (sending, why): (&dyn Fn() -> bool, &mut dyn FnMut() -> String),
) -> Result<(), NodeError> {
    let shared = &control.shared;
    let machine = MachineSampler::start(Machine::new(Instant::now()), MACHINE_PERIOD)
        .inspect_err(|e| log::warn!("nothing is read of the machine: {e}"))
        .ok();
    let mut sent_at = Instant::now();
    let mut logged = None;
    let mut missing = MissingFrames::default();
    loop {
        let left = shared
            .live()
            .diagnostics_period
            .saturating_sub(sent_at.elapsed());
        if shutdown.wait_for(left.min(CHECK_PERIOD)) {
            return Ok(());
        }
        if !sending() && !shutdown.requested() {
            return Err(NodeError::TransportEnded);
        }
        let (flag, unchanged_for) = shared.flag();
        if logged.replace(flag.safe_stop) != Some(flag.safe_stop) {
            let word = if flag.safe_stop { "up" } else { "down" };
            log::info!("the safe-stop flag is {word}: {}", flag.cause);
        }
        if shared.board.is_lost() {
            return Err(NodeError::Lost(flag.cause.to_string()));
        }
        missing.check(shared, Instant::now(), why);
        if left > CHECK_PERIOD {
            continue;
        }
        sent_at = Instant::now();
        control.note_lifecycle();
        let at = shared.at();
        let machine = machine.as_ref().map(MachineSampler::profile);
        // a copy: the thread of the frames must not wait while the message is made
        let health = {
            let mut health = shared.health();
            health.set_log_records_dropped(at, rosout.dropped());
            health.set_late_beats(at, shared.late_beats());
            health.underway = shared.progress.seen();
            health.clone()
        };
        publish(diagnostics::array(
            &health,
            &shared.name,
            (&flag, unchanged_for),
            at,
            shared.stamp(),
            machine.as_ref(),
        ));
    }
}

/// Finds out why no frame comes, and logs each reason once a wait.
#[derive(Default)]
pub(super) struct MissingFrames {
    checked: Option<Instant>,
    /// Without their numbers, which change from check to check.
    logged: Vec<String>,
    /// Since when frames come without a clock, and whether that was logged since frames came with one.
    clockless: Option<Instant>,
    is_clockless_logged: bool,
}

impl MissingFrames {
    pub(super) fn check(
        &mut self,
        shared: &NodeState,
        now: Instant,
        why: &mut dyn FnMut() -> String,
    ) {
        let quiet_for = shared.health().quiet_for(shared.at());
        // before the first frame the node has waited since it was started, or longer
        let waits = quiet_for.is_some_and(|last| last.is_none_or(|gap| gap > WAIT_FOR));
        let passed = |at: Instant| now.saturating_duration_since(at);
        if waits {
            self.clockless = None;
            if self.checked.is_some_and(|at| passed(at) < WAIT_FOR) {
                return;
            }
            self.checked = Some(now);
            let why = why();
            let reason = why.replace(|c: char| c.is_ascii_digit(), "");
            if !self.logged.contains(&reason) {
                log::warn!("no frame comes: {why}");
                self.logged.push(reason);
            }
            shared.health().waiting = Some(why);
            return;
        }
        // the wait begins anew
        self.checked = Some(now);
        if !self.logged.is_empty() {
            self.logged.clear();
            shared.health().waiting = None;
        }
        if quiet_for.is_none() || !shared.progress.seen().without_clock {
            (self.clockless, self.is_clockless_logged) = (None, false);
            return;
        }
        // the first message of the clock may come after that of the camera
        let is_due = passed(*self.clockless.get_or_insert(now)) >= WAIT_FOR;
        if is_due && !std::mem::replace(&mut self.is_clockless_logged, true) {
            log::warn!("{}", diagnostics::NO_CLOCK);
        }
    }
}
