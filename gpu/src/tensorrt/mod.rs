//! TensorRT: building engines from ONNX graphs and running them.
