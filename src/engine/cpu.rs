//! What the engines on the CPU share: pre-processing, shapes, times, and the order of the parts.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Instant;

use super::placement::{Placement, cut};
use super::preprocess::Preprocessor;
use super::{Engine, EngineError, Perception, Resolution};
use crate::frame::Frame;
use crate::model::Bundle;

/// A library that runs a bundle's graphs on planes in memory.
pub trait Backend: Send {
    /// Short name: `rten`, `ort`.
    const NAME: &'static str;

    /// Library, version, threads, in words for people.
    fn description(&self) -> String;

    /// Runs the segmentation network on an f32 image of `shape` [1, 3, H, W], writes the logits to
    /// `out`, and keeps logits and activations for [`observe`](Self::observe).
    ///
    /// # Errors
    /// A failure of the library; a tensor of another shape than the manifest promises.
    fn segment(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError>;

    /// Runs the head on the image that was segmented last and what the segmentation network gave of it.
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    fn observe(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError>;
}

/// Where an f32 output goes.
#[derive(Debug)]
pub struct Output<'a> {
    /// The shape that it must have.
    pub expected: [usize; 4],
    /// Its values, row-major; what is in it is replaced.
    pub values: &'a mut Vec<f32>,
}

/// A graph's file and the tensors that we feed and read, as the manifest names them; and the errors
/// that name them.
pub(super) struct Names {
    engine: &'static str,
    file: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
}

impl Names {
    pub(super) fn not_loaded(&self, message: impl Display) -> EngineError {
        EngineError::Load {
            engine: self.engine,
            graph: self.file.clone(),
            message: message.to_string(),
        }
    }

    pub(super) fn missing(&self, tensor: &str) -> EngineError {
        EngineError::MissingTensor {
            engine: self.engine,
            graph: self.file.clone(),
            tensor: tensor.to_owned(),
        }
    }

    pub(super) fn failed(&self, message: impl Display) -> EngineError {
        EngineError::Run {
            engine: self.engine,
            graph: self.file.clone(),
            message: message.to_string(),
        }
    }

    /// The output of that name; `None` where the graph has no such output.
    pub(super) fn place(&self, output: &str) -> Option<usize> {
        self.outputs.iter().position(|name| name == output)
    }

    /// Of the first output.
    pub(super) fn other_shape(&self, expected: [usize; 4], found: Vec<usize>) -> EngineError {
        EngineError::Shape {
            engine: self.engine,
            tensor: format!("{}: {}", self.file, self.outputs[0]),
            expected,
            found,
        }
    }
}

/// Loads a bundle's segmentation network, and the head that runs where there is one.
pub(super) fn load_graphs<G>(
    engine: &'static str,
    bundle: &Bundle,
    load: impl Fn(&Cow<'static, [u8]>, Names) -> Result<G, EngineError>,
) -> Result<(G, Option<G>), EngineError> {
    let names = |file: String, inputs, outputs| Names {
        engine,
        file,
        inputs,
        outputs,
    };
    let manifest = bundle.manifest();
    let s = &manifest.segmentation;
    let image = vec![s.image.clone()];
    let given = [std::slice::from_ref(&s.logits), &s.activations].concat();
    let file = s.file.get_ref().clone();
    let segmentation = load(bundle.segmentation(), names(file, image, given))?;
    let head = match (&manifest.head, bundle.head()) {
        (Some(head), Some(bytes)) => {
            let inputs = head.inputs.get_ref().clone();
            let output = head.output.get_ref().clone();
            Some(load(bytes, names(head.graph_name(), inputs, vec![output]))?)
        }
        _ => None,
    };
    Ok((segmentation, head))
}

/// The shape of so many planes of that width and height.
fn shape(planes: usize, (width, height): (u32, u32)) -> [usize; 4] {
    [1, planes, height as usize, width as usize]
}

/// A bundle's networks on a [`Backend`].
pub struct CpuEngine<B> {
    bundle: Bundle,
    pub(super) backend: B,
    preprocessor: Preprocessor,
    perception: Perception,
    /// How the frame that was segmented last lay in the input; none after a failure.
    segmented: Option<Placement>,
}

impl<B: Backend> CpuEngine<B> {
    /// Tries the backend on a grey frame before anything else is done with it.
    pub(super) fn new(bundle: &Bundle, backend: B) -> Result<Self, EngineError> {
        let mut engine = Self {
            bundle: bundle.clone(),
            backend,
            preprocessor: Preprocessor::new(&bundle.manifest().input),
            perception: Perception::default(),
            segmented: None,
        };
        super::trial::try_out(&mut engine, bundle, None)?;
        Ok(engine)
    }
}

impl<B: Backend> Engine for CpuEngine<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }

    fn description(&self) -> String {
        self.backend.description()
    }

    fn has_observer(&self) -> bool {
        self.bundle.manifest().head.is_some()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        // what is left of an earlier frame must not pass for this one's
        self.segmented = None;
        self.perception.clear();
        let manifest = self.bundle.manifest();
        let began = Instant::now();
        let placement = Placement::new(manifest, resolution, frame.width(), frame.height())?;
        self.preprocessor.place(frame, &placement)?;
        let prepared = Instant::now();

        let Placement {
            input,
            logits,
            cells,
            ..
        } = placement;
        let classes = manifest.classes.get_ref().len();
        let p = &mut self.perception;
        let out = Output {
            expected: shape(classes, logits),
            values: &mut p.logits,
        };
        let planes = self.preprocessor.planes();
        self.backend.segment(planes, shape(3, input), out)?;
        cut(&mut p.logits, classes, logits, cells);
        p.classes = classes;
        (p.width, p.height) = (cells.width as usize, cells.height as usize);
        p.input = input;
        p.times.preprocess = prepared - began;
        p.times.segmentation = prepared.elapsed();
        self.segmented = Some(placement);
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        let placement = self.segmented.ok_or(EngineError::NothingSegmented)?;
        let head = self.bundle.manifest().head.as_ref();
        let head = head.ok_or(EngineError::NoObserver)?;
        let began = Instant::now();
        let p = &mut self.perception;
        let out = Output {
            expected: shape(1, placement.logits),
            values: &mut p.observer,
        };
        let planes = self.preprocessor.planes();
        self.backend
            .observe(planes, shape(3, placement.input), out)?;
        cut(&mut p.observer, 1, placement.logits, placement.cells);
        head.to_logits(&mut p.observer);
        p.has_observer = true;
        p.times.observer = began.elapsed();
        Ok(())
    }

    fn perception(&self) -> &Perception {
        &self.perception
    }
}

impl<B: Backend> std::fmt::Debug for CpuEngine<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuEngine")
            .field("backend", &B::NAME)
            .field("bundle", &self.bundle)
            .finish_non_exhaustive()
    }
}
