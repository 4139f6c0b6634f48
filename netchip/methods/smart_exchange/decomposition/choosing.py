"""How a weight is cut into blocks when nobody says, and whether packing it is worth it (arXiv 2005.03403, section III-C)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size

Kind = Literal["conv", "transposed", "linear", "embedding", "unknown"]
_KERNELS = range(2, 12)  # kernel widths that are taken as the width of a row
_OTHER_WIDTH = 3  # of 1x1, linear and embedding weights
_ROWS_A_WIDTH = 64  # rows of a block: 64 x its width, 64 channels of a 3x3 kernel
_INT8_BITS = 8


def tiling_for(
    shape: Sequence[int],
    *,
    kind: Kind = "unknown",
    groups: int = 1,
    width: int | None = None,
    height: int | None = None,
    stacking: bool = True,
) -> Tiling:
    """The blocks of a weight of `shape`, as a module of this `kind` holds it.

    `width` of a row: the kernel's, if it is 2 to 11, else 3. `height`: the most rows of a block, 64 x width if not given. Longer
    filters are sliced evenly; so many filters of at most half that height share a block as fit into it evenly, unless `stacking`
    is False (one block a filter at least, as in the paper). Depthwise filters are short ones like any other. `groups` only matters
    to a transposed convolution, whose weight holds its outputs group by group; "unknown" is for a weight without its module.
    Raises `ConfigError` for a kind or a number that cannot be.
    """
    if kind not in get_args(Kind):
        raise ConfigError(f"kind = {kind!r}: known are {', '.join(get_args(Kind))}")
    shape = tuple(shape)
    width = _usual_width(shape) if width is None else width
    whole = Tiling(shape, width, transposed_groups=groups if kind == "transposed" else 0)
    height = _ROWS_A_WIDTH * width if height is None else height
    if type(height) is not int or height < 1:
        raise ConfigError(f"height = {height!r}: give the most rows of a block, a whole number of at least 1")
    if whole.filter_rows > height:
        slices = -(-whole.filter_rows // height)
        return Tiling(shape, width, slices=slices, transposed_groups=whole.transposed_groups)
    stacked = _evenly(whole.filters, height // whole.filter_rows) if stacking else 1
    return Tiling(shape, width, stacked=stacked, transposed_groups=whole.transposed_groups)


def _usual_width(shape: tuple[int, ...]) -> int:
    return shape[-1] if len(shape) > 2 and shape[-1] in _KERNELS else _OTHER_WIDTH


def _evenly(filters: int, most: int) -> int:
    """Filters a block, at most `most`, so that the last block is nearly as full as the others."""
    blocks = -(-filters // most)
    return -(-filters // blocks)


@dataclass(frozen=True)
class Gain:
    """Whether packing a weight saves anything: bits packed without any zero, and bits of the better of int8 and as it is."""

    packed_bits: int
    other_bits: int
    other: str

    @property
    def worth(self) -> bool:
        """Whether fewer bits are needed packed."""
        return self.packed_bits < self.other_bits

    @property
    def reason(self) -> str:
        """In words."""
        verdict = "less" if self.worth else "no less"
        return f"packed it takes {self.packed_bits:,} bits, {verdict} than {self.other_bits:,} {self.other}"


def gains(tiling: Tiling, *, bits: int = 4, stored_bits: int = 32) -> Gain:
    """What packing a weight of this tiling promises before a single zero: against 8 bits a weight, and its `stored_bits`.

    What is not worth it passes through as it is: the few weights of a narrow block cannot carry its basis.
    """
    packed = predicted_size(Counts.dense(tiling, bits)).bits
    int8 = tiling.weights * _INT8_BITS
    stored = tiling.weights * stored_bits
    return Gain(packed, stored, "as it is") if stored < int8 else Gain(packed, int8, "at 8 bits a weight")
