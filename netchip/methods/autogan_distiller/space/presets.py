"""Ready spaces: the paper's two exactly (arXiv 2006.08198), and ours for the same two kinds of generator.

Ours search depth and the way to enlarge besides, and their supernet is what their derived networks are.
"""

from dataclasses import replace

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.space.operator import Activation, Norm, Operator
from netchip.methods.autogan_distiller.space.operators import (
    conv,
    depthwise,
    down,
    enlarged,
    identity,
    nearest,
    residual,
    transposed,
    upsamplers,
)
from netchip.methods.autogan_distiller.space.space import INPUT, Add, Layer, Space, Step
from netchip.methods.autogan_distiller.space.widths import shares

OUR_SHARES = (1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0)
_OUTER = (7, 5, 3)


def translation_paper(width: int = 64, blocks: int = 9) -> Space:
    """Image translation, 1.6e15 networks: stem, nine blocks of four operators, header; images in [-1, 1].

    The teacher's shape is `width` 64 with residual blocks at full width; other numbers make the same space smaller.
    """
    wide = shares(4 * width)
    searched = tuple(Layer(f"block{index}", _four(), wide) for index in range(1, blocks + 1))
    steps = (*_stem(width), *searched, *_header(width))
    return Space("translation_paper" + _suffix(width, blocks), steps, output="tanh", as_paper=True)


def super_resolution_paper() -> Space:
    """Super-resolution by 4, 1.1e29 networks: five cells of five layers inside fixed convolutions; images in [0, 1]."""
    steps: list[Step] = [Layer("first", _plain("none"), 64)]
    for cell in range(1, 6):
        steps += _cell(f"cell{cell}", steps[-1].name)
    steps += [
        Layer("trunk", _plain("none"), 64),
        Add("sum", ("trunk", "first")),
        Layer("up1", nearest(norm="none", activation="leaky_relu", bias=True), 64),
        Layer("up2", nearest(norm="none", activation="leaky_relu", bias=True), 64),
        Layer("large", _plain("leaky_relu"), 64),
        Layer("last", _plain("none"), 3),
    ]
    return Space("super_resolution_paper", tuple(steps), output="unit", as_paper=True)


def translation(width: int = 64, blocks: int = 9, *, widths: tuple[float, ...] = OUR_SHARES) -> Space:
    """Ours for image translation: blocks that may be left out, enlargements and outer kernels to choose from. Images in [-1, 1].

    Blocks add their shortcut last, as the ResNet generator's do (the paper's have an activation after the sum). Bases below 64
    have their widths rounded to 2: at the full size of an image eight channels are a large step.
    """
    multiple = 8 if width >= 64 else 2
    wide, middle, narrow = (shares(times * width, widths, multiple=multiple) for times in (4, 2, 1))
    four = tuple(replace(each, activation="none") if each.shortcut else each for each in _four())
    steps = (
        Layer("stem0", tuple(conv(kernel) for kernel in _OUTER), narrow),
        Layer("stem1", down(), middle),
        Layer("stem2", down(), wide),
        *(Layer(f"block{index}", (*four, identity()), wide) for index in range(1, blocks + 1)),
        Layer("up1", tuple(upsamplers()), middle),
        Layer("up2", tuple(upsamplers()), narrow),
        Layer("out", tuple(conv(kernel, norm="none", activation="none", bias=True) for kernel in _OUTER), 3),
    )
    return Space(f"translation_w{width}_b{blocks}", steps, output="tanh")


def super_resolution(
    scale: int = 4,
    *,
    width: int = 64,
    cells: int = 4,
    layers: int = 3,
    widths: tuple[float, ...] = OUR_SHARES,
) -> Space:
    """Ours for super-resolution by 2, 3, 4 or 8: residual cells of one searched width, then a searched way to enlarge.

    What the convolutions make is added to the image enlarged by bicubic interpolation, so that every network starts
    there. Layers inside a cell choose among five operators, one of them none. Images in [0, 1].
    """
    if scale not in (2, 3, 4, 8):
        raise ConfigError(f"scale = {scale}: super_resolution enlarges by 2, 3, 4 or 8")
    given = shares(width, widths)
    steps: list[Step] = [
        Layer("base", enlarged(scale), INPUT),
        Layer("first", _plain("none"), given, reads=INPUT),
    ]
    for cell in range(1, cells + 1):
        steps += _free_cell(f"cell{cell}", steps[-1].name, layers, given)
    plain = upsamplers(scale, norm="none", activation="none", bias=True)
    tail = tuple(replace(each, body=(replace(each.body[0], from_zero=True),)) for each in plain)
    steps += [Layer("up", tail, 3), Add("image", ("up", "base"))]
    return Space(f"super_resolution_x{scale}_w{width}_c{cells}x{layers}", tuple(steps))


def _four(norm: Norm = "instance") -> tuple[Operator, ...]:
    """The paper's four candidates; its Conv1x1 is called "skip" in its code, though it is none."""
    return conv(1, norm=norm), conv(3, norm=norm), residual(norm=norm), depthwise(norm=norm)


def _stem(width: int) -> tuple[Layer, ...]:
    return (
        Layer("stem0", conv(7), shares(width)),
        Layer("stem1", down(), shares(2 * width)),
        Layer("stem2", down(), shares(4 * width)),
    )


def _header(width: int) -> tuple[Layer, ...]:
    return (
        Layer("header0", transposed(), shares(2 * width)),
        Layer("header1", transposed(), shares(width)),
        Layer("header2", conv(7, norm="none", activation="none"), 3),
    )


def _cell(name: str, before: str) -> list[Step]:
    """The paper's: four layers with widths of their own, one back to 64; 0.2 of them added to the cell's input."""
    given = shares(64)
    inner = [Layer(f"{name}_layer{index}", _four("none"), given if index < 5 else 64) for index in range(1, 6)]
    return [*inner, Add(name, (inner[-1].name, before), scale=0.2)]


def _free_cell(name: str, before: str, layers: int, given: tuple[int, ...]) -> list[Step]:
    """Ours: the last layer shares the width of `first`, which all cells have between them."""
    operators = (*_four("none"), identity())
    inner = [
        Layer(f"{name}_layer{index}", operators, given if index < layers else "first") for index in range(1, layers + 1)
    ]
    return [*inner, Add(name, (inner[-1].name, before))]


def _plain(activation: Activation) -> Operator:
    return conv(3, norm="none", activation=activation, bias=True)


def _suffix(width: int, blocks: int) -> str:
    return "" if (width, blocks) == (64, 9) else f"_w{width}_b{blocks}"
