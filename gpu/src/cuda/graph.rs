use std::any::Any;
use std::sync::Arc;

use cudarc::driver::CudaGraph;

use super::error::During;
use super::{CudaError, HostBuffer, Stream};

/// Captured work. What it reads is read at every replay anew; where it reads and writes was settled when
/// it was captured, and stays alive as long as the graph.
pub struct Graph {
    // dropped first: after it nobody uses the rest
    graph: Destroyed,
    stream: Stream,
    hosts: Vec<Arc<HostBuffer>>,
    _kept: Vec<Arc<dyn Any + Send + Sync>>,
}

/// The graph, which waits for its last replay before it goes.
struct Destroyed(CudaGraph);

impl Drop for Destroyed {
    fn drop(&mut self) {
        // A replay may be on its way and uses what is dropped next.
        let graph = self.0.stream();
        let context = graph.context();
        context.record_err(graph.synchronize());
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
            graph: Destroyed(graph),
            stream,
            hosts,
            _kept: kept,
        }
    }

    /// Brings what a replay needs to the device, so that the first is as fast as the others.
    ///
    /// # Errors
    /// A failure of the driver.
    pub fn upload(&self) -> Result<(), CudaError> {
        self.graph.0.upload().during("upload a graph")
    }

    /// Replays it on the stream that it was captured on. `besides` are host buffers that its kernels find
    /// through pointers in memory.
    ///
    /// # Errors
    /// A failure of the driver; the host buffers count as worked on all the same.
    pub fn launch(&mut self, besides: &[&Arc<HostBuffer>]) -> Result<(), CudaError> {
        let launched = self.graph.0.launch().during("launch a graph");
        for host in self.hosts.iter().chain(besides.iter().copied()) {
            host.depart(&self.stream)?;
        }
        launched
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").finish_non_exhaustive()
    }
}
