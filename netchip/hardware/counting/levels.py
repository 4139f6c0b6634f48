"""What crosses between two memories of an operand's chain: the tile below, how often it is replaced, on how many units."""

from dataclasses import dataclass

from netchip.hardware.counting.arithmetic import Number, product
from netchip.hardware.counting.nest import Extent, Nest, Slide
from netchip.hardware.counting.spread import Spread
from netchip.hardware.counting.tiles import Tiler, tile_elements
from netchip.hardware.dimensions import Operand

_MORE = 1 + 1e-5
"""Slack, for float32, where one count is compared with another that equals it or is a multiple of it."""


@dataclass(frozen=True)
class Level:
    """Level a of an operand's chain, below memory a.

    `tile`: elements in one instance below, replaced `loads` times on each of `below` instances; a load brings the share
    `slide` of it. One of `above` instances of memory a sends `children` different tiles at once, to `copies` units. Of outputs:
    `firsts` loads begin a new sum, and `unfinished` says that terms of it are still to come above.
    """

    tile: Number
    loads: Number
    slide: Number
    children: Number
    copies: Number
    below: Number
    above: Number
    firsts: Number
    unfinished: Number


def levels_of(operand: Operand, nest: Nest, spread: Spread, tiler: Tiler, shared: bool) -> list[Level]:
    """All levels of an operand's chain; the last is the whole operand in its outermost memory.

    `shared`: units whose windows overlap share reads.
    """
    tiles = tile_elements(tiler, nest.extents[operand], spread)
    return [_level(operand, nest, spread, tiler, place, tile, shared) for place, tile in enumerate(tiles)]


def _level(operand: Operand, nest: Nest, spread: Spread, tiler: Tiler, place: int, tile: Number, shared: bool) -> Level:
    loads, top = nest.loads[operand][place], place == len(nest.loads[operand]) - 1
    firsts, unfinished = _sums(nest, spread, tiler, place) if operand == "O" and not top else (1.0, False)
    return Level(
        tile=tile,
        loads=loads,
        slide=_slide(nest.slides, nest.extents[operand][place], spread.below[place], tiler, place),
        children=_children(spread, place, tiler) if shared else _units(spread.reached[place], tiler),
        copies=spread.across[place],
        below=_units(spread.instances[place], tiler),
        above=1.0 if top else _units(spread.instances[place + 1], tiler),
        firsts=firsts,
        unfinished=unfinished,
    )


def _sums(nest: Nest, spread: Spread, tiler: Tiler, place: int) -> tuple[Number, Number]:
    """How many loads of outputs begin a sum, and whether terms are added above, in time or across units."""
    extents, below = nest.extents["O"], spread.below[place]
    firsts = tiler.exact(extents[-1], below) / tiler.exact(extents[place], below)
    above = range(place + 1, len(spread.across))
    across = (
        product(spread.across[level] for level in above) > product(spread.reached[level] for level in above) * _MORE
    )
    return firsts, (nest.loads["O"][place] > firsts * _MORE) | across


def _slide(slides: tuple[Slide, ...], extent: Extent, spread: Extent, tiler: Tiler, place: int) -> Number:
    return tiler.sliding(slides[place], extent, spread) if slides and extent.windows is not None else 1.0


def _children(spread: Spread, place: int, tiler: Tiler) -> Number:
    one = Extent(1.0, ((1.0, 1.0), (1.0, 1.0)) if spread.below[place].windows else None)
    children = tiler.exact(one, spread.below[place + 1]) / tiler.exact(one, spread.below[place])
    return _units(children, tiler)


def _units(units: Number, tiler: Tiler) -> Number:
    """A number of units; a mean one is rounded as ZigZag does, to thousandths and then to whole units."""
    return tiler.arithmetic.round(tiler.arithmetic.round(units * 1000.0) / 1000.0) if tiler.rounds else units
