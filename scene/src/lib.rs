//! Rendered road scenes with ground truth.
