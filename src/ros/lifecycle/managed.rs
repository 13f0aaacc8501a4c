use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Event, Machine, Outcome, Refused, Request, State, Transition};
use crate::watchdog::{LatchedTrip, contain, panic_message};

/// What a managed node does in its transitions.
///
/// Each may take seconds. `Err` is the reason why it could not be done, for people; the node is
/// then where it was before, so a callback undoes what it began. A panic is an error: nobody knows
/// how things are, and [`recover`](Self::recover) is called.
pub trait Managed: Send {
    /// Loads and opens everything: to `inactive`, or back to `unconfigured`.
    ///
    /// # Errors
    /// Why not.
    fn configure(&mut self) -> Result<(), String>;

    /// Starts work: to `active`, or back to `inactive`.
    ///
    /// # Errors
    /// Why not.
    fn activate(&mut self) -> Result<(), String>;

    /// Ends work: to `inactive`, or back to `active`.
    ///
    /// # Errors
    /// Why not.
    fn deactivate(&mut self) -> Result<(), String>;

    /// Undoes `configure`: to `unconfigured`, or back to `inactive`.
    ///
    /// # Errors
    /// Why not.
    fn cleanup(&mut self) -> Result<(), String>;

    /// Ends everything, `from` one of the three states. The node is `finalized` whatever it says.
    ///
    /// # Errors
    /// What could not be ended.
    fn shutdown(&mut self, from: State) -> Result<(), String>;

    /// Repairs what a panic left behind in the callback of the transition state `during`: to
    /// `unconfigured`, or to `finalized` where it cannot be repaired, which is what it says unless
    /// implemented otherwise.
    ///
    /// # Errors
    /// Why not.
    fn recover(&mut self, during: State) -> Result<(), String> {
        Err(format!("no recovery from an error while {during}"))
    }

    /// `recover` could not repair it, and `why`: the node is `finalized`, and its process should end.
    fn unrepaired(&mut self, _why: &str) {}

    /// The panic that `recover` was called for is repaired.
    fn repaired(&mut self, _panic: LatchedTrip) {}
}

/// A transition that was asked for and did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {}: {reason}", .transition.label())]
pub struct Failure {
    /// What was asked for.
    pub transition: Transition,
    /// Why it did not succeed.
    pub reason: String,
}

/// Why a node is not where it was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Not possible from where it is; nothing happened.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The callback failed.
    #[error("{failure}; the state is {state}")]
    Failed {
        /// What failed, and why.
        failure: Failure,
        /// The state since.
        state: State,
    },
}

type Sink = Box<dyn Fn(&Event) + Send + Sync>;

struct Status {
    machine: Machine,
    failure: Option<Failure>,
}

/// The life of one node: its [`Machine`] and the callbacks of its [`Managed`].
///
/// To be shared between threads. [`state`](Self::state) and [`failure`](Self::failure) answer at
/// once, also while a callback runs.
pub struct Lifecycle {
    /// Never held while a callback runs.
    status: Mutex<Status>,
    /// Held from the first event of a change to the last, so that those of two changes do not mix.
    managed: Mutex<Box<dyn Managed>>,
    sink: Sink,
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Lifecycle")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lifecycle {
    /// An `unconfigured` node.
    ///
    /// `sink` is given every transition, in their order, from the thread that makes the change: the
    /// one into a transition state before its callback runs. It must not ask for a change itself.
    pub fn new(
        managed: impl Managed + 'static,
        sink: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            status: Mutex::new(Status {
                machine: Machine::default(),
                failure: None,
            }),
            managed: Mutex::new(Box::new(managed)),
            sink: Box::new(sink),
        }
    }

    /// Where the node is now. Of the time in which a callback runs that is a transition state.
    pub fn state(&self) -> State {
        lock(&self.status).machine.state()
    }

    /// Why the last transition did not succeed; none once one has succeeded since. Refused requests
    /// do not count.
    pub fn failure(&self) -> Option<Failure> {
        lock(&self.status).failure.clone()
    }

    /// Makes a transition and everything that follows from it, on this thread, for as long as the
    /// callbacks take. Returns the state that it led to.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] at once where the transition is not possible from here, which it
    /// never is while another change runs; [`ChangeError::Failed`] with the reason where a callback
    /// fails or panics.
    pub fn change(&self, request: &Request) -> Result<State, ChangeError> {
        let begun = lock(&self.status).machine.begin(request);
        let asked = begun.inspect_err(|refused| log::warn!("lifecycle: {refused}"))?;
        let mut managed = lock(&self.managed);
        self.publish_event(asked, None);

        let mut call = Call {
            state: asked.goal(),
            from: asked.start(),
        };
        let mut why = None;
        let mut panic: Option<LatchedTrip> = None;
        loop {
            let (outcome, reason, tripped) = call.run(managed.as_mut());
            panic = match (panic, tripped) {
                (Some(before), Some(trip)) => Some(before.and(trip)),
                (before, trip) => before.or(trip),
            };
            if outcome == Outcome::Success
                && let Some(panic) = panic.take()
            {
                managed.repaired(panic);
            }
            // The first reason is the cause; what recovery says comes after it.
            why = match (why.take(), &reason) {
                (None, reason) => reason.clone(),
                (Some(first), None) => Some(first),
                (Some(first), Some(next)) => Some(format!("{first}; {next}")),
            };
            if call.state == State::ErrorProcessing && outcome != Outcome::Success {
                managed.unrepaired(why.as_deref().unwrap_or_default());
            }
            let failure = why.clone().map(|reason| Failure {
                transition: asked,
                reason,
            });
            let finished = {
                let mut status = lock(&self.status);
                // Together, so that whoever sees the state sees its reason.
                status.failure = failure.clone();
                status.machine.finish(outcome)
            };
            let Some(finished) = finished else {
                // Every transition state can be finished in every way: the graph is tested for it.
                return Ok(call.state);
            };
            self.publish_event(finished, reason);
            let state = finished.goal();
            if state.is_primary() {
                return match failure {
                    None => Ok(state),
                    Some(failure) => Err(ChangeError::Failed { failure, state }),
                };
            }
            call = Call {
                state,
                from: call.state,
            };
        }
    }

    fn publish_event(&self, transition: Transition, reason: Option<String>) {
        let event = Event { transition, reason };
        match event.reason {
            None => log::info!("lifecycle: {event}"),
            Some(_) => log::error!("lifecycle: {event}"),
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.sink)(&event))) {
            log::error!(
                "lifecycle: no event given out: {}",
                panic_message(panic.as_ref())
            );
        }
    }
}

/// A callback that is due.
struct Call {
    state: State,
    from: State,
}

impl Call {
    fn run(&self, managed: &mut dyn Managed) -> (Outcome, Option<String>, Option<LatchedTrip>) {
        let result = contain(|| match self.state {
            State::Configuring => managed.configure(),
            State::Activating => managed.activate(),
            State::Deactivating => managed.deactivate(),
            State::CleaningUp => managed.cleanup(),
            State::ShuttingDown => managed.shutdown(self.from),
            State::ErrorProcessing => managed.recover(self.from),
            State::Unknown
            | State::Unconfigured
            | State::Inactive
            | State::Active
            | State::Finalized => Ok(()),
        });
        match result {
            Ok(Ok(())) => (Outcome::Success, None, None),
            Ok(Err(reason)) => (Outcome::Failure, Some(reason), None),
            Err(panic) => {
                let reason = format!("panic while {}: {}", self.state, panic.message);
                (Outcome::Error, Some(reason), panic.trip)
            }
        }
    }
}

#[cfg(test)]
#[path = "managed_tests.rs"]
mod tests;
