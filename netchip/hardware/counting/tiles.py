"""Elements of the tiles: temporal and spatial reach together, windows with their overlap."""

from collections.abc import Sequence
from dataclasses import dataclass

from netchip.hardware.conventions import Conventions
from netchip.hardware.counting.arithmetic import NEARLY, Arithmetic, Number, product
from netchip.hardware.counting.columns import Columns, Window
from netchip.hardware.counting.nest import Extent, Pair, Slide
from netchip.hardware.counting.spread import Spread


@dataclass(frozen=True)
class Tiler:
    """Sizes tiles under some conventions. `rounds`: an uneven unrolling's mean reach is rounded to whole elements."""

    arithmetic: Arithmetic
    layers: Columns
    conventions: Conventions
    rounds: bool

    def elements(self, extent: Extent, spread: Extent) -> Number:
        """Elements in the tile of `extent` steps on `spread` units."""
        elements = self.exact(extent, spread)
        return self.arithmetic.round(elements) if self.rounds else elements

    def exact(self, extent: Extent, spread: Extent) -> Number:
        """The same before the tile is rounded; only positions of a window are."""
        elements = product((extent.plain, spread.plain))
        for reach, units, window in self._axes(extent, spread):
            elements = product((elements, self.along(self._positions(reach, units), window)))
        return elements

    def along(self, positions: Pair, window: Window) -> Number:
        """Elements along one axis that `positions` = (output positions, kernel positions) use."""
        p, r = positions
        if self.conventions.input_extent == "bounding_box":
            return self.arithmetic.least(window.limit, window.stride * (p - 1) + window.dilation * (r - 1) + 1)
        twice = self.arithmetic.most(r - window.touched_stride, 0.0) * self.arithmetic.most(
            p - window.touched_dilation, 0.0
        )
        return self.arithmetic.least(window.limit, p * r - twice)

    def sliding(self, slide: Slide, extent: Extent, spread: Extent) -> Number:
        """Mean share of a tile that a load brings in, where the tile slides over its predecessor."""
        share: Number = 1.0
        for axis, (reach, units, window) in enumerate(self._axes(extent, spread)):
            p, r = self._positions(reach, units)
            full = self.along((p, r), window)
            for kernel, new in enumerate((window.stride * p, window.dilation * r)):
                later = self.arithmetic.least(full, new) / full
                mean = (1 + (slide.bound - 1) * later) / slide.bound
                share = self.arithmetic.where(slide.axis == 2 * axis + kernel, mean, share)
        return share

    def _axes(self, extent: Extent, spread: Extent) -> list[tuple[Pair, Pair, Window]]:
        if extent.windows is None or spread.windows is None:
            return []
        return list(zip(extent.windows, spread.windows, (self.layers.rows, self.layers.columns), strict=True))

    def _positions(self, reach: Pair, units: Pair) -> Pair:
        p, r = product((reach[0], units[0])), product((reach[1], units[1]))
        return (self.arithmetic.floor(p * NEARLY), self.arithmetic.floor(r * NEARLY)) if self.rounds else (p, r)


def tile_elements(tiler: Tiler, extents: Sequence[Extent], spread: Spread) -> tuple[Number, ...]:
    """Elements in one instance of each level of an operand's chain, from the MAC up."""
    return tuple(tiler.elements(extent, units) for extent, units in zip(extents, spread.below, strict=False))
