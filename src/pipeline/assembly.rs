//! Where a run is put together. The node, `replay`, `profile` and `demo` differ in where their messages
//! come from, in the clock and in the sink; engine, judges, settings, board and watchdog are joined here.

use std::sync::Arc;

use thiserror::Error;

use super::{FrameHandler, Live, OpenEngine, Pipeline, Settings, SettingsError};
use crate::engine::EngineError;
use crate::frame::CameraView;
use crate::watchdog::{Beat, Board, Watchdog, WatchdogConfig, WatchdogError, install_panic_hook};

/// Why a run cannot be put together.
#[derive(Debug, Error)]
pub enum AssemblyError {
    /// The engine cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The pipeline does not take these settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The board does not take the staleness limit.
    #[error(transparent)]
    Board(#[from] WatchdogError),
}

impl Live {
    /// For a recording that is played at a pace, with a board of its own.
    ///
    /// # Errors
    /// The staleness limit is out of its range.
    pub fn of_recording(settings: &Settings) -> Result<Self, WatchdogError> {
        Ok(Self {
            board: Arc::new(Board::new(settings.supervisor.stale_after_ms)?),
            machine_ages: false,
        })
    }
}

impl FrameHandler {
    /// Opens the engine and joins it with the settings. Verdicts are held to the settings' deadline and
    /// posted where there is `live`, and go stale there at the settings' limit. `open` opens the engine
    /// again after a panic.
    ///
    /// # Errors
    /// The engine cannot be opened, or a setting is out of its range.
    pub fn assemble(
        mut open: OpenEngine,
        settings: Settings,
        live: Option<Live>,
    ) -> Result<Self, AssemblyError> {
        let pipeline = Pipeline::new(open()?, settings)?;
        if let Some(live) = &live {
            let limit = pipeline.settings().supervisor.stale_after_ms;
            live.board.set_stale_after_ms(limit)?;
        }
        Ok(Self::new(pipeline, live, open))
    }

    /// Runs every mode on a message `runs` times, and once before that, so that buffers are there and
    /// the admission has times to begin with.
    ///
    /// # Errors
    /// A mode does not run on it; in words.
    pub fn dry_run(&mut self, camera: &CameraView<'_>, runs: usize) -> Result<(), String> {
        let modes: Vec<_> = self.pipeline().settings().judges.modes().collect();
        for run in 0..=runs {
            for &mode in &modes {
                let stages = self
                    .rehearse(camera, mode)
                    .map_err(|e| format!("the dry run of mode {mode} failed: {e}"))?;
                if run > 0 {
                    self.pipeline_mut().warm_up(mode, &stages);
                }
            }
        }
        Ok(())
    }
}

/// Lets panics raise the flag of a board, and starts the watchdog that repeats it.
///
/// # Errors
/// As [`Watchdog::start`].
pub fn watch(
    board: &Arc<Board>,
    config: &WatchdogConfig,
    sink: impl FnMut(&Beat) + Send + 'static,
) -> Result<Watchdog, WatchdogError> {
    install_panic_hook(board);
    Watchdog::start(board, config, sink)
}
