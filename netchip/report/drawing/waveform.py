"""A waveform: signals of one bit over cycles, one under the other, as simulators show them."""

import itertools
from collections.abc import Iterator, Mapping

from netchip.report.drawing.svg import WIDTH, clipped, document, number, path, text, text_width
from netchip.report.palette import series_class

_ROW, _HIGH, _TOP, _BOTTOM, _RIGHT = 24.0, 14.0, 8.0, 22.0, 10.0
_MOST_NAME = 120.0
_STEPS = (1, 2, 5)
_MOST_TICKS = 5


def draw_waveform(signals: Mapping[str, str]) -> str:
    """Strings of 0 and 1 a cycle, by name, all as long."""
    left = min(_MOST_NAME, max(map(text_width, signals))) + 12
    cycles = max(map(len, signals.values()))
    scale = (WIDTH - left - _RIGHT) / cycles
    base = _TOP + _ROW * len(signals)
    parts: list[str] = []
    for tick in _ticks(cycles):
        x = left + tick * scale
        parts += [
            path("g", f"M{number(x)} {number(_TOP)}V{number(base + 4)}"),
            text(x, base + 17, f"{tick}", anchor="middle"),
        ]
    for place, (name, samples) in enumerate(signals.items()):
        low = _TOP + _ROW * (place + 1) - 4
        parts.append(text(left - 8, low - 2, clipped(name, _MOST_NAME), anchor="end"))
        parts.append(path(f"t {series_class(place)}", _wave(samples, left, scale, low)))
    return document(parts, base + _BOTTOM)


def _wave(samples: str, left: float, scale: float, low: float) -> str:
    """The line of a signal: along, and up or down where it changes."""
    data, place = [f"M{number(left)} {number(low - _HIGH * (samples[0] == '1'))}"], 0
    for value, count in _runs(samples):
        data.append(f"V{number(low - _HIGH * (value == '1'))}")
        place += count
        data.append(f"H{number(left + place * scale)}")
    return "".join(data)


def _runs(samples: str) -> Iterator[tuple[str, int]]:
    for value, run in itertools.groupby(samples):
        yield value, sum(1 for _ in run)


def _ticks(cycles: int) -> range:
    """Round numbers of cycles, five at most beside 0."""
    sizes = (step * 10**power for power in itertools.count() for step in _STEPS)
    step = next(size for size in sizes if cycles / size <= _MOST_TICKS)
    return range(0, cycles + 1, step)
