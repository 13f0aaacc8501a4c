//! A node for tests.

use super::{Managed, State};

/// A node whose `configure` is a function, whose `activate` gives what the test says, and which does nothing else.
pub(in crate::ros) struct Stub<F> {
    pub(in crate::ros) configure: F,
    pub(in crate::ros) activate: Result<(), String>,
}

impl<F: FnMut() -> Result<(), String> + Send> Managed for Stub<F> {
    fn configure(&mut self) -> Result<(), String> {
        (self.configure)()
    }

    fn activate(&mut self) -> Result<(), String> {
        self.activate.clone()
    }

    fn deactivate(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn cleanup(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn shutdown(&mut self, _from: State) -> Result<(), String> {
        Ok(())
    }
}
