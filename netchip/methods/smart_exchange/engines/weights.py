"""What an engine needs to know of a weight: of its stored factors, or of its 8-bit form where it has none."""

import torch
from torch import Tensor

from netchip.errors import RequestError
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.packing.rebuild import rebuild
from netchip.methods.smart_exchange.packing.sizes import predicted_size
from netchip.nn.quantize import levels_of, symmetric_grid
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import DEFAULT_GROUPING, CoefficientStorage, Grouping, WeightSparsity
from netchip.workload.weight_statistics import weight_sparsity

_BITS = 8


def stored(packed: Packed) -> CoefficientStorage:
    """What memory holds of a packed weight, to the bit: the index is the row bitmap and whatever tells zeros within kept rows."""
    counts, bits = packed.counts, predicted_size(packed.counts)
    return CoefficientStorage(
        nonzero_coefficients=counts.nonzero,
        basis_elements=packed.basis.numel(),
        index_bits=bits.bits - counts.nonzero * counts.bits - bits.basis_bits,
        coefficient_bits=counts.bits,
    )


def factored_weights(packed: Packed, shape: LayerShape, grouping: Grouping = DEFAULT_GROUPING) -> WeightSparsity:
    """The zeros of a layer's rebuilt weight, in rows as it was cut into them, and how it is stored.

    Where a row of blocks is none that an engine could slide along a map (another width than a wide kernel's), rows are the
    kernel's. Raises `RequestError` where the weight is not the layer's.
    """
    filters = _filters(rebuild(packed), packed.tiling, shape)
    width = packed.tiling.width if shape.kernel_width in (1, packed.tiling.width) else None
    return weight_sparsity(filters, groups=shape.groups, row_length=width, grouping=grouping, storage=stored(packed))


def rounded_weights(
    weight: Tensor, tiling: Tiling, shape: LayerShape, grouping: Grouping = DEFAULT_GROUPING
) -> WeightSparsity:
    """The zeros of a weight that is rounded to 8 bits, one scale a filter; `tiling` says which of its values make a filter."""
    filters = _filters(weight.detach().float(), tiling, shape)
    levels = levels_of(filters, symmetric_grid(filters, _BITS, channel_dim=0))
    return weight_sparsity(levels, groups=shape.groups, grouping=grouping)


def _filters(weight: Tensor, tiling: Tiling, shape: LayerShape) -> Tensor:
    """[filters of all groups, channels of one, kernel height, kernel width]."""
    rows = tiling.blocks_to_rows(tiling.to_blocks(weight.cpu()))
    flat = rows.reshape(tiling.filters, -1)[:, : tiling.filter_size]
    sizes = (shape.in_channels, shape.kernel_height, shape.kernel_width)
    if flat.shape != torch.Size((shape.total_out_channels, shape.weights // shape.total_out_channels)):
        raise RequestError(
            f"a weight of {list(tiling.shape)} is not that of a layer of {shape.total_out_channels} filters of {list(sizes)}; "
            "give the factors of this network"
        )
    return flat.reshape(tiling.filters, *sizes)
