"""Where one channel goes through one operation: which positions of its output hold which positions of its input.

Written against what autograd keeps of each operation (name, saved sizes, dimensions); nothing is guessed from counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Link:
    """Position `source[i]` along the input's dimension lies at position `target[i]` along `dim` of the output."""

    dim: int
    source: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Mixed:
    """The operation does not pass channels on one by one; `reason` completes "its channels are ...".

    `inexact` ones could be cut if the cut network need not equal the masked one.
    """

    reason: str
    inexact: bool = True


@dataclass(frozen=True)
class Spread:
    """One entry is spread over dimension `dim` of the output, so no channel is tied to it (a gate, an average).

    `alone` is set where nothing else decides how many entries there are, as in an `expand` to another tensor's size.
    """

    dim: int
    alone: bool = False

    def fills(self, dim: int) -> bool:
        return self.alone and self.dim == dim


Relation = Link | Mixed | Spread


@dataclass(frozen=True)
class Step:
    """One operand of one operation: autograd's node, the operand's place and shape, the result's shape.

    `operands` are the shapes of all of them, None for constants; `output` says which result of several is meant.
    """

    grad_fn: Any
    operand: int
    source: Shape
    target: Shape
    operands: tuple[Shape | None, ...]
    output: int = 0

    @property
    def name(self) -> str:
        return (
            type(self.grad_fn).__name__.removesuffix("0").removesuffix("1").removesuffix("2").removesuffix("Backward")
        )


def relate(step: Step, dim: int) -> Relation:
    """How dimension `dim` of the operand goes on in the result."""
    rule = _RULES.get(step.name)
    if rule is not None:
        return rule(step, dim)
    if any(word in step.name for word in _SPATIAL):
        return _spatial(step, dim)
    return _elementwise(step, dim)


def _same(dim: int, size: int) -> Link:
    positions = np.arange(size)
    return Link(dim, positions, positions)


def _saved(step: Step, name: str, default: Any = None) -> Any:
    return getattr(step.grad_fn, f"_saved_{name}", default)


def _saved_dims(step: Step, name: str = "dim") -> set[int]:
    """The saved dimension or dimensions, from the front; all of them when none is saved."""
    saved = _saved(step, name)
    rank = len(step.source)
    if saved is None or (isinstance(saved, tuple) and not saved):
        return set(range(rank))
    return {_from_front(dim, rank) for dim in (saved if isinstance(saved, tuple) else (saved,))}


def _from_front(dim: int, rank: int) -> int:
    """Autograd keeps negative dimensions as unsigned 64-bit numbers."""
    signed = dim - 2**64 if dim >= 2**63 else dim
    return signed + rank if signed < 0 else signed


def _elementwise(step: Step, dim: int) -> Relation:
    """Operands line up at the right, as in broadcasting; an operation over this very dimension mixes it."""
    out = dim + len(step.target) - len(step.source)
    if out < 0 or step.source[dim] != step.target[out]:
        one = out >= 0 and step.source[dim] == 1
        return Spread(out) if one else Mixed(f"changed in number by `{step.name}`")
    saved = _saved(step, "dim")
    if isinstance(saved, int) and _from_front(saved, len(step.source)) == dim:
        return Mixed(f"mixed by `{step.name}`, which works over the channel dimension")
    return _same(out, step.source[dim])


def _spatial(step: Step, dim: int) -> Relation:
    """Pooling and resizing: batch and channels stay, the rest is resampled."""
    places = 3 if "3D" in step.name.upper() else 1 if "1D" in step.name.upper() else 2
    if dim < len(step.source) - places and step.source[dim] == step.target[dim]:
        return _same(dim, step.source[dim])
    return Mixed(f"resampled by `{step.name}`")


def _cat(step: Step, dim: int) -> Relation:
    along = _from_front(_saved(step, "dim"), len(step.target))
    if dim != along:
        return _same(dim, step.source[dim])
    sizes = [None if shape is None else shape[along] for shape in step.operands]
    unknown = step.target[along] - sum(size for size in sizes if size is not None)
    if sizes.count(None) > 1:
        return Mixed("joined by `cat` to several constants")
    start = sum(unknown if size is None else size for size in sizes[: step.operand])
    positions = np.arange(step.source[dim])
    return Link(along, positions, positions + start)


def _split(step: Step, dim: int) -> Relation:
    along = _from_front(_saved(step, "dim"), len(step.source))
    if dim != along:
        return _same(dim, step.source[dim])
    sizes = _saved(step, "split_sizes")
    start = step.output * _saved(step, "split_size") if sizes is None else sum(sizes[: step.output])
    positions = np.arange(step.target[along])
    return Link(along, positions + start, positions)


def _slice(step: Step, dim: int) -> Relation:
    along = _from_front(_saved(step, "dim"), len(step.source))
    if dim != along:
        return _same(dim, step.source[dim])
    size = step.source[dim]
    start = _from_front(_saved(step, "start"), size)
    end = min(_from_front(_saved(step, "end"), size), size)
    source = np.arange(start, end, _saved(step, "step"))
    return Link(along, source, np.arange(len(source)))


def _removed(step: Step, dim: int) -> Relation:
    """select, unbind: one dimension goes."""
    along = _from_front(_saved(step, "dim"), len(step.source))
    if dim == along:
        return Mixed(f"taken one by one by `{step.name}`")
    return _same(dim - (dim > along), step.source[dim])


def _picked(step: Step, dim: int) -> Relation:
    """index_select: its numbers are those of the uncut channels, so that after a cut they would pick others."""
    if dim == _from_front(_saved(step, "dim"), len(step.source)):
        return Mixed(f"picked by number by `{step.name}`, and a cut does not number them anew", inexact=False)
    return _same(dim, step.source[dim])


def _pad(step: Step, dim: int) -> Relation:
    pad = _saved(step, "pad")
    place = 2 * (len(step.source) - 1 - dim)
    before, after = pad[place : place + 2] if place < len(pad) else (0, 0)
    if before < 0 or after < 0:
        return Mixed("cropped by `pad`")
    positions = np.arange(step.source[dim])
    return Link(dim, positions, positions + before)


def _permute(step: Step, dim: int) -> Relation:
    dims = [_from_front(d, len(step.source)) for d in _saved(step, "dims")]
    return _same(dims.index(dim), step.source[dim])


def _transpose(step: Step, dim: int) -> Relation:
    rank = len(step.source)
    pair = {_from_front(_saved(step, "dim0", 0), rank), _from_front(_saved(step, "dim1", rank - 1), rank)}
    return _same((pair - {dim}).pop() if dim in pair and len(pair) > 1 else dim, step.source[dim])


def _unsqueeze(step: Step, dim: int) -> Relation:
    along = _from_front(_saved(step, "dim"), len(step.target))
    return _same(dim + (dim >= along), step.source[dim])


def _squeeze(step: Step, dim: int) -> Relation:
    asked = _saved_dims(step) if _saved(step, "dim") is not None else set(range(len(step.source)))
    gone = {d for d in asked if step.source[d] == 1}
    if dim in gone:
        return Mixed(f"dropped by `{step.name}`, being only one")
    return _same(dim - sum(d < dim for d in gone), step.source[dim])


def _reduce(step: Step, dim: int) -> Relation:
    reduced = _saved_dims(step)
    if dim in reduced:
        return Mixed(f"mixed by `{step.name}`, which works over the channel dimension")
    kept = len(step.target) == len(step.source)
    return _same(dim if kept else dim - sum(d < dim for d in reduced), step.source[dim])


def _expand(step: Step, dim: int) -> Relation:
    out = dim + len(step.target) - len(step.source)
    return _same(out, step.source[dim]) if step.source[dim] == step.target[out] else Spread(out, alone=True)


def _repeat(step: Step, dim: int) -> Relation:
    out = dim + len(step.target) - len(step.source)
    copies, size = step.target[out] // max(step.source[dim], 1), step.source[dim]
    return _same(out, size) if copies == 1 else Link(out, np.tile(np.arange(size), copies), np.arange(size * copies))


def _glu(step: Step, dim: int) -> Relation:
    along = _from_front(_saved(step, "dim"), len(step.source))
    positions = np.arange(step.source[dim])
    return Link(dim, positions, positions % step.target[dim]) if dim == along else _same(dim, step.source[dim])


def _flip(step: Step, dim: int) -> Relation:
    return Mixed(f"reordered by `{step.name}`") if dim in _saved_dims(step, "dims") else _same(dim, step.source[dim])


def _view(step: Step, dim: int) -> Relation:
    """A dimension stays whole, is merged with neighbours, or is taken apart (then its last factor is followed)."""
    first, last = _block(step.source, step.target, dim)
    if first is None or last is None:
        return Mixed(f"reshaped from {_sizes(step.source)} to {_sizes(step.target)}")
    (s0, s1), (t0, t1) = first, last
    parts = [out for out in range(t0, t1) if step.target[out] > 1]
    if len(parts) > 1 and s1 - s0 == 1 and dim == len(step.source) - 1 > 1:
        return Mixed(f"reshaped into heads, from {_sizes(step.source)} to {_sizes(step.target)}")
    whole = prod(step.source[s0:s1])
    inner = prod(step.source[dim + 1 : s1])
    flat = np.arange(whole)
    channel = flat // inner % step.source[dim]
    out = _followed(step, dim, (s0, s1), (t0, t1))
    position = flat // prod(step.target[out + 1 : t1]) % step.target[out]
    pairs = np.unique(np.stack([channel, position]), axis=1)
    return Link(out, pairs[0], pairs[1])


def _block(source: Shape, target: Shape, dim: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The smallest runs of dimensions of both shapes that hold the same entries, around `dim` of the source."""
    s = t = 0
    while s < len(source):
        s0, t0 = s, t
        left, right, s, t = source[s], target[t] if t < len(target) else 1, s + 1, t + 1
        while left != right:
            if left < right and s < len(source):
                left, s = left * source[s], s + 1
            elif right < left and t < len(target):
                right, t = right * target[t], t + 1
            else:
                return None, None
        while s < len(source) and source[s] == 1 and (t >= len(target) or target[t] != 1):
            s += 1
        while t < len(target) and target[t] == 1 and (s >= len(source) or source[s] != 1):
            t += 1
        if s0 <= dim < s:
            return (s0, s), (t0, min(t, len(target)))
    return None, None


def _followed(step: Step, dim: int, source: tuple[int, int], target: tuple[int, int]) -> int:
    """The dimension of the target block that the channels are said to go on in."""
    size = step.source[dim]
    inner = prod(step.source[dim + 1 : source[1]])
    for out in range(*target):
        if step.target[out] == size and prod(step.target[out + 1 : target[1]]) == inner:
            return out
    wide = [out for out in range(*target) if step.target[out] > 1] or [target[0]]
    flat_to_map = len(step.source) == 2 and len(step.target) >= 4
    return wide[0] if flat_to_map else wide[-1]


def _sizes(shape: Shape) -> str:
    return "x".join(str(size) for size in shape)


def _product(step: Step, dim: int) -> Relation:
    return Mixed(f"used by `{step.name}`, a product outside of any layer")


def _rearranged(step: Step, dim: int) -> Relation:
    return _same(dim, step.source[dim]) if dim < len(step.source) - 3 else Mixed(f"rearranged by `{step.name}`")


def _shuffle(step: Step, dim: int) -> Relation:
    if dim != 1:
        return _same(dim, step.source[dim])
    size, groups = step.source[1], _saved(step, "groups")
    offset = np.arange(size) % (size // groups)
    # the same offset goes in each group, since the operation cuts the channels into that many equal parts again
    target = offset[:, None] * groups + np.arange(groups)
    return Link(1, np.repeat(np.arange(size), groups), target.ravel())


_SPATIAL = ("Pool", "Upsample", "GridSampler", "ReflectionPad", "ReplicationPad")
_Rule = Callable[[Step, int], Relation]


def _all(names: Sequence[str], rule: _Rule) -> dict[str, _Rule]:
    return dict.fromkeys(names, rule)


_RULES: dict[str, _Rule] = {
    "Cat": _cat,
    "Slice": _slice,
    "IndexSelect": _picked,
    "ConstantPadNd": _pad,
    "Permute": _permute,
    "Unsqueeze": _unsqueeze,
    "Expand": _expand,
    "Repeat": _repeat,
    "Flip": _flip,
    "Glu": _glu,
    "Roll": _flip,
    "NativeChannelShuffle": _shuffle,
    "ChannelShuffle": _shuffle,
    **_all(("Split", "SplitWithSizes", "SafeSplit", "UnsafeSplit"), _split),
    **_all(("Select", "Unbind"), _removed),
    **_all(("Transpose", "T", "Swapaxes"), _transpose),
    **_all(("Squeeze",), _squeeze),
    **_all(
        ("Mean", "Sum", "Amax", "Amin", "Var", "Std", "VarMean", "StdMean", "LinalgVectorNorm", "Norm", "Logsumexp"),
        _reduce,
    ),
    **_all(("Prod", "Max", "Min", "Median", "Mode"), _reduce),
    **_all(("View", "UnsafeView", "ReshapeAlias", "ReshapeCopy"), _view),
    **_all(
        ("Bmm", "Mm", "Addmm", "Baddbmm", "Mv", "Dot", "Linear", "Matmul", "Bilinear", "Convolution", "Cdist"), _product
    ),
    **_all(("PixelShuffle", "PixelUnshuffle"), _rearranged),
}
