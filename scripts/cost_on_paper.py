#!/usr/bin/env python3
"""What a frame costs on a GPU, counted from the graphs: nothing here is measured.

usage: cost_on_paper.py [BUNDLE] [--layers]
needs: onnx, Pillow, numpy (PyPI), Python 3.11

Prints markdown: multiply-accumulates and bytes moved by the networks, bytes of the kernels around them,
host traffic, and the time that these allow on some devices (roofline). A convolution counts with the
Add and Relu that fuse into it, as TensorRT does it; every layer reads and writes its tensors once.
--layers lists the layers of the first camera.
"""

import argparse
import dataclasses
import math

import onnx
from onnx import numpy_helper

from bundle_frames import Bundle

CAMERAS = [(1280, 720), (480, 360)]


@dataclasses.dataclass
class Device:
    """Peaks as published, dense."""

    name: str
    f32: float  # FLOP/s of the CUDA cores
    f16: float  # FLOP/s of the tensor cores
    bandwidth: float  # bytes/s
    link: float  # bytes/s of the host link; 0 where the GPU reads the camera's memory


# docs/gpu.md names the sources.
DEVICES = [
    Device("Orin Nano 8GB", 1.28e12, 10e12, 68e9, 0),
    Device("Orin Nano 8GB, Super", 2.09e12, 17e12, 102e9, 0),
    Device("AGX Orin 64GB", 5.3e12, 42.5e12, 204.8e9, 0),
    Device("RTX 4060", 15.1e12, 30.2e12, 272e9, 15.75e9),
]
# Shares of the peaks that well-written kernels reach: small layers less, large ones more.
SHARES = {"hopeful": (0.5, 0.8), "cautious": (0.3, 0.7)}
# Seconds a kernel: a launch on a stream, and the gap between two kernels of a captured graph.
LAUNCH, GRAPH_GAP, GRAPH_LAUNCH = 5e-6, 1e-6, 5e-6


@dataclasses.dataclass
class Layer:
    """A kernel: what it reads and writes, in values, by their format."""

    name: str
    macs: int = 0
    values: int = 0  # of the network's own format
    weights: int = 0
    f32: int = 0  # always f32

    def bytes(self, size):
        return size * (self.values + self.weights) + 4 * self.f32

    def seconds(self, device, size, shares):
        peak = device.f32 if size == 4 else device.f16
        compute = 2 * self.macs / (peak * shares[0])
        return max(compute, self.bytes(size) / (device.bandwidth * shares[1]))


def shapes_of(model, inputs):
    """Shape of every tensor for these input shapes."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for value in model.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, inputs[value.name]):
            dim.Clear()
            dim.dim_value = size
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def fused(graph):
    """Nodes by layer: a convolution takes the Add behind it, where it is the last operand to come,
    and the Relu behind that."""
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {v.name for v in graph.output}
    made, taken, layers = set(), set(), []
    made.update(v.name for v in graph.input)
    made.update(t.name for t in graph.initializer)

    def follower(name, kind):
        """The one node that reads the tensor, if it is of that kind and nobody else needs it."""
        found = readers.get(name, [])
        if len(found) == 1 and name not in outputs and found[0].op_type == kind:
            return found[0]
        return None

    for node in graph.node:
        if node.output[0] in taken:
            continue
        layer = [node]
        made.add(node.output[0])
        last = node.output[0]
        if node.op_type in ("Conv", "Add"):
            add = follower(last, "Add") if node.op_type == "Conv" else None
            if add and all(name in made for name in add.input):
                layer.append(add)
                last = add.output[0]
            relu = follower(last, "Relu")
            if relu:
                layer.append(relu)
        for extra in layer[1:]:
            taken.add(extra.output[0])
            made.add(extra.output[0])
        layers.append(layer)
    return layers


def layers_of(model, inputs, casts):
    """The layers of a graph; with `casts` also those to and from f32 at its ends."""
    graph, shapes = model.graph, shapes_of(model, inputs)
    weights = {t.name: numpy_helper.to_array(t).size for t in graph.initializer}
    size = lambda name: math.prod(shapes[name])
    layers = []
    if casts:
        for value in graph.input:
            layers.append(Layer(f"cast {value.name}", values=size(value.name), f32=size(value.name)))
    for nodes in fused(graph):
        inside = {n.output[0] for n in nodes[:-1]}
        layer = Layer(nodes[-1].output[0])
        for node in nodes:
            if node.op_type == "Conv":
                kernel = next(t for t in graph.initializer if t.name == node.input[1])
                layer.macs += size(node.output[0]) * math.prod(kernel.dims[1:])
            for name in node.input:
                if name in weights:
                    # a Resize's scales are read when the engine is built
                    layer.weights += weights[name] if node.op_type == "Conv" else 0
                elif name and name not in inside:
                    layer.values += size(name)
        layer.values += size(nodes[-1].output[0])
        layers.append(layer)
    if casts:
        for value in graph.output:
            layers.append(Layer(f"cast {value.name}", values=size(value.name), f32=size(value.name)))
    return layers, shapes


@dataclasses.dataclass
class Frame:
    """One camera at one resolution."""

    camera: tuple
    name: str
    size: tuple
    parts: dict  # layers by part and value size (4 or 2)
    shapes: dict

    def around(self):
        """Kernels around the networks, in bytes: (name, bytes, kernels)."""
        pixels = self.size[0] * self.size[1]
        small = pixels // 16
        classes = self.shapes["logits"][1]
        camera = 3 * self.camera[0] * self.camera[1]
        return [
            ("pre-process: RGB8 in, three f32 planes out", camera + 12 * pixels, 1),
            ("post-process: logits and observer in; score (f32), class, mask (u8) out",
             small * (4 * classes + 4 + 4 + 1 + 1), 2),
        ]

    def host(self):
        """Bytes to the device and back."""
        small = self.size[0] * self.size[1] // 16
        return 3 * self.camera[0] * self.camera[1], small * (4 + 1 + 1)

    def layers(self, size):
        return self.parts["segmentation", size] + self.parts["observer", size]

    def kernels(self, size):
        return len(self.layers(size)) + sum(n for _, _, n in self.around())

    def seconds(self, device, size, shares):
        networks = sum(layer.seconds(device, size, shares) for layer in self.layers(size))
        around = sum(b for _, b, _ in self.around()) / (device.bandwidth * shares[1])
        copies = sum(self.host()) / (device.link * shares[1]) if device.link else 0
        return networks + around + copies


def frame(bundle, models, camera, name, rows):
    columns, rows = bundle.input_size(*camera, rows)
    image = {bundle.image: [1, 3, rows, columns]}
    parts, shapes = {}, {}
    for size in (4, 2):
        casts = size == 2
        parts["segmentation", size], found = layers_of(models["segmentation"], image, casts)
        seen = {n: found[n] for n in bundle.seen}
        parts["observer", size], _ = layers_of(models["observer"], image | seen, casts)
        shapes = found
    shapes["logits"] = shapes[bundle.seen[0]]
    return Frame(camera, name, (columns, rows), parts, shapes)


def print_networks(frames):
    print("| camera, input | part | MACs | weights f32 / f16 | activations read and written, f32 / f16 "
          "| casts at the ends, f16 graph |")
    print("|---|---|---|---|---|---|")
    for f in frames:
        for part in ("segmentation", "observer"):
            plain = f.parts[part, 4]
            casts = [layer for layer in f.parts[part, 2] if layer.f32]
            weights = sum(layer.weights for layer in plain)
            values = sum(layer.values for layer in plain)
            print(f"| {f.camera[0]}x{f.camera[1]}, {f.name} {f.size[0]}x{f.size[1]} | {part} "
                  f"| {sum(layer.macs for layer in plain) / 1e6:.0f} M "
                  f"| {4 * weights / 1e6:.2f} / {2 * weights / 1e6:.2f} MB "
                  f"| {4 * values / 1e6:.1f} / {2 * values / 1e6:.1f} MB "
                  f"| {sum(layer.bytes(2) for layer in casts) / 1e6:.1f} MB |")


def print_around(frames):
    print("| camera, input | pre-process | post-process | to the device | back |")
    print("|---|---|---|---|---|")
    for f in frames:
        (_, pre, _), (_, post, _) = f.around()
        up, down = f.host()
        print(f"| {f.camera[0]}x{f.camera[1]}, {f.name} {f.size[0]}x{f.size[1]} | {pre / 1e6:.2f} MB "
              f"| {post / 1e6:.2f} MB | {up / 1e6:.2f} MB | {down / 1e6:.3f} MB |")


def print_times(frames):
    names = [f"{f.camera[0]}x{f.camera[1]} {f.name}" for f in frames]
    print("| device | graph | " + " | ".join(names) + " |")
    print("|---|---|" + "---|" * len(frames))
    for device in DEVICES:
        for size, label in ((4, "f32"), (2, "f16")):
            low, high = ([1e3 * f.seconds(device, size, SHARES[s]) for f in frames]
                         for s in ("hopeful", "cautious"))
            cells = [f"{a:.2f} to {b:.2f}" for a, b in zip(low, high)]
            print(f"| {device.name} | {label} | " + " | ".join(cells) + " |")


def print_launches(frames):
    print("| graph | kernels a frame | launched one by one | as a captured graph |")
    print("|---|---|---|---|")
    for size, label in ((4, "f32"), (2, "f16")):
        count = frames[0].kernels(size)
        graphs = 2  # segmentation, and the observer that may be left out
        print(f"| {label} | {count} | {1e3 * count * LAUNCH:.2f} ms "
              f"| {1e3 * (count * GRAPH_GAP + graphs * GRAPH_LAUNCH):.2f} ms |")


def print_layers(f):
    print(f"\n{f.camera[0]}x{f.camera[1]}, {f.name}, f16\n")
    print("| layer | MACs | values | FLOP a byte |")
    print("|---|---|---|---|")
    for layer in f.layers(2):
        print(f"| {layer.name} | {layer.macs / 1e6:.2f} M | {layer.values / 1e6:.3f} M "
              f"| {2 * layer.macs / layer.bytes(2):.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("bundle", nargs="?", default="models/road")
    parser.add_argument("--layers", action="store_true")
    args = parser.parse_args()
    bundle = Bundle(args.bundle)
    models = {part: onnx.load(bundle.graph(part)) for part in ("segmentation", "observer")}
    frames = [
        frame(bundle, models, camera, name, rows)
        for camera in CAMERAS
        for name, rows in bundle.heights.items()
    ]
    print("Networks, a frame:\n")
    print_networks(frames)
    print("\nAround them:\n")
    print_around(frames)
    shares = "; ".join(f"{k} {100 * c:.0f} % of the peak and {100 * m:.0f} % of the bandwidth"
                       for k, (c, m) in SHARES.items())
    print(f"\nMilliseconds a frame that this allows ({shares}), launches not counted:\n")
    print_times(frames)
    print(f"\nLaunches, at {1e6 * LAUNCH:.0f} us a kernel on a stream, or {1e6 * GRAPH_GAP:.0f} us "
          f"between two kernels of a captured graph and {1e6 * GRAPH_LAUNCH:.0f} us a graph:\n")
    print_launches(frames)
    if args.layers:
        print_layers(frames[0])


if __name__ == "__main__":
    main()
