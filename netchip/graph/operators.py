"""What netchip knows about torch's operators: which have no multiply-accumulates, which read no values of their input.

Operators are written without overload, `aten.relu`; an in-place variant (`aten.relu_`) is the operator without the
underscore. The operators that are counted stand in `netchip.graph.products`; what is in neither is unknown and gets
reported.
"""

import functools

import torch

_ELEMENTWISE = """
    abs absolute arccos arccosh arcsin arcsinh arctan arctan2 arctanh clip complex copysign cross cummax cummin
    cumprod cumsum diff dist divide dropout alpha_dropout feature_dropout feature_alpha_dropout native_dropout fix
    floor_divide ger glu greater greater_equal isclose isin isreal kron less less_equal log_sigmoid
    log_softmax logcumsumexp multiply negative not_equal outer addr pairwise_distance cosine_similarity polar prelu
    _prelu_kernel rrelu_with_noise softmax _softmax _safe_softmax _log_softmax _masked_softmax subtract threshold
    true_divide type_as trapezoid vander __and__ __or__ __xor__ __lshift__ __rshift__ renorm
"""
_ACTIVATIONS = """
    celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu mish relu relu6 selu sigmoid silu softplus softshrink tanh
"""
_REDUCTIONS = """
    all amax amin aminmax any argmax argmin count_nonzero linalg_vector_norm logsumexp max mean min nansum norm prod
    std std_mean sum var var_mean
"""
_NORMS = """
    batch_norm native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training _batch_norm_no_update
    _batch_norm_with_update cudnn_batch_norm group_norm native_group_norm instance_norm layer_norm native_layer_norm
    rms_norm _fused_rms_norm frobenius_norm native_norm
"""
_POOLING_AND_RESIZING = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d fractional_max_pool2d
    fractional_max_pool3d max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
    max_pool3d_with_indices max_unpool2d max_unpool3d affine_grid_generator grid_sampler grid_sampler_2d
    grid_sampler_3d upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d
"""
_MOVING = """
    argsort argwhere atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors bucketize cartesian_prod cat
    channel_shuffle native_channel_shuffle col2im im2col column_stack combinations concat concatenate constant_pad_nd
    copy diag diag_embed diagonal_scatter dstack embedding embedding_bag _embedding_bag fill fill_diagonal flip fliplr
    flipud gather hstack index index_add index_copy index_fill index_put index_reduce index_select kthvalue
    masked_fill masked_scatter masked_select median nanmedian meshgrid mode msort nonzero nonzero_static one_hot pad
    _pad_circular pad_sequence pixel_shuffle pixel_unshuffle put quantile nanquantile reflection_pad1d
    reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d
    roll rot90 row_stack scatter scatter_add scatter_reduce searchsorted select_scatter slice_scatter sort stack
    sum_to_size take take_along_dim tile topk trace tril triu unique_consecutive unique_dim _unique _unique2
    unsafe_chunk unsafe_split unsafe_split_with_sizes vstack zero detach_copy _unsafe_view _unsafe_index
    _unsafe_masked_index _to_copy clone lift lift_fresh lift_fresh_copy bernoulli binomial histc bincount multinomial
    normal poisson uniform random exponential
"""
_CHECKS_AND_SCALARS = """
    _assert_async _assert_scalar _assert_tensor_metadata _functional_assert_async _functional_assert_scalar
    _local_scalar_dense allclose dim equal is_nonzero item numel size stride storage_offset is_floating_point
    is_complex sym_size sym_numel sym_stride sym_storage_offset sym_constrain_range sym_constrain_range_for_size
    _is_all_true _is_any_true
"""
_LOSSES = """
    binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy_loss
    hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss
    multilabel_margin_loss nll_loss nll_loss2d nll_loss_nd nll_loss_forward poisson_nll_loss smooth_l1_loss
    soft_margin_loss triplet_margin_loss
"""

_ALL = (_ELEMENTWISE, _ACTIVATIONS, _REDUCTIONS, _NORMS, _POOLING_AND_RESIZING, _MOVING, _CHECKS_AND_SCALARS, _LOSSES)

NO_MACS: frozenset[str] = frozenset(" ".join(_ALL).split())
"""aten operators without multiply-accumulates, beside those torch itself tags pointwise and all views.

By convention, as in torch's FlopCounterMode, normalisation, pooling, interpolation and element-wise products count
zero.
"""

VALUE_FREE: frozenset[str] = frozenset(
    [
        "new_zeros",
        "new_ones",
        "new_full",
        "new_empty",
        "new_empty_strided",
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
        "rand_like",
        "randn_like",
        "randint_like",
        "_shape_as_tensor",
    ]
)
"""aten operators that read the shape of their operand and not its values: what they make does not depend on those."""

MATRIX_PRODUCTS: frozenset[str] = frozenset(
    [
        "matmul",
        "mm",
        "bmm",
        "mv",
        "dot",
        "vdot",
        "inner",
        "tensordot",
        "einsum",
        "addmm",
        "addmv",
        "addbmm",
        "baddbmm",
        "linalg_matmul",
        "_int_mm",
        "_scaled_mm",
    ]
)
"""aten operators whose MACs are products of two matrices, either of which may be the weights."""


def base_name(op: str) -> str:
    """The operator without namespace and in-place underscore: 'aten.relu_' -> 'relu', 'aten.__and__' -> '__and__'."""
    name = op.split(".", 1)[-1]
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


@functools.cache
def has_no_macs(op: str) -> bool:
    """Whether `op` ("aten.relu") is known to do no multiply-accumulates; False for counted and unknown operators."""
    if not op.startswith("aten."):
        return False
    name = base_name(op)
    return name in NO_MACS or name in VALUE_FREE or any(_tagged(each) or _views(each) for each in _overloads(name))


def _overloads(name: str) -> list[torch._ops.OpOverload]:
    packet = getattr(torch.ops.aten, name, None)
    return [getattr(packet, overload) for overload in packet.overloads()] if packet is not None else []


def _tagged(overload: torch._ops.OpOverload) -> bool:
    return torch.Tag.pointwise in overload.tags


def _views(overload: torch._ops.OpOverload) -> bool:
    returns = overload._schema.returns
    return any(value.alias_info is not None and not value.alias_info.is_write for value in returns)
