"""A compressed file under the three rules."""

from collections.abc import Iterable, Mapping
from typing import get_args

from torch import Tensor

from netchip.methods.smart_exchange.accounting.layers import DenseTensor, LayerCounts
from netchip.methods.smart_exchange.accounting.rules import AccountedSize, Accounting, account
from netchip.methods.smart_exchange.file.reading import CompressedFile
from netchip.units import BITS_PER_BYTE


def sizes_of_file(file: CompressedFile) -> tuple[AccountedSize, ...]:
    """Its size by each rule, that of the file itself first; headers are in none of them."""
    layers = [LayerCounts.of(name, packed, file.size(name)) for name, packed in file.packed.items()]
    return sizes_by_rule(layers, file.dense)


def sizes_by_rule(layers: Iterable[LayerCounts], dense: Mapping[str, Tensor]) -> tuple[AccountedSize, ...]:
    """The same of treated weights and the tensors that are stored as they are."""
    treated = list(layers)
    rest = [
        DenseTensor(name, tensor.numel(), BITS_PER_BYTE * tensor.numel() * tensor.element_size())
        for name, tensor in dense.items()
    ]
    return tuple(account(treated, rule, dense=rest) for rule in get_args(Accounting))
