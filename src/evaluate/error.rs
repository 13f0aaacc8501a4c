/// Data that does not fit what is evaluated. Nothing of it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// Two slices that describe the same pixels differ in length.
    #[error("{left} {left_name} for {right} {right_name}")]
    LengthMismatch {
        /// What the first slice holds.
        left_name: &'static str,
        /// Its length.
        left: usize,
        /// What the second slice holds.
        right_name: &'static str,
        /// Its length.
        right: usize,
    },
    /// A label that is none of those allowed.
    #[error("label {label} at pixel {index}: expected 0 (normal), 1 (anomalous) or 255 (ignored)")]
    UnknownLabel {
        /// The label.
        label: u8,
        /// Its place in the slice.
        index: usize,
    },
    /// A class id that is neither a class nor the ignored one.
    #[error("{name} {id} at pixel {index}: there are {classes} classes")]
    UnknownClass {
        /// Label or prediction.
        name: &'static str,
        /// The id.
        id: u8,
        /// Its place in the slice.
        index: usize,
        /// Number of classes.
        classes: usize,
    },
    /// No classes, or more than 8-bit ids allow beside 255.
    #[error("{classes} classes: must be 1 ..= 255")]
    ClassCount {
        /// Number of classes.
        classes: usize,
    },
    /// Results of different numbers of classes can't be merged.
    #[error("cannot merge results of {left} and {right} classes")]
    ClassMismatch {
        /// Classes of the one.
        left: usize,
        /// Classes of the other.
        right: usize,
    },
}

pub(super) fn same_length(
    (left_name, left): (&'static str, usize),
    (right_name, right): (&'static str, usize),
) -> Result<(), EvaluateError> {
    if left == right {
        return Ok(());
    }
    Err(EvaluateError::LengthMismatch {
        left_name,
        left,
        right_name,
        right,
    })
}
