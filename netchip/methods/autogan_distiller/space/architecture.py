"""One network of a space: which operator each layer has, and how wide it is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from netchip.errors import DataError

FORMAT = 1


@dataclass(frozen=True)
class Architecture:
    """The operator of every layer by name, and the width of every layer that has its own (others share one of these).

    It belongs to the space called `space`; `Space.check` holds it to it.
    """

    space: str
    operators: Mapping[str, str]
    widths: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "format": FORMAT,
            "space": self.space,
            "operators": dict(self.operators),
            "widths": dict(self.widths),
        }

    @property
    def digest(self) -> str:
        """Twelve hex digits that name it, whatever the order of its layers."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:12]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` wrote; raises `DataError` for anything else."""
        if data.get("format") != FORMAT:
            raise DataError(f"this architecture is of format {data.get('format')!r}; this version reads {FORMAT}")
        try:
            operators = {str(layer): str(name) for layer, name in data["operators"].items()}
            widths = {str(layer): int(width) for layer, width in data["widths"].items()}
            return cls(str(data["space"]), operators, widths)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"this is not an architecture: {error!r} while reading") from None
