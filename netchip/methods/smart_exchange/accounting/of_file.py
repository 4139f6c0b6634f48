"""A compressed file under the three rules."""

from collections.abc import Iterator
from typing import get_args

from netchip.methods.smart_exchange.accounting.layers import DenseTensor, LayerCounts
from netchip.methods.smart_exchange.accounting.rules import AccountedSize, Accounting, account
from netchip.methods.smart_exchange.file.reading import CompressedFile
from netchip.units import BITS_PER_BYTE


def sizes_of_file(file: CompressedFile) -> tuple[AccountedSize, ...]:
    """Its size by each rule, that of the file itself first; headers are in none of them."""
    layers = [LayerCounts.of(name, packed, file.size(name)) for name, packed in file.packed.items()]
    dense = list(_dense(file))
    return tuple(account(layers, rule, dense=dense) for rule in get_args(Accounting))


def _dense(file: CompressedFile) -> Iterator[DenseTensor]:
    for name, tensor in file.dense.items():
        yield DenseTensor(name, tensor.numel(), BITS_PER_BYTE * tensor.numel() * tensor.element_size())
