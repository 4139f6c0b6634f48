"""How sparse a layer is, as counts: what accelerators that skip zeros need to know, and nothing of the numbers themselves.

Counts of activations add up, so that statistics of chunks merge exactly. Some depend on what an accelerator runs side by side:
that is the `Grouping`, and an engine refuses statistics of another grouping than its own.
"""

import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Self, cast

from netchip.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """What goes in step: so many `filters`, `lines` of input channels, `lanes` of output columns; and SCNN's shapes.

    `vector`: non-zero elements that SCNN takes at once; `tiles`: it cuts a map into tiles x tiles parts.
    """

    filters: int = 64
    lines: int = 16
    lanes: int = 8
    vector: int = 4
    tiles: int = 8

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is not int or value < 1:
                raise RequestError(f"grouping: {each.name} = {value!r}; give a whole number of at least 1")


DEFAULT_GROUPING = Grouping()


@dataclass(frozen=True, kw_only=True)
class LineRows:
    """Rows of weights that the longest line works through, added up over the groups of filters.

    `lock_step`: each line has its own channels, and all filters of a group go together, so that a row counts if any of them needs
    it. `free`: each filter goes through its own rows, any line takes the next channel, and the group waits for its longest
    filter: at least its rows over the lines, and all rows of one channel.
    """

    lock_step: float
    free: float

    def __post_init__(self) -> None:
        check_counts(self)
        check_order(self, ("free", "lock_step"))


@dataclass(frozen=True, kw_only=True)
class CoefficientStorage:
    """A layer stored as sparse coefficients times small bases, of which an accelerator rebuilds the weights."""

    nonzero_coefficients: float
    basis_elements: float
    index_bits: float
    coefficient_bits: int = 4
    basis_bits: int = 8

    def __post_init__(self) -> None:
        check_counts(self)

    @property
    def stored_bits(self) -> float:
        """Bits of coefficients, bases and index together."""
        coefficients = self.nonzero_coefficients * self.coefficient_bits
        return coefficients + self.basis_elements * self.basis_bits + self.index_bits


@dataclass(frozen=True, kw_only=True)
class WeightSparsity:
    """Zeros in the weights of a layer, its filters taken as `rows_per_filter` rows of `row_length` weights.

    A row of a 3x3 convolution lies within one channel and one row of the kernel; a row of a 1x1 convolution or a linear layer
    spans `channels_in_row` input channels. `union_rows`: rows that any filter of a group needs, over all groups. `by_channel`
    and `dealt`: the rows of the longest line, where a line takes an input channel, and where it takes any row.
    `busiest_elements`, `mean_elements`: non-zero weights of the fullest and of the mean filter of each group, added up.
    `channel_vectors`: SCNN's vectors of non-zero weights, over input channels and groups of filters. `storage`: how they are
    stored, none where as 8-bit weights.
    """

    grouping: Grouping
    filters: int
    rows_per_filter: int
    row_length: int
    channels_in_row: int
    elements: float
    nonzero_elements: float
    nonzero_rows: float
    union_rows: float
    by_channel: LineRows
    dealt: LineRows
    busiest_elements: float
    mean_elements: float
    channel_vectors: float
    storage: CoefficientStorage | None = None

    def __post_init__(self) -> None:
        check_counts(self)
        check_order(self, ("nonzero_elements", "elements"), ("nonzero_rows", "rows"), ("union_rows", "nonzero_rows"))
        check_order(self, ("mean_elements", "busiest_elements"), ("channels_in_row", "row_length"))

    @property
    def rows(self) -> int:
        """Rows of all filters."""
        return self.filters * self.rows_per_filter

    @property
    def filter_groups(self) -> int:
        """Groups of filters that go together."""
        return -(-self.filters // self.grouping.filters)

    @property
    def density(self) -> float:
        """Share of the weights that are not zero."""
        return self.nonzero_elements / self.elements

    @property
    def busiest_share(self) -> float:
        """Non-zero share of the fullest filter of a group, on average over groups."""
        return self.busiest_elements * self.filters / (self.filter_groups * self.elements)

    @property
    def mean_share(self) -> float:
        """Non-zero share of the mean filter of a group, on average over groups."""
        return self.mean_elements * self.filters / (self.filter_groups * self.elements)


@dataclass(frozen=True, kw_only=True)
class StepCounts:
    """Serial steps of activations: of all elements, and of the longest of each group that goes in step (at least 1 a group).

    A group is a row's `lanes` neighbours, a brick (`lines` channels of one position), a pallet (`lanes` neighbouring bricks).
    """

    elements: float
    lanes: float
    bricks: float
    pallets: float

    def __post_init__(self) -> None:
        check_counts(self)


@dataclass(frozen=True, kw_only=True)
class ActivationSparsity:
    """Zeros and serial steps in the activations that a layer reads, as counts over any number of images.

    A row is one row of a map, `channels_in_row` channels together. `lane_groups` are those of rows that are not all zero, since
    zero rows are skipped; bricks and pallets are all. `maps`: channels times images. `busiest_vectors`, `tile_vectors`: SCNN's
    vectors of non-zero activations in the fullest and in the mean tile of each map, added up. `booth`, `bits`: steps by non-zero
    Booth digits and by one bits.
    """

    grouping: Grouping
    channels_in_row: int
    elements: float
    zero_elements: float
    rows: float
    zero_rows: float
    lane_groups: float
    bricks: float
    pallets: float
    maps: float
    busiest_vectors: float
    tile_vectors: float
    booth: StepCounts
    bits: StepCounts

    def __post_init__(self) -> None:
        check_counts(self)
        check_order(self, ("zero_elements", "elements"), ("zero_rows", "rows"), ("tile_vectors", "busiest_vectors"))
        if self.elements == 0:
            raise RequestError("activations: elements = 0; give the statistics of at least one activation")

    @property
    def zero_share(self) -> float:
        """Share of the activations that are zero."""
        return self.zero_elements / self.elements

    @property
    def zero_row_share(self) -> float:
        """Share of the rows that are all zero."""
        return self.zero_rows / self.rows

    @property
    def mean_booth_digits(self) -> float:
        """Non-zero Booth digits of an activation, zeros included."""
        return self.booth.elements / self.elements

    @property
    def mean_bits(self) -> float:
        """One bits of an activation, zeros included."""
        return self.bits.elements / self.elements

    @property
    def lane_digits(self) -> float:
        """Booth steps of a group of lanes of a row that is not zero: those of its longest, at least 1."""
        return self.booth.lanes / self.lane_groups if self.lane_groups else 1.0

    def merged(self, other: Self) -> Self:
        """Statistics of both; raises `RequestError` where they were grouped differently."""
        for name in ("grouping", "channels_in_row"):
            here, there = getattr(self, name), getattr(other, name)
            if here != there:
                raise RequestError(f"activations of {name} = {here} and {there} do not add up; count both alike")
        return cast("Self", _sum(self, other))


@dataclass(frozen=True, kw_only=True)
class PairedRows:
    """What meets on the SmartExchange array, counted on weights and activations together instead of from shares of each.

    Of one pass of one image. Cycles as the two bounds; `row_pairs`: rows of weights that the index selector forwards, and
    `skipped_pairs`: those it does not; `own_rows`: forwarded rows that a filter has itself; `digit_steps`: of all multipliers;
    `coefficients`: non-zero coefficients fetched (0 where the layer is stored as plain weights).
    """

    lock_step_cycles: float
    free_cycles: float
    row_pairs: float
    skipped_pairs: float
    own_rows: float
    digit_steps: float
    coefficients: float

    def __post_init__(self) -> None:
        check_counts(self)
        check_order(self, ("free_cycles", "lock_step_cycles"))


@dataclass(frozen=True, kw_only=True)
class LayerSparsity:
    """The statistics of one layer of a workload, by its name; `paired` where weights and activations were counted together."""

    layer: str
    weights: WeightSparsity
    activations: ActivationSparsity
    paired: PairedRows | None = None

    def __post_init__(self) -> None:
        if not self.layer:
            raise RequestError("a layer's sparsity needs the layer's name, such as 'layer1.0.conv1'")
        if self.weights.grouping != self.activations.grouping:
            raise RequestError(f"{self.layer}: weights and activations were grouped differently; count both alike")
        if self.weights.channels_in_row != self.activations.channels_in_row:
            raise RequestError(
                f"{self.layer}: a row of weights spans {self.weights.channels_in_row} input channels, but activation rows "
                f"were counted over {self.activations.channels_in_row}; count them with channels_in_row = "
                f"{self.weights.channels_in_row}"
            )


def check_counts(value: Any) -> None:
    """Raises `RequestError` where a number of a statistic is negative or not finite."""
    for each in fields(value):
        count = getattr(value, each.name)
        if isinstance(count, bool | int | float) and not (math.isfinite(count) and count >= 0):
            raise RequestError(f"{type(value).__name__}: {each.name} = {count!r}; give a count of at least 0")


_ROUNDING = 1e-9


def check_order(value: Any, *pairs: tuple[str, str]) -> None:
    """Raises `RequestError` where the first of a pair of counts is larger than the second."""
    for small, large in pairs:
        less, more = getattr(value, small), getattr(value, large)
        if less > more * (1 + _ROUNDING) + _ROUNDING:
            raise RequestError(
                f"{type(value).__name__}: {small} = {less:g} is more than {large} = {more:g}; mend one of them"
            )


def _sum(first: Any, second: Any) -> Any:
    """Two statistics of the same kind, counts added, all else as in the first."""
    values: dict[str, Any] = {}
    for each in fields(first):
        here, there = getattr(first, each.name), getattr(second, each.name)
        if each.name in ("grouping", "channels_in_row"):
            values[each.name] = here
        else:
            values[each.name] = _sum(here, there) if is_dataclass(here) else here + there
    return type(first)(**values)
