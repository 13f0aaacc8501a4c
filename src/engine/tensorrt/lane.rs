//! One size of the networks' input: its buffers, and both parts captured on them.

use std::sync::{Arc, Mutex};

use lookout_gpu::cuda::{CudaError, Device, DeviceBuffer, HostBuffer, HostKind, Stream};
use lookout_gpu::tensorrt::{Context, DataType, DeviceMemory, Engine};

use super::TensorRtError;
use super::kernels::{FrameParams, InputParams, JudgeParams, Taps};
use super::launch::{Judged, Kernels, Params};
use super::part::{Part, Results, Wanted};
use super::slots::Taken;
use crate::engine::{Area, EngineError, Judge, Placement};
use crate::model::{Head, Manifest};

const NAME: &str = super::NAME;

/// What all lanes share. TensorRT's objects go before the stream, which keeps the CUDA context that they
/// live in.
pub(super) struct Gpu {
    pub(super) segmentation: Engine,
    /// Of the head that runs.
    pub(super) head: Option<Engine>,
    pub(super) kernels: Kernels,
    /// One stream for all that the networks do, before whatever else the GPU does.
    pub(super) stream: Stream,
}

/// How a lane is judged: after the segmentation network, after the head.
pub(super) type Verdicts = [Option<Judge>; 2];

/// The resizing tables of a camera's size.
struct Tables {
    camera: (u32, u32),
    columns: Arc<DeviceBuffer>,
    rows: Arc<DeviceBuffer>,
}

/// Buffers and graphs for one input size.
pub(super) struct Lane {
    pub(super) segmentation: Part,
    pub(super) head: Option<Part>,
    /// What makes logits of the head's values.
    center_and_scale: (f32, f32),
    /// How frames lie in the input.
    pub(super) placement: Placement,
    pub(super) classes: usize,
    params: Arc<HostBuffer>,
    tables: Option<Tables>,
    device: Device,
}

impl Lane {
    /// Makes the buffers, runs both networks once on whatever is in them, and captures them. `profile` is
    /// the engines' for that size.
    pub(super) fn new(
        gpu: &Gpu,
        manifest: &Manifest,
        profile: usize,
        placement: Placement,
        wanted: [Wanted; 2],
    ) -> Result<Self, EngineError> {
        let built = Build {
            gpu,
            manifest,
            profile,
            placement,
            classes: manifest.classes.get_ref().len(),
        };
        built.lane(wanted)
    }

    /// Starts the mandatory part on a message.
    pub(super) fn start(&mut self, taken: &Taken, judges: Verdicts) -> Result<(), TensorRtError> {
        let message = &taken.message;
        let camera = (message.width, message.height);
        let tables = match self.tables.take().filter(|tables| tables.camera == camera) {
            Some(tables) => tables,
            None => Tables::new(&self.device, camera, self.placement.picture)?,
        };
        let tables = self.tables.insert(tables);
        let frame = FrameParams {
            pixels: taken.address,
            columns: tables.columns.address(),
            rows: tables.rows.address(),
            width: message.width,
            height: message.height,
            step: message.step,
            encoding: FrameParams::encoding_number(message.encoding),
            big_endian: u32::from(message.big_endian),
            reserved: 0,
        };
        write(&self.params, &frame, judges.map(|judge| self.judge(judge)))?;
        let in_place: &[&Arc<HostBuffer>] = match &taken.in_place {
            Some(host) => &[host],
            None => &[],
        };
        Ok(self.segmentation.launch(in_place)?)
    }

    /// Without a judge every pixel is anomalous: nobody is to see that, and if it was seen, it is safe.
    fn judge(&self, judge: Option<Judge>) -> JudgeParams {
        let judge = judge.unwrap_or(Judge {
            score: crate::score::ScoreKind::MaxLogit,
            threshold: f32::NAN,
        });
        let kind = JudgeParams::kind_number(judge.score);
        let (center, scale) = self.center_and_scale;
        let classes = self.classes as u32;
        JudgeParams {
            center,
            scale,
            ..JudgeParams::new(kind, classes, judge.threshold, &self.placement)
        }
    }
}

/// Puts parameters where the next replay takes them from.
fn write(
    params: &HostBuffer,
    frame: &FrameParams,
    [segmented, observed]: [JudgeParams; 2],
) -> Result<(), CudaError> {
    params.write(|bytes| {
        for (at, part) in [
            (Params::FRAME, frame.to_bytes().as_slice()),
            (Params::SEGMENTED, &segmented.to_bytes()),
            (Params::OBSERVED, &observed.to_bytes()),
        ] {
            if let Some(to) = bytes.get_mut(at..at + part.len()) {
                to.copy_from_slice(part);
            }
        }
    })
}

impl Tables {
    /// From a camera's size to a part of the input.
    fn new(device: &Device, camera: (u32, u32), picture: Area) -> Result<Self, TensorRtError> {
        let table = |source, target| {
            // a message has at least one pixel, and so has an input
            let taps = Taps::new(source, target).ok_or(CudaError::invalid("resize nothing"))?;
            DeviceBuffer::with(device, taps.bytes())
        };
        Ok(Self {
            camera,
            columns: table(camera.0, picture.width)?,
            rows: table(camera.1, picture.height)?,
        })
    }
}

/// What a lane is made from.
struct Build<'a> {
    gpu: &'a Gpu,
    manifest: &'a Manifest,
    profile: usize,
    placement: Placement,
    classes: usize,
}

/// A tensor that is bound.
struct Bound {
    name: String,
    shape: Vec<i64>,
    memory: Arc<DeviceBuffer>,
}

impl Build<'_> {
    fn lane(&self, wanted: [Wanted; 2]) -> Result<Lane, EngineError> {
        let device = self.gpu.stream.device();
        let make = |bytes| DeviceBuffer::new(device, bytes).map_err(TensorRtError::from);
        let params = HostBuffer::new(device, Params::BYTES, HostKind::Cached)
            .map_err(TensorRtError::from)?;
        let on_device = make(Params::BYTES)?;
        let Placement { input, picture, .. } = self.placement;
        let image = make(12 * input.0 as usize * input.1 as usize)?;
        let tensors = vec![Bound {
            name: self.manifest.segmentation.image.clone(),
            shape: vec![1, 3, i64::from(input.1), i64::from(input.0)],
            memory: image.clone(),
        }];

        // a first frame for the dry run: grey, of the size that frames have in the input
        let (width, height) = (picture.width, picture.height);
        let grey = DeviceBuffer::with(device, &vec![127; 3 * width as usize * height as usize])
            .map_err(TensorRtError::from)?;
        let tables = Tables::new(device, (width, height), picture)?;
        let frame = FrameParams {
            pixels: grey.address(),
            columns: tables.columns.address(),
            rows: tables.rows.address(),
            width,
            height,
            step: 3 * width,
            encoding: FrameParams::encoding_number(crate::frame::Encoding::Rgb8),
            big_endian: 0,
            reserved: 0,
        };
        let judge = JudgeParams::new(0, self.classes as u32, f32::NAN, &self.placement);
        write(&params, &frame, [judge; 2]).map_err(TensorRtError::from)?;

        let (context, tensors) = self.network(&self.gpu.segmentation, tensors)?;
        let s = &self.manifest.segmentation;
        let logits = self.output(&tensors, s.file.get_ref(), &s.logits, self.classes)?;
        let segmentation =
            self.segmentation(&params, &on_device, &image, &context, &logits, wanted[0])?;
        let described = self.manifest.head.as_ref();
        let head = match (&self.gpu.head, described) {
            (Some(engine), Some(head)) => {
                let (context, tensors) = self.network(engine, tensors)?;
                let plane = self.output(&tensors, &head.graph_name(), head.output.get_ref(), 1)?;
                Some(self.head(&on_device, &context, &logits, &plane, wanted[1])?)
            }
            _ => None,
        };
        Ok(Lane {
            segmentation,
            head,
            center_and_scale: described.map_or((0.0, 1.0), Head::center_and_scale),
            placement: self.placement,
            classes: self.classes,
            params,
            tables: None,
            device: device.clone(),
        })
    }

    /// A context of an engine whose inputs are bound to `tensors`, and its outputs to new ones among them.
    fn network(
        &self,
        engine: &Engine,
        mut tensors: Vec<Bound>,
    ) -> Result<(Arc<Mutex<Context>>, Vec<Bound>), TensorRtError> {
        let mut context = engine.context(self.profile)?;
        for tensor in engine.tensors() {
            if tensor.dtype != DataType::Float {
                return Err(TensorRtError::TensorType {
                    tensor: tensor.name.clone(),
                    found: tensor.dtype,
                });
            }
        }
        for tensor in engine.tensors().iter().filter(|tensor| tensor.input) {
            let bound = tensors.iter().find(|bound| bound.name == tensor.name);
            let bound = bound.ok_or_else(|| TensorRtError::NoSuchTensor {
                tensor: tensor.name.clone(),
            })?;
            let shape = <[i64; 4]>::try_from(bound.shape.as_slice());
            let shape = shape.map_err(|_| TensorRtError::NoSuchTensor {
                tensor: tensor.name.clone(),
            })?;
            context.set_input_shape(&tensor.name, shape)?;
            context.bind(&tensor.name, bound.memory.clone())?;
        }
        for tensor in engine.tensors().iter().filter(|tensor| !tensor.input) {
            let bytes = usize::try_from(context.bytes(&tensor.name)?).unwrap_or(usize::MAX);
            let memory = DeviceBuffer::new(self.gpu.stream.device(), bytes)?;
            context.bind(&tensor.name, memory.clone())?;
            tensors.push(Bound {
                name: tensor.name.clone(),
                shape: context.shape(&tensor.name)?,
                memory,
            });
        }
        Ok((Arc::new(Mutex::new(context)), tensors))
    }

    /// Pixels of results: the frame's part is judged, planes come as they are.
    fn pixels(&self, wanted: Wanted) -> usize {
        let Placement { logits, cells, .. } = self.placement;
        match wanted {
            Wanted::Judgement => cells.width as usize * cells.height as usize,
            Wanted::Nothing | Wanted::Logits => logits.0 as usize * logits.1 as usize,
        }
    }

    /// An output of the shape that the manifest promises.
    fn output(
        &self,
        tensors: &[Bound],
        graph: &str,
        name: &str,
        planes: usize,
    ) -> Result<Arc<DeviceBuffer>, EngineError> {
        let bound = tensors.iter().find(|bound| bound.name == name);
        let bound = bound.ok_or_else(|| TensorRtError::NoSuchTensor {
            tensor: name.to_owned(),
        })?;
        let (columns, rows) = self.placement.logits;
        let expected = [1, planes, rows as usize, columns as usize];
        let found: Vec<usize> = bound.shape.iter().map(|&n| n.max(0) as usize).collect();
        match found == expected {
            true => Ok(bound.memory.clone()),
            false => Err(EngineError::Shape {
                engine: NAME,
                tensor: format!("{graph}: {name}"),
                expected,
                found,
            }),
        }
    }

    fn segmentation(
        &self,
        host: &Arc<HostBuffer>,
        params: &Arc<DeviceBuffer>,
        image: &Arc<DeviceBuffer>,
        context: &Arc<Mutex<Context>>,
        logits: &Arc<DeviceBuffer>,
        wanted: Wanted,
    ) -> Result<Part, TensorRtError> {
        let device = self.gpu.stream.device();
        let results = Results::new(device, wanted, self.pixels(wanted), self.classes)?;
        let Placement { input, picture, .. } = self.placement;
        let input = InputParams::new(&self.manifest.input, input, picture);
        let kernels = &self.gpu.kernels;
        Part::capture(&self.gpu.stream, results, 5, |work, results, marks| {
            work.mark(&marks[0])?;
            work.upload(host, params, Params::BYTES)?;
            kernels.preprocess(work, params, image, input)?;
            work.mark(&marks[1])?;
            work.network(context)?;
            work.mark(&marks[2])?;
            if let Some(out) = &results.judged {
                let judged = Judged {
                    logits,
                    head: None,
                    params,
                    at: Params::SEGMENTED,
                    classes: self.classes,
                    plane: self.pixels(Wanted::Logits),
                };
                kernels.judge(work, &judged, out, results.layout)?;
            }
            work.mark(&marks[3])?;
            results.download(work, logits)?;
            Ok(work.mark(&marks[4])?)
        })
    }

    fn head(
        &self,
        params: &Arc<DeviceBuffer>,
        context: &Arc<Mutex<Context>>,
        logits: &Arc<DeviceBuffer>,
        plane: &Arc<DeviceBuffer>,
        wanted: Wanted,
    ) -> Result<Part, TensorRtError> {
        let pixels = self.pixels(wanted);
        let results = Results::new(self.gpu.stream.device(), wanted, pixels, 1)?;
        let kernels = &self.gpu.kernels;
        Part::capture(&self.gpu.stream, results, 4, |work, results, marks| {
            work.mark(&marks[0])?;
            work.network(context)?;
            work.mark(&marks[1])?;
            if let Some(out) = &results.judged {
                let judged = Judged {
                    logits,
                    head: Some(plane),
                    params,
                    at: Params::OBSERVED,
                    classes: self.classes,
                    plane: self.pixels(Wanted::Logits),
                };
                kernels.judge(work, &judged, out, results.layout)?;
            }
            work.mark(&marks[2])?;
            results.download(work, plane)?;
            Ok(work.mark(&marks[3])?)
        })
    }
}
