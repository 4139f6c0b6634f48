"""Budgets are hard, and a refusal is right in what it says would do."""

import re
from dataclasses import replace

import pytest

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.search.exact import BANDWIDTH
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.limits import matched, require_accuracy
from netchip.methods.dna.platform.spaces import spaces_by_map_size
from netchip.workload.network import Workload

BOARD = load_board("zc706")
NETWORK = Workload(example_layers("cifar")[:6])
FREE = FpgaPlatform(board=BOARD, spaces=spaces_by_map_size())
BEST_FPS = FREE.report(FREE.best(NETWORK), NETWORK).fps


def refusal(platform: FpgaPlatform) -> str:
    with pytest.raises(BudgetError) as caught:
        matched(platform, NETWORK)
    return str(caught.value)


def test_a_pair_keeps_every_limit() -> None:
    pair = matched(replace(FREE, fps=BEST_FPS * 0.99, limits={"dsp": 300, "bram18": 300}), NETWORK)
    assert pair.report.over == {}
    assert set(pair.report.limits) == {"dsp", "bram18", "uram", "lut", "ff", "frame_s"}


def test_a_pace_that_one_limit_forbids_names_what_would_do() -> None:
    few = replace(FREE, limits={"dsp": 30}, fps=BEST_FPS * 0.99)
    text = refusal(few)
    assert re.search(
        r"on zc706 this network does not keep [\d.,]+ frames a second \(it reaches [\d.,]+, [\d.]+% too slow\)", text
    )
    assert re.search(r"the nearest design \(\S+ .*sets its pace\) takes dsp \d+ of 30", text)
    found = re.search(r"it would be reached with dsp ([\d.]+) instead of 30$", text)
    assert found is not None
    need = float(found[1])
    assert matched(replace(few, limits={"dsp": need}), NETWORK).report.over == {}
    with pytest.raises(BudgetError):
        matched(replace(few, limits={"dsp": need * 0.98}), NETWORK)


def test_a_pace_that_no_design_reaches_says_what_is_reached_without_limits() -> None:
    text = refusal(replace(FREE, fps=BEST_FPS * 50))
    assert re.search(
        r"even without limits on resources this space takes [\d,]+ cycles a frame where [\d,]+ are asked", text
    )


def test_a_slow_memory_is_named() -> None:
    slow = BOARD.changed(bandwidth_bits_per_s={"value": 2e9, "source": "asked for"})
    platform = FpgaPlatform(board=slow, spaces=spaces_by_map_size(), fps=BEST_FPS * 0.9)
    assert re.search(rf"it would be reached with .*{BANDWIDTH} [\d.]+ instead of 10$", refusal(platform))


def test_limits_that_contradict_each_other_are_said_to() -> None:
    # little memory takes small tiles; few slices small unrolls: on this network each alone has designs
    tables = FREE.tables(NETWORK)
    least = {
        name: tables.needed(name, float("inf"), dict.fromkeys(tables.limits, float("inf"))) for name in tables.limits
    }
    assert all(need is not None for need in least.values())
    tight = {name: need for name, need in least.items() if need is not None and name in ("dsp", "bram18", "ff")}
    with pytest.raises(
        BudgetError, match=r"zc706: no design meets these limits.*can be kept alone, so that together they"
    ):
        replace(FREE, limits=tight).best(NETWORK)


def test_a_latency_through_all_chunks_is_kept_where_it_can_be() -> None:
    fastest = FREE.report(FREE.best(NETWORK), NETWORK)
    asked = replace(FREE, latency_s=fastest.latency_s * 0.999)
    found = asked.report(asked.best(NETWORK), NETWORK)
    assert found.over == {}
    assert found.latency_s < fastest.latency_s
    text = refusal(replace(FREE, latency_s=1e-6))
    assert re.search(r"does not keep latency_s = 1e-06 \(it takes [\d.]+, [\d.]+% too much\)", text)


def test_an_accuracy_below_the_floor_says_by_how_much() -> None:
    report = FREE.report(FREE.best(NETWORK), NETWORK)
    require_accuracy(0.9, 0.9, report)
    with pytest.raises(
        BudgetError, match=r"an accuracy of 92.00% is not reached.*has 90.00%, 2.00 points short, at [\d.,]+ frames"
    ):
        require_accuracy(0.9, 0.92, report)
    with pytest.raises(RequestError, match="accuracy floor = 92: give a share from 0 to 1"):
        require_accuracy(0.9, 92, report)
