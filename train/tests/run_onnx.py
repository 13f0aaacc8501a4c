"""Runs an ONNX file on raw f32 inputs: run_onnx.py MODEL FOLDER [as-written].

FOLDER/inputs.json maps the name of each input to its shape, FOLDER/NAME.in.f32 holds its values
(little-endian, row by row). Writes FOLDER/outputs.json and FOLDER/NAME.out.f32 alike. `as-written` runs node by
node: optimised, quantised nodes are computed in whole numbers, which rounds elsewhere.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

model, folder = sys.argv[1], Path(sys.argv[2])
shapes = json.loads((folder / "inputs.json").read_text())
inputs = {
    name: np.fromfile(folder / f"{name}.in.f32", dtype="<f4").reshape(shape)
    for name, shape in shapes.items()
}
options = ort.SessionOptions()
if "as-written" in sys.argv[3:]:
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
bytes_ = {i.name for i in session.get_inputs() if i.type == "tensor(uint8)"}
inputs = {name: v.astype(np.uint8) if name in bytes_ else v for name, v in inputs.items()}
names = [output.name for output in session.get_outputs()]
outputs = dict(zip(names, session.run(names, inputs)))
for name, values in outputs.items():
    values.astype("<f4").tofile(folder / f"{name}.out.f32")
(folder / "outputs.json").write_text(json.dumps({n: list(v.shape) for n, v in outputs.items()}))
