"""Chips named on the command line: presets, their own YAML files, and accelerator files of ZigZag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from netchip.errors import ConfigError, DataError
from netchip.export.yaml_text import read_yaml
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import chip_names, load_chip
from netchip.units import HERTZ, read_quantity
from netchip.workload.encoding import Precision

_ZIGZAG_CLOCK_HZ = 1e9
_ZIGZAG_PRECISION = Precision(accumulator_bits=16)
"""The operand precision of ZigZag's own workloads, by which its machines are sized."""


@dataclass(frozen=True)
class Chip:
    """An accelerator; `assumed` says in sentences what its file leaves open and what was taken for it."""

    accelerator: Accelerator
    assumed: tuple[str, ...] = ()


def find_chips(names: Sequence[str], clock: str | None = None) -> list[Chip]:
    """The chips called `names`, all different; `clock`, such as "200MHz", is that of ZigZag's files, which state none.

    Raises `ConfigError` or `DataError` in one line: what is wrong in which file, or which chips there are.
    """
    if not names:
        raise ConfigError(f"name a chip: --chip NAME or a YAML file; there are {', '.join(chip_names())}")
    frequency_hz = None if clock is None else _hertz(clock)
    chips = [_of_zigzag(name, frequency_hz) if _is_zigzag(name) else Chip(load_chip(name)) for name in names]
    if clock is not None and not any(chip.assumed for chip in chips):
        raise ConfigError(
            f"--clock is for ZigZag's files; {' and '.join(names)} has a clock of its own, so leave it out"
        )
    called = [chip.accelerator.name for chip in chips]
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice:
        raise ConfigError(f"two chips are called {', '.join(twice)}; name each once, or change the name in its file")
    return chips


def _hertz(clock: str) -> float:
    try:
        return read_quantity(clock, HERTZ)
    except ValueError as error:
        raise ConfigError(f"--clock {error}, as in 200MHz") from None


def _is_zigzag(name: str) -> bool:
    """Whether a file has the keys of ZigZag's; what cannot be read is left to the reader of chips, which says why."""
    if name in chip_names() or not Path(name).is_file():
        return False
    try:
        data = read_yaml(name)
    except DataError:
        return False
    if not isinstance(data, Mapping):
        return False
    keys = cast("Mapping[str, Any]", data)
    of_ours = "array" in keys or "extends" in keys
    return "operational_array" in keys or (isinstance(keys.get("memories"), Mapping) and not of_ours)


def _of_zigzag(name: str, frequency_hz: float | None) -> Chip:
    chip = read_zigzag_accelerator(
        name, frequency_hz=_ZIGZAG_CLOCK_HZ if frequency_hz is None else frequency_hz, precision=_ZIGZAG_PRECISION
    )
    return Chip(chip, _assumed(chip, given=frequency_hz is not None))


def _assumed(chip: Accelerator, *, given: bool) -> tuple[str, ...]:
    bits = chip.precision
    words = f"{bits.weight_bits}/{bits.input_bits}/{bits.output_bits}/{bits.accumulator_bits}"
    clock = f"{chip.frequency_hz / HERTZ['GHz']:g} GHz {'given' if given else 'assumed, --clock states another'}"
    return (
        f"{chip.name} is a ZigZag file, which states no clock ({clock}) and no precision ({words} bits assumed where neither "
        "--bits nor the network states it); its areas have no unit and are left out, and so are its dataflows.",
    )
