"""A block diagram: the memory of a board on the left, chunks of an accelerator on the right, a stream each way to every one."""

from collections.abc import Sequence
from dataclasses import dataclass

from netchip.report.drawing.svg import WIDTH, clipped, document, number, path, text

_ROW, _GAP, _TOP, _LINE = 62.0, 12.0, 6.0, 16.0
_MEMORY, _LEFT = 118.0, 196.0
_HEAD = 4.0
_MOST_HOST = 4


@dataclass(frozen=True)
class Block:
    """A chunk: its name, lines about it, and what stands on its stream."""

    name: str
    lines: tuple[str, ...]
    stream: str


def draw_blocks(blocks: Sequence[Block], host: Sequence[str]) -> str:
    """The diagram; `host` are the steps that the memory's side runs, under the memory."""
    bottom = _TOP + len(blocks) * (_ROW + _GAP) - _GAP
    height = max(bottom, _TOP + _LINE * (3 + min(len(host), _MOST_HOST + 1))) + _TOP
    memory = _box(_TOP, _TOP, _MEMORY, height - 2 * _TOP)
    parts = [path("a", memory), text(_TOP + 6, _TOP + _LINE, "DRAM, host")]
    shown = [*host[:_MOST_HOST], *([f"and {len(host) - _MOST_HOST} more"] if len(host) > _MOST_HOST else [])]
    parts += [
        text(_TOP + 6, _TOP + _LINE * (2.5 + place), clipped(name, _MEMORY - 10), kind="n")
        for place, name in enumerate(shown)
    ]
    for place, block in enumerate(blocks):
        parts += _chunk(block, place, _TOP + place * (_ROW + _GAP))
    return document(parts, height)


def _chunk(block: Block, place: int, top: float) -> list[str]:
    width, middle = WIDTH - _LEFT - _TOP, top + _ROW / 2
    begin, end = _TOP + _MEMORY, _LEFT
    arrows = _arrow(begin, end, middle - 7) + _arrow(end, begin, middle + 7)
    lines = [
        text(_LEFT + 8, top + _LINE * (2.2 + line), clipped(words, width - 16), kind="n")
        for line, words in enumerate(block.lines)
    ]
    return [
        path(f"l s{place % 8 + 1}", _box(_LEFT, top, width, _ROW)),
        path("a", arrows),
        text((begin + end) / 2, middle - 12, block.stream, anchor="middle"),
        text(_LEFT + 8, top + _LINE, clipped(block.name, width - 16)),
        *lines,
    ]


def _box(left: float, top: float, width: float, height: float) -> str:
    return f"M{number(left)} {number(top)}h{number(width)}v{number(height)}h{number(-width)}z"


def _arrow(begin: float, end: float, y: float) -> str:
    back = _HEAD if end < begin else -_HEAD
    head = (
        f"M{number(end + back)} {number(y - _HEAD)}L{number(end)} {number(y)}L{number(end + back)} {number(y + _HEAD)}"
    )
    return f"M{number(begin)} {number(y)}H{number(end)}{head}"
