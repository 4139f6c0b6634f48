"""One network of a space: which block each position holds, and at how many bits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from netchip.errors import DataError

FORMAT = 1


@dataclass(frozen=True)
class Architecture:
    """The name of the block and the bits of every position, in the order of the positions of the space called `space`."""

    space: str
    blocks: tuple[str, ...]
    bits: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"format": FORMAT, "space": self.space, "blocks": list(self.blocks), "bits": list(self.bits)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` wrote; raises `DataError` for anything else."""
        if data.get("format") != FORMAT:
            raise DataError(f"this architecture is of format {data.get('format')!r}; this version reads {FORMAT}")
        try:
            blocks, bits = tuple(map(str, data["blocks"])), tuple(int(each) for each in data["bits"])
            return cls(str(data["space"]), blocks, bits)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"this is not an architecture: {error!r} while reading") from None
