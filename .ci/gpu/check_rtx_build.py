#!/usr/bin/env python3
"""Builds strongly typed engines of graphs with NVIDIA's own library, on a machine without a GPU.

usage: check_rtx_build.py F32|F16|INT8 GRAPH.onnx [F32|F16|INT8 GRAPH.onnx ...]
needs: tensorrt-rtx-cu12-bindings, tensorrt-rtx-cu12-libs (PyPI); from the repository's root

TensorRT-RTX parses ONNX and builds an engine without a GPU; running it needs one. Every graph must parse
and build at the shipped bundle's sizes, keep f32 at its ends, and have its convolutions in the format
that is said before it, as the parser's network shows it.
"""

import sys
import tomllib

import tensorrt_rtx_bindings as trt

WIDTHS = {"full_height": 640, "reduced_height": 384}  # of a 1280x720 camera


def strides():
    """How much smaller than the image each tensor of the bundle is."""
    with open("models/road/model.toml", "rb") as file:
        manifest = tomllib.load(file)
    segmentation = manifest["segmentation"]
    known = {segmentation["image"]: 1, segmentation["logits"]: segmentation["stride"]}
    for name in segmentation["activations"]:
        known[name] = int("".join(c for c in name if c.isdigit()))
    sizes = [(manifest["input"][k], width) for k, width in WIDTHS.items()]
    return known, min(sizes), max(sizes)


def quantised(tensor, makers):
    """Whether a tensor comes from a DequantizeLinear."""
    maker = makers.get(tensor.name)
    return maker is not None and maker.type == trt.LayerType.DEQUANTIZE


def convolutions(network, wanted):
    """How many convolutions there are, and how many are in the wanted format."""
    layers = [network.get_layer(i) for i in range(network.num_layers)]
    makers = {l.get_output(i).name: l for l in layers for i in range(l.num_outputs)}
    found = [l for l in layers if l.type == trt.LayerType.CONVOLUTION]
    holds = {
        "F32": lambda l: l.get_output(0).dtype == trt.float32
        and not quantised(l.get_input(0), makers),
        "F16": lambda l: l.get_output(0).dtype == trt.float16,
        "INT8": lambda l: quantised(l.get_input(0), makers) and quantised(l.get_input(1), makers),
    }[wanted]
    return len(found), sum(map(holds, found))


def build(logger, path, wanted, known, least, most):
    """Problems with a graph, in words."""
    builder = trt.Builder(logger)
    # TensorRT-RTX knows no other networks than strongly typed ones; older ones want it said
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if flag is None else 1 << int(flag))
    parser = trt.OnnxParser(network, logger)
    with open(path, "rb") as file:
        if not parser.parse(file.read()):
            return [parser.get_error(i).desc() for i in range(parser.num_errors)]
    problems = []
    profile = builder.create_optimization_profile()
    for i in range(network.num_inputs):
        tensor = network.get_input(i)
        shape = lambda size: [1, tensor.shape[1], *(n // known[tensor.name] for n in size)]
        profile.set_shape(tensor.name, shape(least), shape(most), shape(most))
    ends = [network.get_input(i) for i in range(network.num_inputs)]
    ends += [network.get_output(i) for i in range(network.num_outputs)]
    problems += [f"{t.name} is {t.dtype}" for t in ends if t.dtype != trt.float32]
    total, right = convolutions(network, wanted)
    if right != total or total == 0:
        problems.append(f"{right} of {total} convolutions are {wanted}")
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM89, 0)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        return [*problems, "the builder gave no engine"]
    print(f"{path}: {total} convolutions, {right} in {wanted}; engine of {engine.nbytes} bytes")
    return problems


def main():
    pairs = list(zip(sys.argv[1::2], sys.argv[2::2]))
    if not pairs or any(wanted not in ("F32", "F16", "INT8") for wanted, _ in pairs):
        sys.exit(__doc__)
    print(f"TensorRT-RTX {trt.__version__}")
    logger = trt.Logger(trt.Logger.WARNING)
    failed = 0
    for wanted, path in pairs:
        for problem in build(logger, path, wanted, *strides()):
            failed += 1
            print(f"BAD {path}: {problem}")
    if failed:
        sys.exit(f"{failed} problems")


if __name__ == "__main__":
    main()
