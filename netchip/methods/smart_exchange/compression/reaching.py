"""One size for the whole file: how many rows each weight loses follows from it."""

from collections.abc import Callable

import torch
from torch import Tensor

from netchip.methods.smart_exchange.compression.choice import Choice
from netchip.methods.smart_exchange.compression.weights import Weights
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.decompose import Settings
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.target import Target
from netchip.methods.smart_exchange.decomposition.targets import Rest, meet
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.file.container import header_of
from netchip.methods.smart_exchange.file.document import Document, Entry, stored_name
from netchip.methods.smart_exchange.file.reading import ByName
from netchip.methods.smart_exchange.file.writing import DOCUMENT_KEY, HASH_KEY
from netchip.methods.smart_exchange.packing.bits import stream_bytes
from netchip.methods.smart_exchange.packing.packed import TOPS
from netchip.units import BITS_PER_BYTE

_FLOAT_BITS = 32
_LONGEST_SCALE = 1.1754943508222875e-38
_NO_HASH = "0" * 64


def factored_within(
    target: Target,
    weights: Weights,
    choice: Choice,
    settings: Settings,
    note: dict[str, object],
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Factored]:
    """The chosen weights decomposed so that the file fits the target, its header and all that stays dense counted.

    A target in bits for each weight, or in rows, is of the packed weights alone. `note`: what the file will note. Raises
    `BudgetError`, with the nearest that can be reached.
    """
    rest = Rest()
    if target.kind in ("ratio", "bytes", "share"):
        kept_bytes = sum(weights.tensors[name].bytes for name in choice.kept)
        rest = Rest(
            weights=_in_float32(weights, choice),
            bits=BITS_PER_BYTE * (kept_bytes + header_at_most(weights, choice, settings.bits, note)),
        )
    names = tuple(choice.packed)
    loads = 0

    def load(name: str) -> Tensor:
        nonlocal loads
        if progress is not None:
            progress(name, loads % len(names), len(names))
        loads += 1
        return weights.load(name)

    return meet(ByName(names, load), choice.packed, target, settings=settings, rest=rest)


def header_at_most(weights: Weights, choice: Choice, bits: int, note: dict[str, object]) -> int:
    """Bytes that the header of the file will have at most: that of one with the longest numbers and nothing removed."""
    entries = {
        name: _longest_entry(tiling, weights.tensors[name].dtype, bits) for name, tiling in choice.packed.items()
    }
    document = Document(entries, len(choice.kept), weights.metadata, note)
    stored: dict[str, Tensor] = {}
    for name, each in weights.tensors.items():
        if name not in entries:
            stored[name] = torch.empty(each.shape, dtype=each.dtype, device="meta")
            continue
        for part, (shape, dtype) in _largest_parts(choice.packed[name], bits).items():
            stored[stored_name(name, part)] = torch.empty(shape, dtype=dtype, device="meta")
    return len(header_of(stored, {DOCUMENT_KEY: document.to_text(), HASH_KEY: _NO_HASH}))


def _longest_entry(tiling: Tiling, dtype: torch.dtype, bits: int) -> Entry:
    return Entry(tiling, Alphabet(bits, TOPS[0]), _LONGEST_SCALE, dtype, "bitmap", "plain", _NO_HASH)


def _largest_parts(tiling: Tiling, bits: int) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    coefficients = tiling.real_rows * tiling.width
    return {
        "codes": ((stream_bytes(coefficients, bits),), torch.uint8),
        "rows": ((stream_bytes(tiling.real_rows, 1),), torch.uint8),
        "elements": ((stream_bytes(coefficients, 1),), torch.uint8),
        "basis": ((tiling.blocks, tiling.width, tiling.width), torch.int8),
    }


def _in_float32(weights: Weights, choice: Choice) -> int:
    """How many float32 values take the bytes that all but the packed weights have in float32."""
    packed = sum(tiling.weights for tiling in choice.packed.values())
    return weights.float32_bytes * BITS_PER_BYTE // _FLOAT_BITS - packed
