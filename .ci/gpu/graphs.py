#!/usr/bin/env python3
"""Writes the bundle's graphs in fp16 and in int8, by ONNX Runtime's own tools.

    graphs.py BUNDLE FOLDER

For building engines only: the ranges of int8 come from noise, so its numbers are of no use.
"""

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.transformers import float16

ROWS, COLUMNS = 224, 320


def size(dim: onnx.TensorShapeProto.Dimension) -> int:
    """Of a dimension such as 11, `height` or `width/8`."""
    if not dim.dim_param:
        return dim.dim_value
    name, _, stride = dim.dim_param.partition("/")
    return {"height": ROWS, "width": COLUMNS}[name] // int(stride or 1)


class Noise(CalibrationDataReader):
    """Two frames of it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        random = np.random.default_rng(7)
        shapes = {
            tensor.name: [size(dim) for dim in tensor.type.tensor_type.shape.dim]
            for tensor in graph.input
        }
        self.frames = iter(
            [
                {name: random.random(shape, np.float32) for name, shape in shapes.items()}
                for _ in range(2)
            ]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.frames, None)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    bundle, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger().setLevel(logging.ERROR)  # advice on preparing graphs for speed
    for name in ("segmentation", "observer"):
        source = bundle / f"{name}.onnx"
        half = float16.convert_float_to_float16(onnx.load(source), keep_io_types=True)
        onnx.save(half, folder / f"{name}.fp16.onnx")
        quantize_static(
            source,
            folder / f"{name}.int8.onnx",
            Noise(onnx.load(source).graph),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["Conv"],
            # What TensorRT takes: zero points of 0, and biases left alone.
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
            },
        )
        for kind in ("fp16", "int8"):
            path = folder / f"{name}.{kind}.onnx"
            print(f"{path}: {path.stat().st_size} bytes")


main()
