"""Entropy coding of a stream of codes: zlib's Huffman codes, from the standard library."""

import zlib
from typing import Literal

import torch
from torch import Tensor

from netchip.errors import DataError
from netchip.methods.smart_exchange.file.container import raw

Coding = Literal["plain", "zlib"]
CODINGS: tuple[Coding, ...] = ("plain", "zlib")


def coded(stream: Tensor) -> Tensor:
    """uint8: the stream as one zlib stream of Huffman codes, without a search for repeats."""
    packer = zlib.compressobj(level=9, strategy=zlib.Z_HUFFMAN_ONLY)
    return torch.frombuffer(bytearray(packer.compress(raw(stream)) + packer.flush()), dtype=torch.uint8)


def decoded(stream: Tensor, size: int) -> Tensor:
    """The `size` bytes that `coded` was given; never more are made. Raises `DataError` where the stream holds others."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(raw(stream), size + 1)
    except zlib.error as error:
        raise DataError(f"the codes are no zlib stream ({error})") from None
    if len(content) != size or not unpacker.eof or unpacker.unused_data:
        raise DataError(f"the zlib stream of the codes does not hold exactly the {size} bytes it should")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if size else torch.empty(0, dtype=torch.uint8)
