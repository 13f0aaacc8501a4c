//! This crate on the software stand-in for a GPU: without a mistake of its own, and through `cudarc`'s own
//! interface too.
//!
//! `gpu/standin/test.sh --cargo` builds the stand-in and runs these.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../../tests/gpu/standin/mod.rs"]
mod standin;

use std::sync::{Arc, Mutex};

use cudarc::driver::CudaContext;
use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use lookout_gpu::cuda::{
    CudaError, Device, DeviceBuffer, Event, HostBuffer, HostKind, Module, Nvrtc, Priority, Stream,
    Work, probe,
};
use lookout_gpu::tensorrt::{self, BuildOptions, Library, Profile, ShapeRange};
use standin::{Policy, Standin};

const NEEDS: &str = "needs the stand-in on LD_LIBRARY_PATH";
const POLICIES: [Policy; 4] = [
    Policy::Eager,
    Policy::Late,
    Policy::Random(1),
    Policy::Random(2),
];

/// A graph whose output has its input's size: 1 x 3 x h x w.
fn onnx() -> Vec<u8> {
    fn bytes(field: u8, body: &[u8]) -> Vec<u8> {
        assert!(body.len() < 1 << 14);
        let length = [body.len() as u8 | 0x80, (body.len() >> 7) as u8];
        [&[field << 3 | 2][..], &length, body].concat()
    }
    fn number(field: u8, value: u8) -> Vec<u8> {
        vec![field << 3, value]
    }
    fn value(name: &str) -> Vec<u8> {
        let fixed = |n| bytes(1, &number(1, n));
        let named = |name: &str| bytes(1, &bytes(2, name.as_bytes()));
        let shape = [fixed(1), fixed(3), named("h"), named("w")].concat();
        let tensor = [number(1, 1), bytes(2, &shape)].concat();
        [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
    }
    let node = [bytes(1, b"image"), bytes(2, b"logits"), bytes(4, b"Relu")].concat();
    let graph = [
        bytes(1, &node),
        bytes(2, b"doubler"),
        bytes(11, &value("image")),
        bytes(12, &value("logits")),
    ];
    [
        number(1, 8),
        bytes(7, &graph.concat()),
        bytes(8, &number(2, 17)),
    ]
    .concat()
}

fn set_doubler(standin: &mut Standin) {
    standin.set_network(Box::new(|_, inputs, outputs| {
        let (input, output) = (inputs.first(), outputs.first_mut());
        let (input, output) = input.zip(output).ok_or("no tensors")?;
        assert_eq!(
            (input.name, output.shape.as_slice()),
            ("image", &[1, 3, 4, 8][..])
        );
        for (to, from) in output.data.iter_mut().zip(input.data) {
            *to = 2.0 * from;
        }
        Ok(())
    }));
}

#[test]
#[ignore = "needs the stand-in on LD_LIBRARY_PATH; gpu/standin/test.sh --cargo runs it"]
fn a_captured_network_runs_without_a_fault() {
    let mut standin = Standin::get();
    for policy in POLICIES {
        standin.reset();
        standin.policy(policy);
        set_doubler(&mut standin);
        doubled();
        assert_eq!(standin.network_failure(), None);
        assert_eq!(standin.check(), Vec::<String>::new(), "{policy:?}");
        assert_eq!(standin.leaks(), 0);
    }
}

#[derive(Debug)]
#[allow(dead_code, reason = "shown when a test fails")]
enum Failed {
    Cuda(CudaError),
    TensorRt(tensorrt::Error),
}

impl From<CudaError> for Failed {
    fn from(error: CudaError) -> Self {
        Self::Cuda(error)
    }
}

impl From<tensorrt::Error> for Failed {
    fn from(error: tensorrt::Error) -> Self {
        Self::TensorRt(error)
    }
}

/// Builds, warms up, captures and launches twice; looks at what comes out.
fn doubled() {
    const ELEMENTS: usize = 3 * 4 * 8;
    let proof = probe().expect(NEEDS);
    let device = Device::open(&proof, 0).unwrap();
    let stream = Stream::new(&device, Priority::Highest).unwrap();
    let library = Library::load().unwrap();
    let profile = Profile {
        inputs: vec![ShapeRange::fixed("image", [1, 3, 4, 8])],
    };
    let options = BuildOptions {
        profiles: vec![profile],
        ..BuildOptions::default()
    };
    let plan = library.build(&onnx(), &options).unwrap();
    let runtime = library.runtime(&proof).unwrap();
    let engine = runtime.deserialize(&plan).unwrap();
    let mut context = engine.context(0).unwrap();
    context.set_input_shape("image", [1, 3, 4, 8]).unwrap();
    assert_eq!(context.shape("logits").unwrap(), [1, 3, 4, 8]);
    let input = DeviceBuffer::new(&device, 4 * ELEMENTS).unwrap();
    let output = DeviceBuffer::new(&device, 4 * ELEMENTS).unwrap();
    context.bind("image", input.clone()).unwrap();
    context.bind("logits", output.clone()).unwrap();
    let context = Arc::new(Mutex::new(context));
    let upload = HostBuffer::new(&device, 4 * ELEMENTS, HostKind::Cached).unwrap();
    let download = HostBuffer::new(&device, 4 * ELEMENTS, HostKind::Cached).unwrap();
    let marks = [0; 2].map(|_| Arc::new(Event::timed(&device).unwrap()));
    let ask = |work: &mut Work<'_>| -> Result<(), Failed> {
        work.mark(&marks[0])?;
        work.upload(&upload, &input, 4 * ELEMENTS)?;
        work.network(&context)?;
        work.download(&output, &download, 4 * ELEMENTS)?;
        Ok(work.mark(&marks[1])?)
    };
    stream.run(ask).unwrap();
    stream.synchronize().unwrap();
    let mut graph = stream.capture(ask).unwrap();
    graph.upload().unwrap();
    for value in [1.0f32, 5.0] {
        let content = value.to_ne_bytes().repeat(ELEMENTS);
        upload.write(|to| to.copy_from_slice(&content)).unwrap();
        graph.launch(&[]).unwrap();
        let expected = (2.0 * value).to_ne_bytes().repeat(ELEMENTS);
        assert!(download.read(|from| from == expected).unwrap());
        marks[1].synchronize().unwrap();
        assert!(marks[0].elapsed_ms(&marks[1]).unwrap() >= 1.0);
    }
}

#[test]
#[ignore = "needs the stand-in on LD_LIBRARY_PATH; gpu/standin/test.sh --cargo runs it"]
fn kernels_are_compiled_and_found() {
    let standin = Standin::get();
    {
        let device = Device::open(&probe().expect(NEEDS), 0).unwrap();
        let nvrtc = Nvrtc::load().unwrap();
        let source = "extern \"C\" __global__ void judge(float* a) {}";
        let cubin = nvrtc
            .cubin("judge.cu", source, &["--gpu-architecture=sm_87"])
            .unwrap();
        let module = Module::load(&device, &cubin).unwrap();
        assert!(module.kernel("judge").is_ok());
        assert!(module.kernel("preprocess").is_err(), "not in the source");
        standin.fail_compile("judge.cu(7): error: no such type");
        let failed = nvrtc
            .cubin("judge.cu", source, &["--gpu-architecture=sm_87"])
            .unwrap_err();
        assert!(failed.to_string().contains("no such type"), "{failed}");
    }
    assert_eq!(standin.check(), Vec::<String>::new());
}

#[test]
#[ignore = "needs the stand-in on LD_LIBRARY_PATH; gpu/standin/test.sh --cargo runs it"]
fn the_safe_interface_of_cudarc_runs() {
    let mut standin = Standin::get();
    for (policy, pools) in POLICIES.into_iter().zip([true, false, true, false]) {
        standin.reset();
        standin.policy(policy);
        standin.memory_pools(pools);
        {
            let context = CudaContext::new(0).unwrap();
            assert_eq!(context.compute_capability().unwrap(), (8, 7));
            assert_eq!(context.name().unwrap(), "lookout stand-in");
            // The waits that it adds are for events from before the capture, which no capture allows.
            // SAFETY: there is one stream.
            unsafe { context.disable_event_tracking() };
            let stream = context.new_stream_with_priority(-1).unwrap();
            let mut data = stream.alloc_zeros::<f32>(4).unwrap();
            // SAFETY: written before it is read.
            let mut pinned = unsafe { context.alloc_pinned_with_flags::<f32>(4, 0) }.unwrap();
            pinned.as_mut_slice().unwrap().fill(3.0);
            stream.memcpy_htod(&pinned, &mut data).unwrap();
            let event = stream.record_event(None).unwrap();
            event.synchronize().unwrap();
            stream
                .begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
                .unwrap();
            stream.memset_zeros(&mut data).unwrap();
            let graph = stream.end_capture(CUgraphInstantiate_flags(0));
            let graph = graph.unwrap().unwrap();
            graph.launch().unwrap();
            stream.memcpy_dtoh(&data, &mut pinned).unwrap();
            stream.synchronize().unwrap();
            assert_eq!(pinned.as_slice().unwrap(), [0.0; 4]);
            drop((graph, data, pinned));
            stream.synchronize().unwrap();
        }
        assert_eq!(standin.check(), Vec::<String>::new(), "{policy:?}");
    }
}
