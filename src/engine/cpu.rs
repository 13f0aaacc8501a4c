//! What the engines on the CPU share: pre-processing, shapes, times, and the order of the parts.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Instant;

use super::preprocess::{Preprocessor, input_size};
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

    /// Runs the observer on the image that was segmented last.
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

    /// Of the first output.
    pub(super) fn other_shape(&self, expected: [usize; 4], found: Vec<usize>) -> EngineError {
        EngineError::Shape {
            engine: self.engine,
            tensor: self.outputs[0].clone(),
            expected,
            found,
        }
    }
}

/// Loads a bundle's segmentation network, and its observer where there is one, which is fed the
/// image and all that the segmentation network gives.
pub(super) fn load_graphs<G>(
    engine: &'static str,
    bundle: &Bundle,
    load: impl Fn(&Cow<'static, [u8]>, Names) -> Result<G, EngineError>,
) -> Result<(G, Option<G>), EngineError> {
    let names = |file: &String, inputs, outputs| Names {
        engine,
        file: file.clone(),
        inputs,
        outputs,
    };
    let manifest = bundle.manifest();
    let s = &manifest.segmentation;
    let image = vec![s.image.clone()];
    let given = [std::slice::from_ref(&s.logits), &s.activations].concat();
    let all = [&image[..], &given].concat();
    let segmentation = load(bundle.segmentation(), names(s.file.get_ref(), image, given))?;
    let observer = match (&manifest.observer, bundle.observer()) {
        (Some(o), Some(bytes)) => {
            let names = names(o.file.get_ref(), all, vec![o.output.clone()]);
            Some(load(bytes, names)?)
        }
        _ => None,
    };
    Ok((segmentation, observer))
}

/// A bundle's networks on a [`Backend`].
pub struct CpuEngine<B> {
    bundle: Bundle,
    pub(super) backend: B,
    preprocessor: Preprocessor,
    perception: Perception,
    /// Shape of the image that was segmented last; none after a failure.
    segmented: Option<[usize; 4]>,
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
        let side = *bundle.manifest().input.reduced_height.get_ref();
        super::select::try_out(&mut engine, bundle, (side, side))?;
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
        self.bundle.manifest().observer.is_some()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        // what is left of an earlier frame must not pass for this one's
        self.segmented = None;
        self.perception.clear();
        let manifest = self.bundle.manifest();
        let began = Instant::now();
        let size = input_size(&manifest.input, resolution, frame.width(), frame.height())?;
        self.preprocessor.run(frame, size)?;
        let prepared = Instant::now();

        let shape = [1, 3, size.1 as usize, size.0 as usize];
        let stride = *manifest.segmentation.stride.get_ref() as usize;
        let classes = manifest.classes.get_ref().len();
        let (height, width) = (shape[2] / stride, shape[3] / stride);
        let p = &mut self.perception;
        let out = Output {
            expected: [1, classes, height, width],
            values: &mut p.logits,
        };
        self.backend
            .segment(self.preprocessor.planes(), shape, out)?;
        (p.classes, p.height, p.width) = (classes, height, width);
        p.input = size;
        p.times.preprocess = prepared - began;
        p.times.segmentation = prepared.elapsed();
        self.segmented = Some(shape);
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        let shape = self.segmented.ok_or(EngineError::NothingSegmented)?;
        if !self.has_observer() {
            return Err(EngineError::NoObserver);
        }
        let began = Instant::now();
        let p = &mut self.perception;
        let out = Output {
            expected: [1, 1, p.height, p.width],
            values: &mut p.observer,
        };
        self.backend
            .observe(self.preprocessor.planes(), shape, out)?;
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
