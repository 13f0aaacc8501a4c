#!/usr/bin/env python3
"""Quantises the two networks of a bundle to 8 bits: static QDQ, scales from calibration frames.

usage: quantize_bundle.py BUNDLE FRAMES OUT [options]
needs: onnx, onnxruntime, numpy, Pillow, sympy (PyPI), Python 3.11

Writes OUT/segmentation.int8.onnx, OUT/observer.int8.onnx and OUT/report.json. Graph inputs and
outputs keep their names and stay f32. FRAMES is a folder of pictures of the camera's world, none of
which is used to judge the result.

Default (--for tensorrt) is what TensorRT takes: symmetric int8 for weights (one scale a channel) and
activations (one scale a tensor), Q/DQ in front of each convolution and nowhere between a convolution
and its Relu or residual Add, so that these still fuse; biases stay float. --for cpu is what ONNX
Runtime's CPU kernels like: unsigned activations with a zero point, which do not waste half of the
range after a Relu.

The observer is calibrated on what the quantised segmentation network gives it, as it will be fed.
"""

import argparse
import contextlib
import json
import logging
import pathlib
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from bundle_frames import Bundle, pictures

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
PROVIDERS = ["CPUExecutionProvider"]


class Feeds(CalibrationDataReader):
    """Inputs of one network, made when they are asked for.

    Every other frame is at full and at reduced resolution: one set of scales serves both.
    """

    def __init__(self, bundle, paths, segmentation=None):
        self.bundle, self.paths = bundle, paths
        self.rows = list(bundle.heights.values())
        self.session = segmentation and onnxruntime.InferenceSession(
            segmentation, providers=PROVIDERS
        )
        self.set_range(0, len(paths))

    def __len__(self):
        return len(self.paths)

    def set_range(self, start_index, end_index):
        self.left = iter(range(start_index, end_index))

    def get_next(self):
        index = next(self.left, None)
        if index is None:
            return None
        picture = Image.open(self.paths[index])
        feed = {self.bundle.image: self.bundle.planes(picture, self.rows[index % len(self.rows)])}
        if self.session:
            feed |= zip(self.bundle.seen, self.session.run(self.bundle.seen, feed))
        return feed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("frames", type=pathlib.Path, help="folder of calibration pictures")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--for", dest="target", choices=["tensorrt", "cpu"], default="tensorrt")
    parser.add_argument("--count", type=int, default=48, help="calibration frames (default 48)")
    parser.add_argument("--method", choices=METHODS, default="percentile")
    parser.add_argument("--percentile", type=float, default=99.999)
    parser.add_argument(
        "--float",
        dest="kept",
        action="append",
        default=[],
        metavar="NODE",
        help="leave convolutions whose output starts with NODE in float; repeatable",
    )
    return parser.parse_args()


def named(source, target):
    """The graph with shapes inferred and a name on every node: its first output."""
    quant_pre_process(source, target, skip_optimization=True, skip_symbolic_shape=True)
    model = onnx.load(target)
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.save(model, target)
    return model


def quantize(source, target, feeds, args):
    """Writes the quantised graph; returns how many convolutions are in 8 bits and in float."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = str(pathlib.Path(folder) / "prepared.onnx")
        model = named(str(source), prepared)
        convolutions = [n.name for n in model.graph.node if n.op_type == "Conv"]
        kept = [n for n in convolutions if any(n.startswith(k) for k in args.kept)]
        for_tensorrt = args.target == "tensorrt"
        # it prints to stdout, which is for the result
        with contextlib.redirect_stdout(sys.stderr):
            quantize_static(
                prepared,
                str(target),
                feeds,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=kept,
                per_channel=True,
                activation_type=QuantType.QInt8 if for_tensorrt else QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=METHODS[args.method],
                extra_options={
                    "ActivationSymmetric": for_tensorrt,
                    "WeightSymmetric": True,
                    "QuantizeBias": not for_tensorrt,
                    # Q/DQ in front of convolutions only
                    "OpTypesToExcludeOutputQuantization": ["Conv"],
                    "CalibPercentile": args.percentile,
                    # frame by frame: they differ in size, and so it needs the memory of one
                    "CalibStridedMinMax": 1,
                    # the f32 weights with Q and DQ behind them: every TensorRT since 8 takes that
                    "AddQDQPairToWeight": for_tensorrt,
                },
            )
    check(onnx.load(source), onnx.load(target))
    return {"int8": len(convolutions) - len(kept), "float": len(kept), "float_nodes": kept}


def check(before, after):
    """The quantised graph must be a drop-in: same names and types at its ends."""
    onnx.checker.check_model(after, full_check=True)
    ends = lambda values: [(v.name, v.type.tensor_type.elem_type) for v in values]
    for side in ("input", "output"):
        old, new = (ends(getattr(m.graph, side)) for m in (before, after))
        if old != new:
            sys.exit(f"{side}s changed from {old} to {new}")


def differences(bundle, paths, graphs):
    """Largest and mean change of every output, by network, on calibration frames."""
    result = {}
    sessions = {
        (part, which): onnxruntime.InferenceSession(path, providers=PROVIDERS)
        for part, pair in graphs.items()
        for which, path in pair.items()
    }
    sums = {}
    for path in paths:
        feed = {bundle.image: bundle.planes(Image.open(path), bundle.heights["full"])}
        outputs = {}
        for which in ("f32", "int8"):
            seen = sessions["segmentation", which].run(bundle.seen, feed)
            inputs = {**feed, **dict(zip(bundle.seen, seen))}
            (doubt,) = sessions["observer", which].run([bundle.observer], inputs)
            outputs[which] = dict(zip([*bundle.seen, bundle.observer], [*seen, doubt]))
        for name, exact in outputs["f32"].items():
            error = numpy.abs(outputs["int8"][name] - exact)
            sums.setdefault(name, []).append((error.max(), error.mean(), exact.std()))
    for name, rows in sums.items():
        largest, mean, spread = zip(*rows)
        result[name] = {
            "largest_error": float(max(largest)),
            "mean_error": float(numpy.mean(mean)),
            "spread_of_f32": float(numpy.mean(spread)),
        }
    return result


def main():
    args = arguments()
    logging.getLogger().setLevel(logging.ERROR)
    bundle = Bundle(args.bundle)
    paths = pictures(args.frames, args.count)
    if not paths:
        sys.exit(f"no pictures in {args.frames}")
    args.out.mkdir(parents=True, exist_ok=True)
    graphs, layers = {}, {}
    for part in ("segmentation", "observer"):
        target = args.out / f"{part}.int8.onnx"
        before = graphs.get("segmentation")
        feeds = Feeds(bundle, paths, before and before["int8"])
        layers[part] = quantize(bundle.graph(part), target, feeds, args)
        graphs[part] = {"f32": str(bundle.graph(part)), "int8": str(target)}
        print(f"{target}: {layers[part]['int8']} convolutions in int8, "
              f"{layers[part]['float']} in float", file=sys.stderr)
    report = {
        "bundle": bundle.manifest["name"],
        "for": args.target,
        "method": args.method,
        "percentile": args.percentile if args.method == "percentile" else None,
        "frames": [p.name for p in paths],
        "convolutions": layers,
        "outputs": differences(bundle, paths[:: max(1, len(paths) // 8)], graphs),
        "onnxruntime": onnxruntime.__version__,
    }
    (args.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    for name, row in report["outputs"].items():
        print(f"  {name:<12} mean error {row['mean_error']:.4f}, largest "
              f"{row['largest_error']:.3f}, spread of f32 {row['spread_of_f32']:.3f}")


if __name__ == "__main__":
    main()
