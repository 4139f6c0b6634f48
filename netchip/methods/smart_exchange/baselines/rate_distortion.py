"""Error against bits on the same weights: SmartExchange beside rounding to nearest, with a verdict in words.

table = rate_distortion(weights)            # decomposes them, dense and at row sparsities
table = rate_distortion(weights, factored)  # what was decomposed already
table.rows, table.verdict                   # the table, and what follows from it
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.baselines.comparison import FEW_ROWS, Point, RateDistortion
from netchip.methods.smart_exchange.baselines.distortion import ratio_of_norms, squared_error, squared_norm
from netchip.methods.smart_exchange.baselines.kept_rows import round_kept_rows
from netchip.methods.smart_exchange.baselines.quantized import quantize
from netchip.methods.smart_exchange.baselines.scheme import FEWEST_BITS, INT2, INT3, INT4, INT8, Scheme
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.preparing import check_finite
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size

ROUNDINGS = (INT8, INT4, INT3, INT2)
ROW_SPARSITIES = (0.0, 0.5, 0.75)


def rate_distortion(
    weights: Mapping[str, Tensor],
    factored: Mapping[str, Factored] | None = None,
    *,
    row_sparsities: Sequence[float] | None = None,
    tilings: Mapping[str, Tiling] | None = None,
    bits: int = 4,
    iterations: int | None = None,
    roundings: Sequence[Scheme] = ROUNDINGS,
) -> RateDistortion:
    """SmartExchange and rounding to nearest on `weights`, taken together: all bits over all weights, all squared errors summed.

    `factored`: the factors of the same weights, which make a row of their own. `row_sparsities`: for each of them the weights are
    decomposed without this share of each layer's rows, the smallest; by default 0, 0.5 and 0.75 without `factored`, none with it.
    Each point with zero rows is compared with the rounding of the very same rows too. `tilings`: the blocks of each weight, else
    those of `factored`, else of `tiling_for` its shape. Mappings that load what is asked for are asked once a weight.
    Raises `ConfigError` for no weights, for factors of other weights, for NaN or infinite weights, and for a share outside [0, 1).
    """
    shares = row_sparsities if row_sparsities is not None else (() if factored is not None else ROW_SPARSITIES)
    _check(weights, shares)
    tallies = _Tallies()
    for name, weight in weights.items():
        check_finite(weight, name)
        given = None if factored is None else _given(name, weight, factored)
        tiling = _tiling(name, weight, given, tilings)
        for scheme in roundings:
            rounded = quantize(weight, scheme, transposed_groups=tiling.transposed_groups)
            tallies.add(scheme.name, None, weight, rounded.weight(), rounded.bits().values())
        if given is not None:
            _add(tallies, "SmartExchange, as given", weight, given, roundings)
        for share in shares:
            method = "SmartExchange" + (f", {share:.0%} of rows zero" if share else ", no row pruned")
            mask = without_share(weight, tiling, share).kept
            made = decompose(weight, tiling, bits=bits, iterations=iterations, row_mask=mask, name=name)
            _add(tallies, method, weight, made, roundings)
    return tallies.table()


def _check(weights: Mapping[str, Tensor], shares: Iterable[float]) -> None:
    if not weights:
        raise ConfigError("no weights to compare: give at least one of two or more dimensions")
    for share in shares:
        if not 0 <= share < 1:
            raise ConfigError(f"row_sparsities: {share!r} is no share of rows; give numbers from 0 to below 1")


def _given(name: str, weight: Tensor, factored: Mapping[str, Factored]) -> Factored:
    found = factored.get(name)
    if found is None or found.tiling.shape != tuple(weight.shape):
        raise ConfigError(f"{name}: there are no factors of this weight among those given")
    return found


def _tiling(name: str, weight: Tensor, given: Factored | None, tilings: Mapping[str, Tiling] | None) -> Tiling:
    if tilings is not None and name in tilings:
        return tilings[name]
    return given.tiling if given is not None else tiling_for(tuple(weight.shape))


def _add(tallies: "_Tallies", method: str, weight: Tensor, factored: Factored, roundings: Sequence[Scheme]) -> None:
    """One weight of a SmartExchange point, and the rounding of the rows it keeps."""
    size, kept = predicted_size(Counts.of(factored)), factored.tiling.blocks_to_rows(factored.kept_rows)
    tallies.add(method, "SmartExchange", weight, factored.weight(), (size.bits,), kept)
    given = factored.tiling.blocks_to_rows(factored.tiling.to_blocks(weight)) == 0
    tallies.by_method[method].zero_rows_given += int(given.all(dim=2).sum())
    for scheme in (scheme for scheme in roundings if scheme.bits > FEWEST_BITS):
        rounded, bits = round_kept_rows(weight, kept, factored.tiling, scheme)
        tallies.add(f"{scheme.name}, rows of: {method}", method, weight, rounded, bits.values(), kept)


@dataclass
class _Tally:
    of: str | None
    bits: int = 0
    weights: int = 0
    error: float = 0.0
    norm: float = 0.0
    zero_rows: int = 0
    zero_rows_given: int = 0
    rows: int = 0


@dataclass
class _Tallies:
    """Sums over weights, by method. `of`: None for plain rounding, "SmartExchange", or the point whose rows were rounded."""

    by_method: dict[str, _Tally] = field(default_factory=dict)

    def add(
        self,
        method: str,
        of: str | None,
        weight: Tensor,
        rebuilt: Tensor,
        bits: Iterable[int],
        kept: Tensor | None = None,
    ) -> None:
        tally = self.by_method.setdefault(method, _Tally(of))
        tally.bits += sum(bits)
        tally.weights += weight.numel()
        tally.error += squared_error(weight, rebuilt)
        tally.norm += squared_norm(weight)
        if kept is not None:
            tally.rows += kept.numel()
            tally.zero_rows += kept.numel() - int(kept.sum())

    def table(self) -> RateDistortion:
        points = {method: (tally.of, _point(method, tally)) for method, tally in self.by_method.items()}
        own = [point for of, point in points.values() if of == "SmartExchange"]
        rounded = [point for of, point in points.values() if of is None]
        sparse = [each.method for each in own if each.row_sparsity >= FEW_ROWS]
        same = {method: [point for of, point in points.values() if of == method] for method in sparse}
        shares = [
            tally.zero_rows_given / tally.rows for tally in self.by_method.values() if tally.of == "SmartExchange"
        ]
        return RateDistortion(
            tuple(own), tuple(rounded), {method: tuple(each) for method, each in same.items()}, max(shares, default=0.0)
        )


def _point(method: str, tally: _Tally) -> Point:
    sparsity = tally.zero_rows / tally.rows if tally.rows else 0.0
    return Point(
        method.partition(", rows of: ")[0],
        tally.bits / tally.weights,
        ratio_of_norms(tally.error, tally.norm),
        sparsity,
    )
