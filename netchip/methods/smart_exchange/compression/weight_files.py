"""Files of weights: safetensors, whole or in shards, and torch checkpoints that hold nothing but tensors."""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from netchip.errors import DataError
from netchip.files import read_json
from netchip.methods.smart_exchange.compression.weights import Described, Weights
from netchip.methods.smart_exchange.file.container import DTYPES
from netchip.methods.smart_exchange.file.reading import is_compressed
from netchip.train.saving import aliases_of, noted_aliases

INDEX_ENDING = ".safetensors.index.json"
_CHECKPOINTS = (".pt", ".pth", ".bin", ".ckpt")
_WITHIN = ("state_dict", "model")  # where training programs put the weights in a checkpoint


def is_weight_file(name: str) -> bool:
    """Whether `name` ends as a file of weights does."""
    return name.lower().endswith((".safetensors", INDEX_ENDING, *_CHECKPOINTS))


def weights_of_file(path: str | Path) -> Weights:
    """The weights in a .safetensors file, in the shards of a .safetensors.index.json, or in a torch checkpoint.

    Nothing is unpickled but tensors; tied ones are there once, and the metadata note their other names. Raises `DataError` that
    names the file for one that is missing, broken or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if not is_weight_file(path.name):
        endings = ", ".join((".safetensors", INDEX_ENDING, *_CHECKPOINTS))
        raise DataError(f"{path}: not a file of weights; those end in {endings}")
    if path.name.lower().endswith(INDEX_ENDING):
        return _of_shards(path)
    return _of_checkpoint(path) if path.suffix.lower() in _CHECKPOINTS else _of_safetensors(path)


def _of_safetensors(path: Path) -> Weights:
    if is_compressed(path):
        raise DataError(f"{path}: is compressed already; `netchip expand` gives the dense weights back")
    file = _Opened(path)
    return Weights(path.name, file.tensors, file.load, file.metadata, path.stat().st_size)


def _of_shards(path: Path) -> Weights:
    index = read_json(path)
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not all(isinstance(shard, str) for shard in places.values()):
        raise DataError(f"{path}: no index of shards; it has no weight_map of names to files")
    shards: dict[str, _Opened] = {}
    for shard in sorted(set(cast("dict[str, str]", places).values())):
        if Path(shard).name != shard:
            raise DataError(f"{path}: the shard {shard!r} does not lie beside it")
        shards[shard] = _Opened(path.with_name(shard))
    missing = [name for name, shard in places.items() if name not in shards[shard].tensors]
    if missing:
        raise DataError(f"{path}: {places[missing[0]]} does not hold {missing[0]!r}, as the index says")
    return Weights(
        title=path.name,
        tensors={name: shards[shard].tensors[name] for name, shard in places.items()},
        load=lambda name: shards[places[name]].load(name),
        metadata=next(iter(shards.values())).metadata if shards else {},
        bytes=sum(path.with_name(shard).stat().st_size for shard in shards),
    )


def _of_checkpoint(path: Path) -> Weights:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        first = str(error).split("\n", maxsplit=1)[0]
        raise DataError(
            f"{path}: no checkpoint of tensors only ({first}); save the state_dict as safetensors"
        ) from None
    state = _state_within(content)
    if state is None:
        raise DataError(f"{path}: holds no state_dict, which is names with tensors; save that as safetensors")
    aliases = aliases_of(state)
    tensors = {
        name: Described(tuple(tensor.shape), tensor.dtype) for name, tensor in state.items() if name not in aliases
    }
    metadata = noted_aliases(aliases) if aliases else {}
    return Weights(path.name, tensors, state.__getitem__, metadata, path.stat().st_size)


def _state_within(content: Any) -> Mapping[str, Tensor] | None:
    candidates = [content, *(content.get(key) for key in _WITHIN)] if isinstance(content, Mapping) else []
    for each in candidates:
        if isinstance(each, Mapping) and each and all(isinstance(value, Tensor) for value in each.values()):
            return {str(name): tensor.detach() for name, tensor in each.items()}
    return None


class _Opened:
    """One safetensors file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._reading():
            self._file: Any = safe_open(path, framework="pt", device="cpu")
            self.metadata: dict[str, str] = self._file.metadata() or {}
            self.tensors = {name: self._described(name) for name in self._file.keys()}  # noqa: SIM118 - no mapping

    def load(self, name: str) -> Tensor:
        """One tensor."""
        with self._reading():
            return self._file.get_tensor(name)

    def _described(self, name: str) -> Described:
        part = self._file.get_slice(name)
        dtype = part.get_dtype()
        if dtype not in DTYPES:
            raise DataError(
                f"{self._path}: {name!r} is of the type {dtype}, which is not known; there are {', '.join(DTYPES)}"
            )
        return Described(tuple(part.get_shape()), DTYPES[dtype])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise DataError(f"{self._path}: not a whole safetensors file ({error}); fetch another copy") from None
