"""Rounded weights in a safetensors file, packed, so that their size is measured and not computed.

A weight NAME is stored as `NAME:codes` (uint8, a stream of codes of a few bits), `NAME:scales` (float16 [filters, groups]) and,
for affine schemes, `NAME:zero_points` (a stream); other tensors under their own names. The metadata say how to read them.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from netchip.errors import ConfigError, DataError
from netchip.files import write_atomic
from netchip.methods.smart_exchange.baselines.quantized import Quantized
from netchip.methods.smart_exchange.baselines.scheme import scheme_named
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.bits import pack_bits, stream_bytes, unpack_bits

FORMAT = "netchip-rounded-1"
_KEY = "rounded"
_DTYPES = {str(dtype): dtype for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}


@dataclass(frozen=True)
class RoundedFile:
    """What a file holds: rounded weights and dense tensors, by name."""

    quantized: Mapping[str, Quantized]
    dense: Mapping[str, Tensor]

    def state_dict(self) -> dict[str, Tensor]:
        """All weights, the rounded ones rebuilt."""
        return {**self.dense, **{name: stored.weight() for name, stored in self.quantized.items()}}


def write_rounded(path: str | Path, quantized: Mapping[str, Quantized], dense: Mapping[str, Tensor]) -> int:
    """Writes both to `path`, whole or not at all; returns the bytes of the file.

    Raises `DataError` for a name that is used twice, `CheckpointError` when the disk refuses.
    """
    path = Path(path)
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in dense.items()}
    for name, stored in quantized.items():
        parts = _stored_tensors(name, stored)
        taken = sorted({name, *_parts(name)} & tensors.keys())
        if taken:
            raise DataError(f"{path}: {taken[0]!r} is both a dense tensor and part of a rounded weight; rename one")
        tensors |= parts
    entries = {name: _entry(stored) for name, stored in quantized.items()}
    content = save(tensors, metadata={_KEY: json.dumps({"format": FORMAT, "weights": entries}, sort_keys=True)})
    write_atomic(path, content)
    return len(content)


def read_rounded(path: str | Path) -> RoundedFile:
    """What `write_rounded` wrote. Raises `DataError`, which names the file, for one that is missing, cut or another's."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        return _read(path)
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ConfigError,
        RecursionError,
    ) as error:
        raise DataError(f"{path}: this is no whole file of rounded weights ({error}); write it again") from None


def _read(path: Path) -> RoundedFile:
    opened: Any = safe_open(path, framework="pt", device="cpu")
    with opened as file:
        described = json.loads((file.metadata() or {}).get(_KEY, "{}"))
        if described.get("format") != FORMAT:
            raise ConfigError(f"its format is {described.get('format')!r}, not {FORMAT!r}")
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    quantized = {name: _quantized(name, entry, tensors) for name, entry in described["weights"].items()}
    for left in (part for name in quantized for part in _parts(name) if part in tensors):
        raise ConfigError(f"{left} is left over")
    return RoundedFile(quantized, tensors)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(f"{name}:{part}" for part in ("codes", "scales", "zero_points"))


def _entry(stored: Quantized) -> dict[str, Any]:
    groups = stored.tiling.transposed_groups
    return {
        "scheme": stored.scheme.name,
        "shape": list(stored.tiling.shape),
        "exponent": stored.exponent,
        "dtype": str(stored.dtype),
        **({"transposed_groups": groups} if groups else {}),
    }


def _stored_tensors(name: str, stored: Quantized) -> dict[str, Tensor]:
    bits = stored.scheme.bits
    parts = {f"{name}:codes": pack_bits(stored.codes.cpu(), bits), f"{name}:scales": stored.scales.cpu().contiguous()}
    return parts if stored.zeros is None else {**parts, f"{name}:zero_points": pack_bits(stored.zeros.cpu(), bits)}


def _quantized(name: str, entry: Mapping[str, Any], tensors: dict[str, Tensor]) -> Quantized:
    """The weight `name`; its parts are taken out of `tensors`. Nothing is unpacked before the sizes agree."""
    scheme, shape = scheme_named(entry["scheme"]), tuple(entry["shape"])
    groups = entry.get("transposed_groups", 0)
    whole = Tiling(shape, 1, transposed_groups=groups)
    tiling = Tiling(shape, scheme.group_in(whole.filter_size), transposed_groups=groups)
    scales = tensors.pop(f"{name}:scales")
    if tuple(scales.shape) != (tiling.filters, tiling.filter_rows) or scales.dtype != torch.float16:
        raise ConfigError(f"{name}: scales are {tuple(scales.shape)}, not {tiling.filters} x {tiling.filter_rows}")
    codes = _unpacked(f"{name}:codes", tensors, scheme.bits, math.prod(shape), scheme.levels)
    zeros = (
        None
        if scheme.symmetric
        else _unpacked(f"{name}:zero_points", tensors, scheme.bits, scales.numel(), scheme.levels)
    )
    exponent = entry["exponent"]
    if type(exponent) is not int or abs(exponent) > 1023:
        raise ConfigError(f"{name}: the exponent is {exponent!r}")
    shaped = None if zeros is None else zeros.reshape(scales.shape)
    return Quantized(scheme, tiling, codes.reshape(shape), scales, shaped, exponent, _DTYPES[entry["dtype"]])


def _unpacked(name: str, tensors: dict[str, Tensor], bits: int, count: int, levels: int) -> Tensor:
    stream = tensors.pop(name)
    if tuple(stream.shape) != (stream_bytes(count, bits),) or stream.dtype != torch.uint8:
        raise ConfigError(f"{name} holds {stream.numel()} bytes, not {stream_bytes(count, bits)}")
    codes = unpack_bits(stream, bits, count)
    if int(codes.max()) >= levels:
        raise ConfigError(f"{name} holds code {int(codes.max())}; there are {levels}")
    return codes
