"""A text file for another tool, read again by netchip before it was written, and found to say the same."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netchip.errors import RunError
from netchip.units import format_count
from netchip.workload.layer import Layer
from netchip.workload.network import Workload


@dataclass(frozen=True, kw_only=True)
class CheckedText:
    """`holds` says what was read back the same, `left_out` what the file's grammar has no word for."""

    file: str
    holds: str
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"left_out": list(self.left_out)}

    def line(self) -> str:
        """In words."""
        left = f"; it does not say {', '.join(self.left_out)}" if self.left_out else ""
        return f"{self.file}: {self.holds}; read again by netchip, it says the same{left}"


def layers_of(workload: Workload) -> str:
    """'21 layers, 40.9 M MACs'."""
    count = len(workload.layers)
    return f"{count} layer{'s' * (count != 1)}, {format_count(workload.macs)} MACs"


def require_same(found: tuple[Layer, ...], wanted: tuple[Layer, ...], path: Path | str) -> None:
    """Raises `RunError` that names the first layer that did not read back as it was."""
    wrong = [each.name for each, read in zip(wanted, found, strict=False) if each != read]
    if wrong or len(found) != len(wanted):
        raise RunError(
            f"{path}: {(wrong or ['the number of layers'])[0]} does not read back as it was; nothing was written"
        )
