//! What each operator takes and makes, as far as its f32 operands are concerned.
//!
//! An operator is listed only where the ONNX specification (<https://onnx.ai/onnx/operators/>,
//! operator sets 11 and newer) lets every f32 operand and result become f16 together, the operands
//! named here apart. So a graph of listed operators stays valid when all its f32 become f16.

/// What is known of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    /// What stays f32.
    pub(super) stays: Stays,
    /// Element type of the first result.
    pub(super) makes: Makes,
    /// Element type of every further result; `None` where there must be none.
    pub(super) further: Option<Makes>,
}

/// Operands that stay f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stays {
    /// None.
    Nothing,
    /// Those at these places.
    Operands(&'static [usize]),
    /// All of them, and the results.
    All,
    /// Either way: only their shape is read.
    Unread,
}

/// The element type of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Makes {
    /// That of the operand at this place.
    Like(usize),
    Int64,
    Bool,
    /// Chosen by an attribute.
    Chosen,
}

/// An operator of the standard domain; `None` for one that is not known to work in f16.
pub(super) fn find(name: &str) -> Option<Operator> {
    use Makes::{Bool, Chosen, Int64, Like};
    use Stays::{All, Nothing, Operands, Unread};

    let (stays, makes, further) = match name {
        "Abs"
        | "Add"
        | "AveragePool"
        | "BatchNormalization"
        | "Ceil"
        | "Celu"
        | "Clip"
        | "Concat"
        | "Conv"
        | "ConvTranspose"
        | "Cos"
        | "DepthToSpace"
        | "Div"
        | "Elu"
        | "Erf"
        | "Exp"
        | "Expand"
        | "Flatten"
        | "Floor"
        | "Gather"
        | "GatherElements"
        | "GatherND"
        | "Gelu"
        | "Gemm"
        | "GlobalAveragePool"
        | "GlobalMaxPool"
        | "HardSigmoid"
        | "HardSwish"
        | "Identity"
        | "InstanceNormalization"
        | "LRN"
        | "LayerNormalization"
        | "LeakyRelu"
        | "Log"
        | "LogSoftmax"
        | "MatMul"
        | "Max"
        | "Mean"
        | "Min"
        | "Mish"
        | "Mod"
        | "Mul"
        | "Neg"
        | "PRelu"
        | "Pad"
        | "Pow"
        | "Reciprocal"
        | "ReduceMax"
        | "ReduceMean"
        | "ReduceMin"
        | "Relu"
        | "Reshape"
        | "Round"
        | "ScatterElements"
        | "ScatterND"
        | "Selu"
        | "Sigmoid"
        | "Sign"
        | "Sin"
        | "Slice"
        | "Softmax"
        | "Softplus"
        | "Softsign"
        | "SpaceToDepth"
        | "Sqrt"
        | "Squeeze"
        | "Sub"
        | "Sum"
        | "Tan"
        | "Tanh"
        | "ThresholdedRelu"
        | "Tile"
        | "Transpose"
        | "Unsqueeze" => (Nothing, Like(0), None),
        "Where" | "CastLike" => (Nothing, Like(1), None),
        "Split" => (Nothing, Like(0), Some(Like(0))),
        "MaxPool" | "TopK" => (Nothing, Like(0), Some(Int64)),
        "Dropout" => (Nothing, Like(0), Some(Bool)),
        "Shape" | "Size" => (Unread, Int64, None),
        "ArgMax" | "ArgMin" | "NonZero" => (Nothing, Int64, None),
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor"
        | "Not" | "IsNaN" => (Nothing, Bool, None),
        "Cast" | "Constant" | "ConstantOfShape" => (Nothing, Chosen, None),
        // scales may be f32 only; half a number of pixels is no place for 11 bits
        "Resize" => (Operands(&[1, 2]), Like(0), None),
        // f32 only
        "Range" => (All, Like(0), None),
        "NonMaxSuppression" => (All, Int64, None),
        "IsInf" => (All, Bool, None),
        // a sum over a plane soon passes 65504, the largest f16
        "CumSum" | "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceProd"
        | "ReduceSum" | "ReduceSumSquare" => (All, Like(0), None),
        _ => return None,
    };
    Some(Operator {
        stays,
        makes,
        further,
    })
}

/// Whether an operator belongs to a quantised graph.
pub(super) fn is_quantised(name: &str) -> bool {
    matches!(
        name,
        "QuantizeLinear"
            | "DequantizeLinear"
            | "DynamicQuantizeLinear"
            | "QLinearConv"
            | "QLinearMatMul"
            | "ConvInteger"
            | "MatMulInteger"
    )
}
