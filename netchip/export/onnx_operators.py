"""What netchip knows of ONNX's operators: where the operands of a product stand, and which operators have no MACs."""

PRODUCTS: dict[str, tuple[int, int]] = {
    "Conv": (0, 1),
    "ConvInteger": (0, 1),
    "QLinearConv": (0, 3),
    "ConvTranspose": (0, 1),
    "Gemm": (0, 1),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearMatMul": (0, 3),
}
"""Operators that are counted, with the places of their two operands among the inputs."""

NESTED = frozenset(["If", "Loop", "Scan", "SequenceMap"])
"""Operators that run graphs inside them."""

_ELEMENTWISE = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor
    Cast CastLike Ceil Celu Clip Cos Cosh CumProd CumSum DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf
    Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Hardmax IsInf IsNaN LeakyRelu Less LessOrEqual Log
    LogSoftmax Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow QuantizeLinear Reciprocal Relu RotaryEmbedding Round Selu
    Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Sub Sum SwiGLU Swish Tan Tanh ThresholdedRelu Where Xor
"""
_REDUCTIONS_AND_NORMS = """
    BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
    MeanVarianceNormalization NegativeLogLikelihoodLoss RMSNormalization ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare SoftmaxCrossEntropyLoss
"""
_POOLING_AND_RESIZING = """
    AffineGrid AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample LpPool MaxPool MaxRoiPool MaxUnpool
    Resize RoiAlign Upsample
"""
_MOVING = """
    Bernoulli BlackmanWindow CenterCropPad Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape DepthToSpace
    Expand EyeLike Flatten Gather GatherElements GatherND HammingWindow HannWindow Identity ImageDecoder MelWeightMatrix
    Multinomial NonMaxSuppression NonZero OneHot Optional OptionalGetElement OptionalHasElement Pad RandomNormal
    RandomNormalLike RandomUniform RandomUniformLike Range RegexFullMatch Reshape ReverseSequence Scatter ScatterElements
    ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size Slice
    SpaceToDepth Split SplitToSequence Squeeze StringConcat StringNormalizer StringSplit TensorScatter TfIdfVectorizer Tile
    TopK Transpose Trilu Unique Unsqueeze
"""

NO_MACS: frozenset[str] = frozenset(
    " ".join((_ELEMENTWISE, _REDUCTIONS_AND_NORMS, _POOLING_AND_RESIZING, _MOVING)).split()
)
"""Operators of ONNX's own domain without multiply-accumulates, by the same convention as for torch: normalisation, pooling,
interpolation and element-wise products count zero."""

VALUE_FREE = frozenset(["Shape", "Size", "SequenceLength"])
"""Operators that read the shape of their input only."""


def is_onnxs_own(domain: str) -> bool:
    """Whether a node's domain is that of the ONNX standard."""
    return domain in ("", "ai.onnx")
