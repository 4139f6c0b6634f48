"""A cut as a value: which positions each layer loses, for which architecture, and the small JSON it is kept in.

    {"format": 1, "tensors": {"conv.weight": [16, 3, 3, 3], ...}, "lists": ["0-2,7"],
     "axes": [["conv", "out", 16], ...],
     "groups": [{"name": "conv", "units": 16, "removed": 4, "members": [[axis, list], ...]}]}

Members name an axis and a list of removed positions by their numbers, so equal lists are stored once. A group that
selects (see `streams`) has "selects": true besides, and only members on the axis "in".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np

from netchip.errors import CheckpointMismatch
from netchip.graph.slicing import AXES

FORMAT = 1
Where = tuple[str, str]


@dataclass(frozen=True)
class GroupCut:
    """What one channel group loses: `removed_units` of its `units`, and for each (layer, axis) the sorted positions.

    Where it `selects`, these positions still arrive at the layer, which then no longer reads them.
    """

    name: str
    units: int
    removed_units: int
    removed: Mapping[Where, np.ndarray]
    selects: bool = False


@dataclass(frozen=True, eq=False)
class CutPlan:
    """Which positions go, per group; `lengths` and `tensors` are the axes and shapes of all affected layers, uncut.

    A plan belongs to an architecture, not to a model object: it is applied to any dense model with these tensors.
    """

    groups: tuple[GroupCut, ...]
    lengths: Mapping[Where, int]
    tensors: Mapping[str, tuple[int, ...]]

    @cached_property
    def removed(self) -> dict[Where, np.ndarray]:
        """Sorted positions each (layer, axis) loses, over all groups, on the uncut model."""
        return _joined(self.groups)

    @cached_property
    def deselected(self) -> dict[Where, np.ndarray]:
        """Those of the `removed` positions that still arrive at the layer: what it loses to groups that select."""
        return _joined(group for group in self.groups if group.selects)

    @cached_property
    def kept(self) -> dict[Where, np.ndarray]:
        """Sorted positions each (layer, axis) keeps, on the uncut model."""
        return {where: np.setdiff1d(np.arange(self.lengths[where]), gone) for where, gone in self.removed.items()}

    def only(self, *names: str) -> Self:
        """The plan with these groups alone."""
        return type(self)(tuple(group for group in self.groups if group.name in names), self.lengths, self.tensors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CutPlan) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(tuple((group.name, group.removed_units) for group in self.groups))

    def to_json(self) -> dict[str, Any]:
        """Plain lists, strings and integers; equal plans give equal JSON."""
        axes = {where: number for number, where in enumerate(self.lengths)}
        lists: dict[str, int] = {}
        groups = [_group_json(group, axes, lists) for group in self.groups]
        return {
            "format": FORMAT,
            "tensors": {name: list(shape) for name, shape in self.tensors.items()},
            "lists": list(lists),
            "axes": [[module, axis, length] for (module, axis), length in self.lengths.items()],
            "groups": groups,
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The plan in `data`. Raises `CheckpointMismatch` that says what is wrong with it."""
        try:
            return cls._read(data)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CheckpointMismatch(
                f"the cut plan is damaged or was edited ({type(error).__name__}: {error}); save it again"
            ) from None

    @classmethod
    def _read(cls, data: Any) -> Self:
        if data["format"] != FORMAT:
            raise ValueError(f"format is {data['format']!r}, this version reads {FORMAT}")
        axes = [_axis(*entry) for entry in data["axes"]]
        longest = max((length for _, length in axes), default=0)
        lists = [_positions(text, longest) for text in data["lists"]]
        tensors = {_text(name): tuple(_count(size) for size in shape) for name, shape in data["tensors"].items()}
        groups = tuple(_read_group(entry, axes, lists) for entry in data["groups"])
        plan = cls(groups, dict(axes), tensors)
        _check_whole(plan, len(axes))
        return plan


def ranges(positions: np.ndarray) -> str:
    """Sorted positions as text: [0, 1, 2, 7] is "0-2,7"."""
    if not len(positions):
        return ""
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    runs = np.split(positions, breaks)
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _joined(groups: Iterable[GroupCut]) -> dict[Where, np.ndarray]:
    """Sorted positions each (layer, axis) loses to any of `groups`."""
    found: dict[Where, list[np.ndarray]] = {}
    for group in groups:
        for where, positions in group.removed.items():
            found.setdefault(where, []).append(positions)
    return {where: np.unique(np.concatenate(parts)) for where, parts in found.items()}


def _group_json(group: GroupCut, axes: Mapping[Where, int], lists: dict[str, int]) -> dict[str, Any]:
    members = [
        [axes[where], lists.setdefault(ranges(positions), len(lists))] for where, positions in group.removed.items()
    ]
    entry = {"name": group.name, "units": group.units, "removed": group.removed_units, "members": members}
    return entry | ({"selects": True} if group.selects else {})


def _positions(text: Any, longest: int) -> np.ndarray:
    runs = [part.split("-") for part in _text(text).split(",")] if text else []
    ends = [(_digits(run[0]), _digits(run[-1])) for run in runs if len(run) <= 2]
    if len(ends) != len(runs) or any(first > last for first, last in ends):
        raise ValueError(f"{text!r} is no list of ranges such as '0-2,7'")
    if any(after[0] <= before[1] for before, after in pairwise(ends)):
        raise ValueError(f"{text!r} is not sorted")
    if ends and ends[-1][1] >= longest:
        raise ValueError(f"{text!r} holds a position that no layer has")
    return np.concatenate([np.arange(first, last + 1) for first, last in ends]) if ends else np.zeros(0, np.int64)


def _digits(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is no position")
    return int(text)


def _axis(module: Any, axis: Any, length: Any) -> tuple[Where, int]:
    if axis not in AXES:
        raise ValueError(f"axis {axis!r} is none of {', '.join(AXES)}")
    return (_text(module), axis), _count(length)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _count(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise TypeError(f"{value!r} is not a whole number of at least {least}")
    return value


def _read_group(entry: Any, axes: list[tuple[Where, int]], lists: list[np.ndarray]) -> GroupCut:
    removed: dict[Where, np.ndarray] = {}
    for axis, positions in entry["members"]:
        where, length = axes[_count(axis)]
        found = lists[_count(positions)]
        if where in removed:
            raise ValueError(f"{where[0]}:{where[1]} stands twice in group {entry['name']!r}")
        if len(found) and found[-1] >= length:
            raise ValueError(f"{where[0]}:{where[1]} has {length} positions, so it cannot lose position {found[-1]}")
        removed[where] = found
    units = _count(entry["units"], 1)
    gone = _count(entry["removed"])
    if gone >= units:
        raise ValueError(f"group {entry['name']!r} would lose {gone} of its {units} units")
    return GroupCut(_text(entry["name"]), units, gone, removed, _read_selects(entry, removed))


def _read_selects(entry: Any, removed: Mapping[Where, np.ndarray]) -> bool:
    selects = entry.get("selects", False)
    if not isinstance(selects, bool):
        raise TypeError(f"selects is {selects!r}, not true or false")
    for module, axis in removed:
        if selects and axis != "in":
            raise ValueError(f"group {entry['name']!r} selects what a layer reads, so it cannot cut {module}:{axis}")
    return selects


def _check_whole(plan: CutPlan, axes: int) -> None:
    """Nothing is lost twice, and nothing is lost whole."""
    if len(plan.lengths) != axes:
        raise ValueError("an axis stands there twice")
    if len({group.name for group in plan.groups}) != len(plan.groups):
        raise ValueError("a group stands there twice")
    for where, gone in plan.removed.items():
        if len(gone) != sum(len(group.removed.get(where, ())) for group in plan.groups):
            raise ValueError(f"{where[0]}:{where[1]} would lose a position twice")
        if len(gone) >= plan.lengths[where]:
            raise ValueError(f"{where[0]}:{where[1]} would lose all of its {plan.lengths[where]} positions")
