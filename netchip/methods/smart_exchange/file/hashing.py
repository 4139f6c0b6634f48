"""The two hashes of a file, both SHA-256: of what is stored, and of each weight as it is rebuilt."""

import hashlib
import json
from collections.abc import Callable, Iterable

from torch import Tensor

from netchip.methods.smart_exchange.file.container import dtype_name, raw


def stored_hash(document: str, names: Iterable[str], tensor_of: Callable[[str], Tensor]) -> str:
    """Over the text of the document, then over each tensor, its name and form, in the order of their names (code points)."""
    digest = hashlib.sha256(document.encode())
    for name in sorted(names):
        _add(digest, name, tensor_of(name))
    return digest.hexdigest()


def weight_hash(name: str, weight: Tensor) -> str:
    """Over a rebuilt weight, its name and form."""
    digest = hashlib.sha256()
    _add(digest, name, weight)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", name: str, tensor: Tensor) -> None:
    """One line of JSON, [name, dtype, shape] as Python's `json.dumps` writes it, a line feed, and the bytes of the elements."""
    digest.update(json.dumps([name, dtype_name(tensor.dtype), list(tensor.shape)]).encode() + b"\n")
    digest.update(raw(tensor))
