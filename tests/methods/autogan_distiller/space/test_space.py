"""Spaces: what they hold, what they refuse, their sizes, and their file forms."""

from fractions import Fraction

import pytest

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.operator import Conv, Operator
from netchip.methods.autogan_distiller.space.operators import conv, down, identity, nearest, transposed, upsamplers
from netchip.methods.autogan_distiller.space.space import Add, Layer, Space

OUT = Layer("out", conv(3), 3)


def test_the_papers_spaces_are_as_large_as_stated() -> None:
    """1.6e15 and 1.1e29 networks: 4^9 5^14 and 4^25 5^20, from the lists in the paper's code."""
    assert presets.translation_paper().size == 4**9 * 5**14
    assert presets.super_resolution_paper().size == 4**25 * 5**20


def test_the_papers_translation_space() -> None:
    space = presets.translation_paper()
    names = [layer.name for layer in space.layers]
    assert names == ["stem0", "stem1", "stem2", *(f"block{i}" for i in range(1, 10)), "header0", "header1", "header2"]
    assert space.layers[0].widths == space.layers[-2].widths == (24, 32, 40, 56, 64)
    assert space.layers[4].widths == (88, 128, 168, 216, 256)
    assert [each.name for each in space.layers[4].choices] == ["conv1x1", "conv3x3", "residual", "depthwise"]
    assert space.scale == 1
    assert space.sizes((256, 256))["block5"] == (64, 64)
    assert space.multiple == 4


def test_the_papers_super_resolution_space_ties_its_cells_to_64() -> None:
    space = presets.super_resolution_paper()
    assert space.scale == 4
    assert space.variables["cell2_layer5"] == (64,)
    assert len(space.variables["cell2_layer1"]) == 5
    assert space.sizes((10, 14))["last"] == (40, 56)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_ours_for_super_resolution_share_one_width_between_cells(scale: int) -> None:
    space = presets.super_resolution(scale, width=16, cells=2, layers=2)
    assert space.scale == scale
    assert space.variable("cell1") == space.variable("cell2_layer2") == "first"
    assert {each.name for each in space.layers[-1].choices} == {"nearest", "shuffle", "transposed"}
    assert "identity" in {each.name for each in space.layers[2].choices}


def test_ours_for_translation_can_leave_blocks_out() -> None:
    space = presets.translation(16, 2)
    assert [each.name for each in space.layers[3].choices][-1] == "identity"
    assert space.scale == 1


def test_an_architecture_by_places_and_its_widths() -> None:
    space = Space("s", (Layer("a", (conv(1), conv(3)), (2, 4)), Layer("b", conv(3), "a"), Add("c", ("b", "a")), OUT))
    architecture = space.architecture({"a": 1}, {"a": 1})
    assert architecture == Architecture("s", {"a": "conv3x3", "b": "conv3x3", "out": "conv3x3"}, {"a": 4, "out": 3})
    assert space.widths(architecture) == {"input": 3, "a": 4, "b": 4, "c": 4, "out": 3}
    assert Architecture.from_json(architecture.to_json()) == architecture
    space.check(architecture)


def test_an_architecture_of_another_space_is_refused() -> None:
    space = Space("s", (Layer("a", conv(3), (2, 4)), OUT))
    right = space.architecture({}, {})
    for wrong, message in (
        (Architecture("t", right.operators, right.widths), "is of space 't', not of 's'"),
        (Architecture("s", {"a": "conv3x3"}, right.widths), "the operators of out are missing or too many"),
        (Architecture("s", right.operators, {"a": 3, "out": 3}), "a has no width 3; known: 2, 4"),
        (Architecture("s", {"a": "x", "out": "conv3x3"}, right.widths), "a has no operator 'x'; known: conv3x3"),
    ):
        with pytest.raises(DataError, match=message):
            space.check(wrong)
    with pytest.raises(DataError, match="format None"):
        Architecture.from_json({})
    with pytest.raises(DataError, match="not an architecture"):
        Architecture.from_json({"format": 1, "space": "s"})


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), "at least one layer"),
        ((OUT, OUT), "'out' needs a name of its own"),
        ((Layer("a b", conv(3), 3),), "'a b' needs a name of its own"),
        ((Layer("a", conv(3), 3, reads="b"),), "'a' names 'b'; before it come input"),
        ((Layer("a", conv(3), "z"), OUT), "'a' names 'z'"),
        ((Layer("a", (), 3),), "has the operators"),
        ((Layer("a", (conv(3), conv(3)), 3),), "each under a name of its own"),
        ((Layer("a", (conv(3), down()), 3),), "change the size differently: conv3x3 by 1, down by 1/2"),
        ((Layer("a", conv(3), (4, 2)), OUT), "ascending"),
        ((Layer("a", conv(3), (2, 4)),), "the last step 'a' makes the output"),
        ((Layer("a", conv(3), (2, 4)), Layer("b", conv(3), (2, 4)), Add("c", ("a", "b")), OUT), "are chosen apart"),
        ((Layer("a", down(), 4), Layer("b", conv(3), 3, reads=("a", "input"))), "joins maps of several sizes: a"),
    ],
)
def test_steps_that_do_not_fit_together(steps: tuple, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Space("s", steps)


def test_an_image_that_does_not_divide() -> None:
    with pytest.raises(ConfigError, match=r"at an image of 7x8 'sum' would join .* multiples of 2"):
        Space("s", (Layer("a", down(), 3), Layer("b", nearest(), 3), Add("sum", ("b", "input")))).sizes((7, 8))


def test_scales() -> None:
    assert down().scale == Fraction(1, 2)
    assert {each.scale for each in upsamplers(3)} == {3}
    assert identity().scale == 1
    assert transposed(4).out_size((3, 5)) == (12, 20)
    assert down(stride=4, kernel=5).out_size((7, 8)) == (2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv(kernel=2), "kernel 2 cannot keep its size"),
        (lambda: Conv(stride=0), "of at least 1"),
        (lambda: Conv(transposed=True, stride=4), "a kernel no smaller than its stride"),
        (lambda: Conv(depthwise=True), "keeps its channels"),
        (lambda: Operator(name="a b"), "a name is letters"),
        (lambda: Operator(name="a", body=(Conv(to="hidden"),)), "must make the output's channels"),
        (lambda: Operator(name="a", body=(Conv(to="in", depthwise=True),)), "cannot be the last"),
        (lambda: Operator(name="a", body=(Conv(stride=2),), shortcut=True), "that keep the size"),
        (lambda: Operator(name="a", body=(Conv(),), enlarge=2), "without convolutions"),
        (lambda: Operator(name="a", body=(Conv(to="hidden", depthwise=True), Conv())), "makes other channels"),
    ],
)
def test_operators_that_make_no_sense(make, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
