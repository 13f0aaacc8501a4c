use thiserror::Error;

pub use super::wire::WireError;

/// Why the precision of a graph cannot be told or changed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PrecisionError {
    /// Not ONNX, or a damaged file.
    #[error("{part} of the ONNX file cannot be read: {error}")]
    Wire {
        /// Which part: `model`, `graph`, or a node's or tensor's name.
        part: String,
        /// What is wrong with its bytes.
        error: WireError,
    },
    /// A model without a graph.
    #[error("the ONNX file holds no graph")]
    NoGraph,
    /// An operator set that is too old, or none of the standard domain.
    #[error("operator set {found} is not supported, it must be {min} or newer")]
    Opset {
        /// What the file says; 0 where it says nothing.
        found: i64,
        /// Oldest that is read.
        min: i64,
    },
    /// Something that a graph may have and that cannot be converted.
    #[error("{what} cannot be converted to f16")]
    Unsupported {
        /// What, by its name.
        what: String,
    },
    /// An operator of which it is not known which operands may be f16.
    #[error("node {node}: operator {operator} cannot be converted to f16")]
    Operator {
        /// Node, by its name or first output.
        node: String,
        /// Operator, with its domain where that is not the standard one.
        operator: String,
    },
    /// The graph is quantised: its scales say what is computed in which format.
    #[error("node {node}: {operator}; a quantised graph is not converted to f16")]
    Quantised {
        /// Node, by its name or first output.
        node: String,
        /// Operator.
        operator: String,
    },
    /// A node reads what nothing before it makes.
    #[error("node {node} reads {tensor}, which nothing before it makes")]
    UnknownTensor {
        /// Node, by its name or first output.
        node: String,
        /// Tensor.
        tensor: String,
    },
    /// Two things of one name.
    #[error("{tensor} is made twice")]
    Duplicate {
        /// Tensor.
        tensor: String,
    },
    /// A tensor has more or fewer values than its shape says.
    #[error("{tensor} holds {found} bytes of values, its shape {dims:?} asks for {}", bytes(.expected))]
    TensorSize {
        /// Tensor.
        tensor: String,
        /// Its shape.
        dims: Vec<i64>,
        /// Bytes that it should have; `None` where the shape is negative or too large to count.
        expected: Option<usize>,
        /// Bytes that it has.
        found: usize,
    },
    /// Values that f16 cannot hold.
    #[error("{tensor}: {count} values are beyond f16, the first is {value}")]
    Overflow {
        /// Tensor.
        tensor: String,
        /// How many finite values become infinite.
        count: usize,
        /// The first of them.
        value: f32,
    },
}

fn bytes(expected: &Option<usize>) -> String {
    expected.map_or_else(|| "no number of bytes".to_owned(), |n| n.to_string())
}
