"""The block diagram and the waveform of a chip."""

import re

import pytest

from netchip.report.drawing.blocks import Block, draw_blocks
from netchip.report.drawing.svg import WIDTH
from netchip.report.drawing.waveform import draw_waveform


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_block_a_chunk_with_its_name_and_stream() -> None:
    svg = draw_blocks([Block("a < b", ("tree, 4", "2 layers"), "64 bits"), Block("c", (), "32 bits")], ["sum"])
    assert {"a &lt; b", "tree, 4", "2 layers", "64 bits", "c", "32 bits", "DRAM, host", "sum"} == set(words(svg))
    assert svg.count('class="l s') == 2
    assert svg.count('class="a"') == 3


def test_many_host_steps_are_counted() -> None:
    assert "and 3 more" in words(draw_blocks([Block("a", (), "")], [f"s{place}" for place in range(7)]))


def test_lines_change_where_the_signals_do() -> None:
    svg = draw_waveform({"valid": "0110", "ready": "1111"})
    first, second = re.findall(r'class="t s\d" d="([^"]*)"', svg)
    assert first.count("H") == 3
    assert second.count("H") == 1
    ends = [float(x) for x in re.findall(r"H([\d.]+)", first)]
    begin = float(first[1:].split()[0])
    assert ends[0] - begin == pytest.approx(ends[2] - ends[1], abs=0.2)
    assert ends[1] - ends[0] == pytest.approx(2 * (ends[0] - begin), abs=0.2)
    heights = [float(y) for y in re.findall(r"V([\d.]+)", first)]
    assert heights[1] < heights[0] == heights[2]
    assert max(ends) <= WIDTH
    assert [word for word in words(svg) if word.isdigit()] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("cycles", "ticks"), [(1, ["0", "1"]), (167, ["0", "50", "100", "150"]), (4000, ["0", "1000"])]
)
def test_ticks_are_round_numbers(cycles: int, ticks: list[str]) -> None:
    found = [word for word in words(draw_waveform({"a": "1" * cycles})) if word.isdigit()]
    assert found[: len(ticks)] == ticks
    assert len(found) <= 6
