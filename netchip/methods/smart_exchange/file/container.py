"""The safetensors container: always the same bytes for the same tensors and metadata, written one tensor after the other."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from netchip.errors import DataError
from netchip.files import replacing

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""The element types that are stored, by the names safetensors gives them. There are no others, and none is looked up."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LENGTH_BYTES = 8


def dtype_name(dtype: torch.dtype) -> str:
    """The stored name of a dtype; raises `DataError` where there is none."""
    if dtype not in _NAMES:
        raise DataError(f"{dtype} cannot be stored; there are {', '.join(DTYPES)}")
    return _NAMES[dtype]


def raw(tensor: Tensor) -> memoryview:
    """The bytes of a tensor in the order of its elements, without a copy where it lies so on the CPU."""
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy().data


def header_of(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The length and the JSON header; tensors lie by falling element size, then by name, so that each is aligned."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in storage_order(tensors):
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        entries[name] = {"dtype": dtype_name(tensor.dtype), "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def storage_order(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names in the order their tensors lie in the file."""
    return sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))


def write_container(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> int:
    """Writes the file, whole or not at all; returns its bytes. Raises `CheckpointError` when the disk refuses."""
    header = header_of(tensors, metadata)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(header)
        for name in storage_order(tensors):
            file.write(raw(tensors[name]))
        return file.tell()
