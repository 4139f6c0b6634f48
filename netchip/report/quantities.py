"""How a figure is named and written for a reader: its unit is read off the end of its name."""

from collections.abc import Callable
from typing import Any

from netchip.units import format_bytes, format_count, format_energy_j, format_energy_pj, format_percent, format_seconds

_LABELS = {"macs": "MACs", "training_macs": "training MACs", "file_bytes": "file size"}
_WORDS = {
    "macs": "MACs",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "edp": "EDP",
    "latency": "latency",
    "batch1": "batch 1",
    "batch64": "batch 64",
}


_AXES: dict[str, tuple[tuple[float, str], ...]] = {
    "_percent": ((1.0, "%"),),
    "_db": ((1.0, "dB"),),
    "_bytes": ((2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
    "_pj": ((1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ")),
    "_ms": ((1e3, "s"), (1.0, "ms"), (1e-3, "µs")),
    "_s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
}
"""What an axis of such a figure is written in: sizes of units, the largest first."""


def _milliseconds(value: float) -> str:
    return format_seconds(value / 1e3)


_UNITS: dict[str, tuple[str, Callable[[float], str]]] = {
    "_percent": ("", format_percent),
    "_seconds": ("time", format_seconds),
    "_bytes": ("size", lambda value: format_bytes(round(value))),
    "_bits": ("bits", format_count),
    "_pj_s": ("", lambda value: f"{format_energy_pj(value)} s"),
    "_ms": ("", _milliseconds),
    "_s": ("", format_seconds),
    "_j": ("", format_energy_j),
    "_pj": ("", format_energy_pj),
    "_mm2": ("area", lambda value: f"{value:.3g} mm²"),
    "_db": ("", lambda value: f"{value:.2f} dB"),
    "_w": ("", lambda value: f"{value:.3g} W"),
    "_hz": ("", lambda value: f"{format_count(value)}Hz"),
}


def label(name: str) -> str:
    """A figure's name in words: 'latency_batch1_ms' -> 'latency, batch 1', 'training_seconds' -> 'training time'."""
    if name in _LABELS:
        return _LABELS[name]
    stem, unit_word, _ = _split(name)
    words = [_WORDS.get(word, _spaced_batch(word)) for word in stem.split("_") if word]
    if unit_word and unit_word not in words:
        words.append(unit_word)
    return " ".join(words).replace(" batch", ", batch")


def written(name: str, value: Any) -> str:
    """The value of a figure with its unit; '–' where there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return _split(name)[2](value)


def ratio(value: float | None, base: float | None) -> str:
    """A figure against the baseline's: '×0.42'; empty where that says nothing."""
    if value is None or base is None or base <= 0 or value < 0:
        return ""
    return f"×{value / base:.2f}" if value / base < 9.995 else f"×{value / base:.0f}"


def compared(name: str, value: float | None, base: float | None) -> str:
    """A figure against the baseline's: percentages by their difference in points, '-1.25 pt', decibels in dB; all others
    as a ratio."""
    if name.endswith("_db"):
        return "" if value is None or base is None else f"{value - base:+.2f} dB"
    if not name.endswith("_percent"):
        return ratio(value, base)
    return "" if value is None or base is None else f"{value - base:+.2f} pt"


def axis_of(name: str, largest: float) -> tuple[float, str]:
    """(size of the unit, label) of an axis that reaches to `largest`: 'file_bytes', 5e6 -> (2**20, 'file size (MiB)')."""
    steps = next((steps for suffix, steps in _AXES.items() if name.endswith(suffix)), ())
    size, unit = next((step for step in steps if step[0] <= largest), steps[-1] if steps else (1.0, ""))
    return size, f"{label(name)} ({unit})" if unit else label(name)


def _split(name: str) -> tuple[str, str, Callable[[float], str]]:
    for suffix, (word, write) in _UNITS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), word, write
    return name, "", format_count


def _spaced_batch(word: str) -> str:
    return f"batch {word[5:]}" if word.startswith("batch") and word[5:].isdigit() else word
