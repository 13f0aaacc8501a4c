//! What services and parameters do with the node.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::super::lifecycle::{Lifecycle, Request, State};
use super::super::parameters::{Host, LiveSettings, Phase, Store};
use super::super::services::Control;
use super::state::{NodeState, ResetRequest, Unheard};
use crate::msg::Time;

/// How long a service waits for the thread that handles frames.
const REPLY_WITHIN: Duration = Duration::from_millis(500);

/// The node as its services see it.
#[derive(Clone)]
pub(super) struct NodeControl {
    pub(super) shared: Arc<NodeState>,
    pub(super) lifecycle: Arc<Lifecycle>,
}

impl Control for NodeControl {
    fn reset(&self, by: &str) -> Result<String, String> {
        let answer = self.ask_for_reset();
        match &answer {
            Ok(how) => log::warn!("the client {by} asked for a reset; {how}"),
            Err(why) => log::warn!("the client {by} asked for a reset, which was refused: {why}"),
        }
        answer
    }

    fn enable(&self, on: bool, by: &str) -> Result<String, String> {
        let changed = self.shared.set_enabled(on);
        let word = if on { "judged" } else { "not judged" };
        let said = match (self.state(), changed) {
            (state, _) if on && state != State::Active => {
                format!("frames are judged once the node is active; it is {state} now")
            }
            (_, true) => format!("frames are {word} from now on"),
            (_, false) => format!("frames are {word} already"),
        };
        log::warn!("{said}: the client {by} asked for it");
        Ok(said)
    }

    fn state(&self) -> State {
        self.lifecycle.state()
    }

    fn change_state(&self, request: &Request) -> bool {
        let changed = self.lifecycle.change(request);
        self.note_lifecycle();
        changed.is_ok()
    }
}

impl NodeControl {
    fn ask_for_reset(&self) -> Result<String, String> {
        let gone = || {
            Err(format!(
                "no frames are judged: the node is {}",
                self.state()
            ))
        };
        let busy = || Err("the frame that is judged now takes too long; ask again".to_owned());
        let (request, asked) = ResetRequest::new();
        match self.shared.command(request) {
            Ok(()) => {}
            Err(Unheard::Gone) => return gone(),
            Err(Unheard::Busy) => return busy(),
        }
        match asked.answer.recv_timeout(REPLY_WITHIN) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => gone(),
            Err(RecvTimeoutError::Timeout) if asked.withdraw() => busy(),
            // it was taken at this moment: the answer comes, unless its thread ends
            Err(RecvTimeoutError::Timeout) => asked.answer.recv().unwrap_or_else(|_| gone()),
        }
    }

    /// Notes the state of the life cycle for the diagnostics.
    pub(super) fn note_lifecycle(&self) {
        let state = self.lifecycle.state();
        let failure = self.lifecycle.failure().map(|f| f.to_string());
        let mut health = self.shared.health();
        health.set_lifecycle(state.name(), state == State::Active);
        health.failure = failure;
    }
}

impl Host for NodeControl {
    fn phase(&self) -> Phase {
        match self.lifecycle.state() {
            State::Unconfigured | State::Unknown => Phase::Unconfigured,
            State::Configuring => Phase::Configuring,
            State::Active => Phase::Active,
            State::Finalized | State::ShuttingDown => Phase::Finalized,
            _ => Phase::Inactive,
        }
    }

    fn stamp(&self) -> Time {
        self.shared.stamp().into()
    }

    fn agrees(&self, candidate: &Store) -> Result<(), String> {
        let live = LiveSettings::new(candidate).map_err(|e| e.to_string())?;
        let same = live.thresholds == self.shared.live().thresholds;
        match self.shared.judging() {
            _ if same => Ok(()),
            Some(judging) => judging.with(live.thresholds).map(drop),
            None if self.phase() == Phase::Configuring => Err(
                "thresholds are read now, because the node is configured: set them again when that is done"
                    .to_owned(),
            ),
            None => Ok(()),
        }
    }

    fn changed(&mut self, names: &[&'static str], store: &Store) {
        log::info!("changed: {}", names.join(", "));
        match LiveSettings::new(store) {
            Ok(live) => self.shared.set_live(live),
            Err(e) => log::error!("parameters: {e}"),
        }
    }
}
