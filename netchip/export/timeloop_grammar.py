"""The words of Timeloop's v0.4 files: its dimensions, data spaces and names of targets.

Source: the exercises of Timeloop and Accelergy (`timeloop-accelergy-exercises`), their inputs and the mapper's own output.
"""

from netchip.hardware.dimensions import Operand

VERSION = 0.4
DIMENSIONS: dict[str, str] = {
    "B": "N",
    "G": "G",
    "K": "M",
    "C": "C",
    "OY": "Q",
    "OX": "P",
    "FY": "S",
    "FX": "R",
}
"""P and R run along the width, Q and S along the height; M and C are channels of a group."""

DATA_SPACES: dict[Operand, str] = {"W": "Weights", "I": "Inputs", "O": "Outputs"}
SYSTEM = "system"
MAC = "mac"


def spatial_target(dimension: str) -> str:
    """What a mapping calls the units side by side along a dimension of the array, whose container has its name."""
    return f"inter_{dimension}_spatial"
