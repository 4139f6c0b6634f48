"""The sampling baseline: it learns what pays, counts what it spends, keeps limits, and goes on where it stopped."""

from dataclasses import replace

import numpy as np
import pytest

from netchip.errors import BudgetError, RequestError
from netchip.hardware.fpga.board import load_board
from netchip.hardware.fpga.space import tiled_space
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.reinforce import Picks, SamplingRun
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

WIDTHS = (8, 16, 32)
SPACES = tuple(
    tiled_space(name, engines=(engine,), rows=(8, 4), columns=(8,), out=(16, 8), inputs=inputs)
    for name, engine, inputs in (
        ("conv >= 2", "tree", (8, 4)),
        ("conv < 2", "tree", (8,)),
        ("depthwise >= 2", "depthwise_rows", (1,)),
        ("depthwise < 2", "depthwise_rows", (1,)),
    )
)
PLATFORM = FpgaPlatform(board=load_board("zc706"), spaces=SPACES, bounds=(2,))


def workload_of(picks: Picks) -> Workload:
    """A layer a position, as wide as was picked."""
    shapes = (
        LayerShape.conv(in_channels=8, out_channels=WIDTHS[pick], in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
        for pick in picks
    )
    return Workload(tuple(Layer(f"layer{place}", shape) for place, shape in enumerate(shapes)))


def train(picks: Picks) -> float:
    """The wider the more accurate; the second position matters most."""
    return 0.5 + 0.05 * picks[0] + 0.2 * picks[1]


def run(seed: int = 0, platform: FpgaPlatform = PLATFORM) -> SamplingRun:
    return SamplingRun((3, 3), platform, workload_of=workload_of, train=train, seed=seed, learning_rate=1.0)


def test_it_learns_what_pays_and_counts_what_it_spends() -> None:
    own = run()
    for _ in range(40):
        own.step()
    assert own.probabilities()[1].argmax() == 2
    assert own.probabilities()[1][2] > 0.6
    assert own.best.accuracy == max(sample.accuracy for sample in own.samples)
    assert own.spent.trained == 40
    assert own.spent.predictor_calls == 40 * sum(space.choices.count for space in PLATFORM.spaces)
    assert own.spent.hardware_seconds > 0


def test_only_pairs_within_the_limits_are_the_best() -> None:
    small = workload_of((0, 1))
    fps = PLATFORM.report(PLATFORM.best(small), small).fps
    own = run(platform=replace(PLATFORM, fps=fps))
    for _ in range(30):
        own.step()
    assert {sample.fits for sample in own.samples} == {True, False}
    assert own.best.cost <= own._platform.target
    assert all(sample.reward > sample.accuracy for sample in own.samples if sample.cost < own._platform.target)


def test_what_cannot_be_built_is_not_trained() -> None:
    own = run(platform=replace(PLATFORM, limits={"lut": 10}))
    own.step()
    assert (own.spent.trained, own.samples[0].reward) == (0, 0)
    with pytest.raises(BudgetError, match="none of 1 sampled pairs keeps every limit"):
        _ = own.best


def test_it_goes_on_where_it_stopped() -> None:
    whole, first, second = run(3), run(3), run(9)
    for _ in range(6):
        whole.step()
    for _ in range(2):
        first.step()
    second.load_state_dict(first.state_dict())
    for _ in range(4):
        second.step()
    assert second.samples == whole.samples
    np.testing.assert_array_equal(np.concatenate(second.probabilities()), np.concatenate(whole.probabilities()))


def test_a_space_without_options_is_refused() -> None:
    with pytest.raises(RequestError, match=r"sizes = \[3, 0\]: give at least one position, each with an option"):
        SamplingRun((3, 0), PLATFORM, workload_of=workload_of, train=train)
