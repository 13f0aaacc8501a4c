//! `lookout node` with an engine that takes so many milliseconds longer for every frame.
//!
//! ```text
//! slow_node MS --ros-args ...
//! ```
//!
//! `.ci/ros/check_staleness.py` runs it against real peers.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::LevelFilter;
use lookout::engine::{self, Engine, EngineError, Options, Perception, Resolution};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::ros::arguments::Arguments;
use lookout::ros::node;
use lookout::ros::rosout::RosLogger;
use lookout::shutdown::Shutdown;
use mimalloc::MiMalloc;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

struct SlowEngine {
    inner: Box<dyn Engine>,
    longer: Duration,
}

impl Engine for SlowEngine {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn description(&self) -> String {
        format!("{}, {:?} slower", self.inner.description(), self.longer)
    }

    fn has_observer(&self) -> bool {
        self.inner.has_observer()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        thread::sleep(self.longer);
        self.inner.segment(frame, resolution)
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        self.inner.observe()
    }

    fn perception(&self) -> &Perception {
        self.inner.perception()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::on_signals()?;
    let mut arguments = env::args().skip(1);
    let milliseconds = arguments
        .next()
        .ok_or("usage: slow_node MS --ros-args ...")?;
    let longer = Duration::from_millis(milliseconds.parse()?);
    let arguments = Arguments::parse(&arguments.collect::<Vec<_>>())?;
    let rosout = RosLogger::new(LevelFilter::Info).install()?;
    let open = move |bundle: &Bundle, options: Options| -> Result<Box<dyn Engine>, EngineError> {
        let inner = engine::open(bundle, options)?;
        Ok(Box::new(SlowEngine { inner, longer }))
    };
    let ended = node::run(&arguments, Arc::new(open), &rosout, &shutdown);
    log::logger().flush();
    Ok(ended?)
}
