"""What a source holds for a model: packed weights and dense tensors, by names that are the model's."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch
from netchip.methods.smart_exchange.file.reading import CompressedFile, read
from netchip.methods.smart_exchange.packing.packed import Packed
from netchip.methods.smart_exchange.packing.rebuild import rebuild

Source = str | Path | CompressedFile | Mapping[str, Packed]
Uses = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Contents:
    """Packed and dense tensors; `complete`: they come from a file, which holds all of a model.

    `rebuilt`: the weight of a name and what is packed under it; from a file its hash is compared.
    """

    packed: Mapping[str, Packed]
    dense: Mapping[str, Tensor]
    rebuilt: Callable[[str, Packed], Tensor]
    complete: bool

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name, rebuilt where it is packed. Raises `DataError` where it is not what a file's hash says."""
        return self.rebuilt(name, self.packed[name]) if name in self.packed else self.dense[name]


def contents_for(model: nn.Module, source: Source) -> tuple[Contents, Uses]:
    """What `source` holds, a tied tensor once; and for each name of the model all names of the same tensor.

    Raises `CheckpointMismatch` for names and shapes that are not the model's, for a file that leaves some of the model out, and
    for two different tensors where the model has one.
    """
    contents, uses = _read(source), _uses(model)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    state = {name: value for name, value in model.state_dict(keep_vars=True).items() if isinstance(value, Tensor)}
    for name, stored in contents.packed.items():
        _check_one(name, stored.tiling.shape, parameters)
    for name, value in contents.dense.items():
        _check_one(name, tuple(value.shape), state)
    given = {use for name in (*contents.packed, *contents.dense) for use in uses[name]}
    missing = [name for name in state if name not in given]
    if contents.complete and missing:
        raise CheckpointMismatch(
            f"the file holds nothing for {some_of(missing)} of this model; was it made from another?"
        )
    return _each_once(contents, uses), uses


def some_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _read(source: Source) -> Contents:
    if isinstance(source, str | Path):
        source = read(source)
    if isinstance(source, CompressedFile):
        return Contents(dict(source.packed), dict(source.dense), source.rebuilt, complete=True)
    return Contents(source, {}, lambda _, stored: rebuild(stored), complete=False)


def _uses(model: nn.Module) -> Uses:
    names: dict[int, list[str]] = {}
    everything = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    for name, value in everything:
        names.setdefault(id(value), []).append(name)
    return {name: tuple(names[id(value)]) for name, value in everything}


def _check_one(name: str, shape: tuple[int, ...], known: Mapping[str, Tensor]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"the nearest name there is {close[0]!r}" if close else f"its weights are named {some_of(list(known))}"
        raise CheckpointMismatch(f"{name}: this model has no such weight; {hint}")
    if tuple(known[name].shape) != tuple(shape):
        raise CheckpointMismatch(
            f"{name}: stored as {tuple(shape)}, but this model has {tuple(known[name].shape)} there"
        )


def _each_once(contents: Contents, uses: Uses) -> Contents:
    """Without the further names of tied tensors, which must hold the same."""
    first: dict[tuple[str, ...], str] = {}
    for name in (*contents.packed, *contents.dense):
        kept = first.setdefault(uses[name], name)
        if kept != name and not torch.equal(contents.tensor(kept), contents.tensor(name)):
            raise CheckpointMismatch(f"{kept} and {name} are one weight in this model, but differ in what is stored")
    kept_names = set(first.values())
    packed = {name: value for name, value in contents.packed.items() if name in kept_names}
    dense = {name: value for name, value in contents.dense.items() if name in kept_names}
    return replace(contents, packed=packed, dense=dense)
