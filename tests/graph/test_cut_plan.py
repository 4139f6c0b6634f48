"""The cut as a value: both ways through JSON, small, and safe to read from a file that was edited."""

import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netchip.errors import CheckpointMismatch
from netchip.graph.coupling import channel_groups
from netchip.graph.cut_plan import CutPlan, GroupCut, ranges
from netchip.graph.surgery import plan


def _plan() -> CutPlan:
    groups = (
        GroupCut("a", 4, 2, {("a", "out"): np.array([1, 2]), ("b", "in"): np.array([1, 2])}),
        GroupCut("b", 6, 1, {("b", "out"): np.array([5])}),
    )
    lengths = {("a", "out"): 4, ("b", "in"): 4, ("b", "out"): 6}
    return CutPlan(groups, lengths, {"a.weight": (4, 3), "b.weight": (6, 4)})


def test_json_by_hand():
    assert _plan().to_json() == {
        "format": 1,
        "tensors": {"a.weight": [4, 3], "b.weight": [6, 4]},
        "lists": ["1-2", "5"],
        "axes": [["a", "out", 4], ["b", "in", 4], ["b", "out", 6]],
        "groups": [
            {"name": "a", "units": 4, "removed": 2, "members": [[0, 0], [1, 0]]},
            {"name": "b", "units": 6, "removed": 1, "members": [[2, 1]]},
        ],
    }
    assert CutPlan.from_json(json.loads(json.dumps(_plan().to_json()))) == _plan()
    assert _plan().kept["b", "in"].tolist() == [0, 3]
    assert [group.name for group in _plan().only("b").groups] == ["b"]


def _selecting() -> CutPlan:
    groups = (
        GroupCut("a", 4, 2, {("b", "in"): np.array([1, 2])}, selects=True),
        GroupCut("c", 3, 1, {("c", "out"): np.array([0]), ("b", "in"): np.array([4])}),
    )
    return CutPlan(groups, {("b", "in"): 7, ("c", "out"): 3}, {"b.weight": (6, 7)})


def test_what_is_deselected_is_told_apart_from_what_is_cut():
    plan = _selecting()
    assert plan.removed["b", "in"].tolist() == [1, 2, 4]
    assert plan.kept["b", "in"].tolist() == [0, 3, 5, 6]
    assert {where: gone.tolist() for where, gone in plan.deselected.items()} == {("b", "in"): [1, 2]}
    assert plan.only("c").deselected == {}
    assert plan.only("a").groups[0].selects


def test_only_groups_that_select_say_so_in_json():
    data = _selecting().to_json()
    assert data["groups"] == [
        {"name": "a", "units": 4, "removed": 2, "members": [[0, 0]], "selects": True},
        {"name": "c", "units": 3, "removed": 1, "members": [[1, 1], [0, 2]]},
    ]
    read = CutPlan.from_json(json.loads(json.dumps(data)))
    assert [group.selects for group in read.groups] == [True, False]
    assert read == _selecting()
    del data["groups"][0]["selects"]
    assert CutPlan.from_json(data) != _selecting()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(format=2), "format is 2"),
        (lambda d: d.pop("axes"), "KeyError"),
        (lambda d: d["lists"].__setitem__(0, "2-1"), "no list of ranges"),
        (lambda d: d["lists"].__setitem__(0, "2,1"), "not sorted"),
        (lambda d: d["lists"].__setitem__(0, "1,1"), "not sorted"),
        (lambda d: d["lists"].__setitem__(0, "-1"), "'' is no position"),
        (lambda d: d["lists"].__setitem__(0, "1-2-3"), "no list of ranges"),
        (lambda d: d["lists"].__setitem__(0, "0-99999999999999999999"), "a position that no layer has"),
        (lambda d: d["lists"].__setitem__(0, "4"), "a:out has 4 positions, so it cannot lose position 4"),
        (lambda d: d["lists"].__setitem__(0, "0-3"), "a:out would lose all of its 4 positions"),
        (lambda d: d["axes"].__setitem__(0, ["a", "sideways", 4]), "axis 'sideways'"),
        (lambda d: d["axes"].append(["a", "out", 4]), "an axis stands there twice"),
        (lambda d: d["groups"].append(d["groups"][0]), "a group stands there twice"),
        (lambda d: d["groups"].append({**d["groups"][0], "name": "c"}), "would lose a position twice"),
        (lambda d: d["groups"][0].update(removed=4), "would lose 4 of its 4 units"),
        (lambda d: d["groups"][0]["members"].append([0, 0]), "stands twice in group"),
        (lambda d: d["groups"][0]["members"].append([-1, 0]), "-1 is not a whole number"),
        (lambda d: d["groups"][0]["members"].append([9, 0]), "IndexError"),
        (lambda d: d["groups"][0].update(selects=1), "selects is 1, not true or false"),
        (lambda d: d["groups"][0].update(selects=True), "group 'a' selects what a layer reads, so it cannot cut a:out"),
        (lambda d: d["tensors"].update({"a.weight": [4.5]}), "4.5 is not a whole number"),
    ],
)
def test_a_damaged_plan_is_refused_with_what_is_wrong(edit, message):
    data = copy.deepcopy(_plan().to_json())
    edit(data)
    with pytest.raises(CheckpointMismatch, match=f"damaged or was edited .*{message}"):
        CutPlan.from_json(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text("0123-,ab", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_is_edited_it_is_read_whole_or_refused(data):
    edited = copy.deepcopy(_plan().to_json())
    place, key = edited, data.draw(st.sampled_from(sorted(edited)))
    while isinstance(place[key], (list, dict)) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
    place[key] = data.draw(_JSON)
    try:
        read = CutPlan.from_json(edited)
    except CheckpointMismatch:
        return
    for where, kept in read.kept.items():
        assert 0 < len(kept) <= read.lengths[where]
    assert CutPlan.from_json(read.to_json()) == read


@given(st.lists(st.integers(0, 60), unique=True).map(sorted))
def test_ranges_are_read_back(positions):
    positions = np.array(positions, dtype=np.int64)
    group = GroupCut("g", 62, 1, {("m", "in"): positions})
    read = CutPlan.from_json(CutPlan((group,), {("m", "in"): 62}, {}).to_json())
    assert read.groups[0].removed["m", "in"].tolist() == positions.tolist()
    assert len(ranges(np.arange(1000))) == 5


def test_equal_lists_are_stored_once():
    model = nn.Sequential(nn.Conv2d(3, 64, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 2, 1))
    coupling = channel_groups(model, torch.randn(1, 3, 4, 4))
    mask = np.random.default_rng(0).random(64) < 0.5
    data = plan(coupling, {"0": mask, "3": mask}).to_json()
    assert len(data["lists"]) == 1
    assert len(json.dumps(data)) < 1200


def test_plans_compare_and_hash_by_what_they_cut():
    assert hash(_plan()) == hash(_plan())
    assert _plan() != _plan().only("a")
    assert _plan() != "plan"
