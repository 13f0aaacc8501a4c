#!/usr/bin/env python3
"""Checks graphs in f16 with readers that are not ours.

usage: check_precision.py TO_FP16 [FRAMES]
needs: onnx, onnxruntime, numpy, Pillow; from the repository's root

TO_FP16 is the built example of that name. Both shipped graphs are converted. Then
- the checker of the package `onnx` must accept them, shape and type inference included;
- names, types and shapes at the ends must be those of the f32 graph;
- on pictures of FRAMES (a drawn one without it) and at both resolutions, ONNX Runtime must get from
  them what it gets from the f32 graphs with rounded weights: on x86 it rounds nothing else;
- with every tensor rounded too, as a GPU does it, the outputs must be near those in f32.
"""

import pathlib
import platform
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto
from PIL import Image

sys.path.insert(0, "scripts")
from bundle_frames import Bundle, pictures  # noqa: E402
from round_to_f16 import round_all, round_weights  # noqa: E402

BUNDLE = "models/road"
FRAMES = 6
# Every tensor rounded, against f32: a share of the spread of the values, of which one rounding to f16 takes
# up to 0.0005. A label may change where two classes are as good as equal.
MEAN_ERROR, LABELS = 0.001, 0.998
# The f16 graph against f32 with rounded weights: the same sums on x86; elsewhere ONNX Runtime may have
# f16 kernels, which round every tensor.
MEAN_CONVERTED = 1e-6 if platform.machine() in ("x86_64", "AMD64") else MEAN_ERROR

problems = []


def expect(holds, text):
    print(f"  {'ok ' if holds else 'BAD'} {text}")
    if not holds:
        problems.append(text)


def drawn(width=480, height=360):
    """The picture of tests/fixtures/make.py, at another size."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [(x * 13 + y * 7 + c * 50 + x * y // 16) % 256 for c in range(3)]
    return Image.fromarray(numpy.stack(planes, -1).astype(numpy.uint8))


def ends(model):
    describe = lambda v: (v.name, v.type.SerializeToString())
    return [[describe(v) for v in side] for side in (model.graph.input, model.graph.output)]


def session(model):
    options = onnxruntime.SessionOptions()
    # a pair of Casts must not be taken for nothing
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(sessions, bundle, image):
    """Logits and activations, then the observer on them."""
    seen = sessions["segmentation"].run(bundle.seen, {bundle.image: image})
    feed = {bundle.image: image, **dict(zip(bundle.seen, seen))}
    (doubt,) = sessions["observer"].run([bundle.observer], feed)
    return seen[0], doubt


def main():
    to_fp16 = sys.argv[1]
    bundle = Bundle(BUNDLE)
    models = {"f32": {}, "f16": {}, "weights": {}, "all": {}}
    for part in ("segmentation", "observer"):
        print(part)
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder) / "f16.onnx"
            subprocess.run([to_fp16, bundle.graph(part), target], check=True)
            f16 = onnx.load(target)
        f32 = onnx.load(bundle.graph(part))
        onnx.checker.check_model(f16, full_check=True)
        expect(True, "onnx.checker accepts it")
        expect(ends(f32) == ends(f16), "inputs and outputs are what they were")
        floats = [t.name for t in f16.graph.initializer if t.data_type == TensorProto.FLOAT]
        expect(all(n.endswith(".scales") for n in floats), f"in f32 stay {', '.join(floats)}")
        models["f32"][part], models["f16"][part] = f32, f16
        models["weights"][part], models["all"][part] = round_weights(f32), round_all(f32)
    sessions = {k: {p: session(m) for p, m in of.items()} for k, of in models.items()}
    if len(sys.argv) > 2:
        frames = [Image.open(p) for p in pictures(sys.argv[2], FRAMES)]
    else:
        frames = [drawn()]
    for name, rows in bundle.heights.items():
        print(f"{name} resolution, {len(frames)} pictures")
        results = [
            {k: run(s, bundle, bundle.planes(frame, rows)) for k, s in sessions.items()}
            for frame in frames
        ]
        join = lambda kind, which: numpy.stack([r[kind][which] for r in results])
        finite = all(numpy.isfinite(join("f16", i)).all() for i in (0, 1))
        expect(finite, "every value is finite")
        for which, what in enumerate(["logits", "observer"]):
            for kind, reference, limit, text in [
                ("f16", "weights", MEAN_CONVERTED, "the converted graph against rounded weights"),
                ("all", "f32", MEAN_ERROR, "every tensor rounded against f32"),
            ]:
                right = join(reference, which)
                error = numpy.abs(join(kind, which) - right)
                spread = numpy.ptp(right)
                expect(error.mean() <= limit * spread, f"{what}, {text}: mean error {error.mean():.6f}, largest "
                                                       f"{error.max():.4f}, spread {spread:.1f}")
        same = (join("all", 0).argmax(2) == join("f32", 0).argmax(2)).mean()
        expect(same > LABELS, f"labels that are the same: {100 * same:.3f} %")
    if problems:
        sys.exit(f"{len(problems)} of the checks failed")


if __name__ == "__main__":
    main()
