"""An f32 graph that rounds like an f16 one, made with the package `onnx`.

ONNX Runtime has no f16 kernels on x86: it runs an f16 graph in f32 and drops the Casts in between, so
that only the weights are rounded. A GPU rounds every tensor that it writes. Here Casts to f16 and back
stand behind every node, which ONNX Runtime keeps; sums inside a convolution stay f32, as they are in
tensor cores that accumulate in f32. It is the reference for the converter, and what stands for f16
when a bundle is judged on a machine without a GPU.
"""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def kept(graph):
    """Names of the operands that ONNX wants in f32: scales of Resize."""
    return {n.input[2] for n in graph.node if n.op_type == "Resize" and len(n.input) > 2}


def round_weights(model):
    """The same graph with its f32 weights rounded to f16, still stored as f32."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    places = kept(model.graph)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.name not in places:
            values = numpy_helper.to_array(tensor).astype(numpy.float16).astype(numpy.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return model


def round_all(model):
    """The same graph with weights and every tensor rounded to f16. All nodes must give one f32
    tensor, as in the networks of this project."""
    model = round_weights(model)
    graph, nodes, renamed = model.graph, [], {}

    def round_off(source, target):
        half = f"{target}.half"
        nodes.append(helper.make_node("Cast", [source], [half], to=TensorProto.FLOAT16))
        nodes.append(helper.make_node("Cast", [half], [target], to=TensorProto.FLOAT))

    for value in graph.input:
        renamed[value.name] = f"{value.name}.rounded"
        round_off(value.name, renamed[value.name])
    for old in graph.node:
        node = onnx.NodeProto.FromString(old.SerializeToString())
        (output,) = node.output
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [f"{output}.exact"]
        nodes.append(node)
        round_off(f"{output}.exact", output)
    del graph.node[:]
    graph.node.extend(nodes)
    return model
