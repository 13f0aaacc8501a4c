//! One network with what comes before and after it, captured as a graph.

use std::sync::Arc;
use std::time::Duration;

use lookout_gpu::cuda::{
    CudaError, Device, DeviceBuffer, Event, Graph, HostBuffer, HostKind, Stream, Work,
};

use super::TensorRtError;
use super::kernels::{BlockCounts, fold};
use super::launch::Layout;
use crate::engine::{Judge, Scored};

/// What of a part's results the CPU gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: what comes after it does.
    Nothing,
    /// The network's output as it is.
    Logits,
    /// Scores, classes, mask and counts.
    Judgement,
}

/// Results of a part: on the GPU, and where they are copied to.
pub(super) struct Results {
    pub(super) wanted: Wanted,
    pub(super) layout: Layout,
    /// What the judge writes.
    pub(super) judged: Option<Arc<DeviceBuffer>>,
    host: Arc<HostBuffer>,
    bytes: usize,
}

impl Results {
    /// For that many pixels and planes of output.
    pub(super) fn new(
        device: &Device,
        wanted: Wanted,
        pixels: usize,
        planes: usize,
    ) -> Result<Self, CudaError> {
        let layout = Layout::of(pixels);
        let bytes = match wanted {
            Wanted::Nothing => 0,
            Wanted::Logits => 4 * pixels * planes,
            Wanted::Judgement => layout.bytes,
        };
        let judged = match wanted {
            Wanted::Judgement => Some(DeviceBuffer::new(device, bytes)?),
            Wanted::Nothing | Wanted::Logits => None,
        };
        Ok(Self {
            wanted,
            layout,
            judged,
            host: HostBuffer::new(device, bytes, HostKind::Cached)?,
            bytes,
        })
    }

    /// Copies them to the CPU; `output` is the network's.
    pub(super) fn download(
        &self,
        work: &mut Work<'_>,
        output: &Arc<DeviceBuffer>,
    ) -> Result<(), CudaError> {
        match (self.wanted, &self.judged) {
            (Wanted::Logits, _) => work.download(output, &self.host, self.bytes),
            (Wanted::Judgement, Some(judged)) => work.download(judged, &self.host, self.bytes),
            _ => Ok(()),
        }
    }

    /// Waits for them, and copies the logits.
    pub(super) fn logits(&self, to: &mut Vec<f32>) -> Result<(), CudaError> {
        self.host.read(|bytes| {
            to.clear();
            let values = bytes.get(..self.bytes).unwrap_or_default();
            to.extend(
                values
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f32::from_ne_bytes(*b)),
            );
        })
    }

    /// Waits for them, and reads what the judge made.
    pub(super) fn judgement(
        &self,
        judge: Judge,
        (width, height): (usize, usize),
        to: &mut Scored,
    ) -> Result<(), CudaError> {
        let Layout {
            pixels,
            blocks,
            labels,
            mask,
            bytes,
        } = self.layout;
        self.host.read(|all| {
            let part = |from: usize, to: usize| all.get(from..to).unwrap_or_default();
            to.judge = Some(judge);
            to.map.resize(width, height);
            let scores = part(0, blocks).as_chunks::<4>().0;
            for (value, bytes) in to.map.values_mut().iter_mut().zip(scores) {
                *value = f32::from_ne_bytes(*bytes);
            }
            to.classes.clear();
            to.classes.extend_from_slice(part(labels, mask));
            to.mask.fill_from(width, height, part(mask, bytes));
            let counts = BlockCounts::from_bytes(part(blocks, labels));
            (to.stats, to.masked) = fold(counts, pixels);
        })
    }
}

/// A captured part of the way.
pub(super) struct Part {
    graph: Graph,
    stream: Stream,
    /// Behind the last replay.
    done: Event,
    /// Between the stages, first to last.
    marks: Vec<Arc<Event>>,
    pub(super) results: Results,
}

impl Part {
    /// Runs what `ask` asks for once, so that whatever makes its buffers at its first use has them, and
    /// captures it. `ask` puts every mark.
    pub(super) fn capture(
        stream: &Stream,
        results: Results,
        marks: usize,
        mut ask: impl FnMut(&mut Work<'_>, &Results, &[Arc<Event>]) -> Result<(), TensorRtError>,
    ) -> Result<Self, TensorRtError> {
        let device = stream.device();
        let marks = (0..marks)
            .map(|_| Event::timed(device).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        stream.run(|work| ask(work, &results, &marks))?;
        stream.synchronize()?;
        let graph = stream.capture(|work| ask(work, &results, &marks))?;
        graph.upload()?;
        Ok(Self {
            graph,
            stream: stream.clone(),
            done: Event::new(device)?,
            marks,
            results,
        })
    }

    /// Starts it on what lies in its buffers now.
    pub(super) fn launch(&mut self, besides: &[&Arc<HostBuffer>]) -> Result<(), CudaError> {
        self.graph.launch(besides)?;
        self.done.record(&self.stream)
    }

    /// Waits until it is done.
    pub(super) fn wait(&self) -> Result<(), CudaError> {
        self.done.synchronize()
    }

    /// What each stage took on the GPU, after it is done.
    pub(super) fn stages<const N: usize>(&self) -> [Duration; N] {
        std::array::from_fn(|i| match self.marks.get(i..i + 2) {
            // a time that cannot be read is told as none: the frame is good all the same
            Some([from, to]) => from.elapsed_ms(to).map_or(Duration::ZERO, |ms| {
                Duration::try_from_secs_f32(ms / 1000.0).unwrap_or_default()
            }),
            _ => Duration::ZERO,
        })
    }
}
