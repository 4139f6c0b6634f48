"""What memory holds: dense weights, weights counted elsewhere, and bits that are none."""

import pytest

from netchip.errors import RequestError
from netchip.workload.encoding import DenseWeights, Precision, StatedWeights
from netchip.workload.shape import LayerShape

SHAPE = LayerShape.linear(in_features=10, out_features=3)


def test_dense_weights_take_their_bits_and_no_work() -> None:
    assert DenseWeights().stored_bits(SHAPE, Precision(weight_bits=5)) == 150
    assert DenseWeights().rebuild_actions(SHAPE) == {}


def test_stated_weights_say_what_they_were_told() -> None:
    actions = {"shift_add": 7}
    weights = StatedWeights(40, actions)
    assert weights.stored_bits(SHAPE, Precision()) == 40
    weights.rebuild_actions(SHAPE)["shift_add"] = 0
    assert weights.rebuild_actions(SHAPE) == {"shift_add": 7}
    assert hash(weights) == hash(StatedWeights(40, {"shift_add": 7}))


@pytest.mark.parametrize(("bits", "actions", "name"), [(-1, {}, "bits"), (1, {"add": -2}, "add"), (1.5, {}, "bits")])
def test_stated_weights_refuse_what_cannot_be_counted(bits: int, actions: dict[str, int], name: str) -> None:
    with pytest.raises(RequestError, match=f"{name} = .*: give a whole number of at least 0"):
        StatedWeights(bits, actions)


@pytest.mark.parametrize("field", ["weight_bits", "input_bits", "output_bits", "accumulator_bits"])
@pytest.mark.parametrize("bits", [0, 4.0, True])
def test_bits_are_whole_and_positive(field: str, bits: float) -> None:
    with pytest.raises(RequestError, match=f"{field} = {bits!r}: give a whole number of bits of at least 1"):
        Precision(**{field: bits})  # type: ignore[arg-type]
