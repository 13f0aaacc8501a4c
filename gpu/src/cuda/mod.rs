//! Memory, streams, events, captured graphs and kernels.
