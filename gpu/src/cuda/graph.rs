use std::any::Any;
use std::sync::Arc;

use cudarc::driver::CudaGraph;

use super::error::During;
use super::{CudaError, HostBuffer, Stream};

/// Captured work. What it reads is read at every replay anew; where it reads and writes was settled when
/// it was captured, and stays alive as long as the graph.
pub struct Graph {
    // dropped first: after it nobody uses the rest
    replayed: Replayed,
    hosts: Vec<Arc<HostBuffer>>,
    _kept: Vec<Arc<dyn Any + Send + Sync>>,
}

/// The graph and its stream; waits for the last replay before it goes.
struct Replayed {
    graph: CudaGraph,
    stream: Stream,
}

impl Drop for Replayed {
    fn drop(&mut self) {
        // A replay may be on its way, and uses what is dropped next.
        let stream = self.stream.inner();
        stream.context().record_err(stream.synchronize());
    }
}

// SAFETY: the handles may be used from any thread, one at a time: launching takes `&mut`.
unsafe impl Send for Graph {}

impl Graph {
    pub(super) fn new(
        graph: CudaGraph,
        stream: Stream,
        hosts: Vec<Arc<HostBuffer>>,
        kept: Vec<Arc<dyn Any + Send + Sync>>,
    ) -> Self {
        Self {
            replayed: Replayed { graph, stream },
            hosts,
            _kept: kept,
        }
    }

    /// Brings what a replay needs to the device, so that the first is as fast as the others.
    ///
    /// # Errors
    /// A failure of the driver.
    pub fn upload(&self) -> Result<(), CudaError> {
        self.replayed.graph.upload().during("upload a graph")
    }

    /// Replays it on the stream that it was captured on. `besides` are host buffers that its kernels find
    /// through pointers in memory.
    ///
    /// # Errors
    /// A failure of the driver; the host buffers count as worked on all the same.
    pub fn launch(&mut self, besides: &[&Arc<HostBuffer>]) -> Result<(), CudaError> {
        let launched = self.replayed.graph.launch().during("launch a graph");
        let hosts = self.hosts.iter().chain(besides.iter().copied());
        // every one of them has to know, whatever becomes of the others
        let departed = hosts.map(|host| host.depart(&self.replayed.stream));
        departed.fold(launched, Result::and)
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").finish_non_exhaustive()
    }
}
