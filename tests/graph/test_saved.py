"""The way back: a saved network is built again, edited again, and loads strictly."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from netchip.errors import CheckpointMismatch, DataError
from netchip.graph.saved import load, save
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

SPEC = ModelSpec(name="resnet8", width=0.5, image_size=8, in_channels=1)


def saved(folder: Path) -> tuple[Path, nn.Module]:
    network = build(SPEC)
    return save(folder, network, source=SPEC.model_dump(mode="json")), network


def test_a_network_of_the_zoo_comes_back(tmp_path: Path) -> None:
    folder, network = saved(tmp_path)
    back = load(folder)
    assert not back.training
    assert torch.equal(back(example_input(SPEC)), network.eval()(example_input(SPEC)))


def test_a_network_of_ones_own_is_handed_over(tmp_path: Path) -> None:
    mine = nn.Linear(2, 3)
    folder = save(tmp_path, mine, source=None)
    assert torch.equal(load(folder, model=nn.Linear(2, 3)).weight, mine.weight)
    with pytest.raises(DataError, match=r"give it: netchip\.load"):
        load(folder)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    folder = save(tmp_path, nn.Linear(2, 3), source=None)
    with pytest.raises(CheckpointMismatch, match="weight: the file holds 3x2, the network 3x4"):
        load(folder, model=nn.Linear(4, 3))
    with pytest.raises(CheckpointMismatch, match="bias: the file holds 3, the network nothing"):
        load(folder, model=nn.Linear(2, 3, bias=False))


def test_what_is_no_run_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"holds neither model\.json nor ticket\.json; name the folder of a finished run"
    ):
        load(tmp_path)
    with pytest.raises(DataError, match="holds neither"):
        load(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"format": 7}, "not of format 1"), ({"edits": [{"kind": "fold"}]}, "an edit of kind 'fold' is not known")],
)
def test_files_of_another_version(tmp_path: Path, change: dict[str, object], message: str) -> None:
    folder, _ = saved(tmp_path)
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointMismatch, match=message):
        load(folder)


BY_NOBODY = ["os:system", "netchip.methods.nowhere:made", "netchip.methods.method:nothing", "netchip.methods.a b:c"]


@pytest.mark.parametrize("by", BY_NOBODY)
def test_an_edit_by_an_unknown_function_is_refused(tmp_path: Path, by: str) -> None:
    """A file that a user hands us never names what is run, beyond the methods' own functions."""
    torch.manual_seed(0)
    save(tmp_path, build(ModelSpec(name="resnet8")), source={"name": "resnet8"}, methods=[(by, {})])
    with pytest.raises(CheckpointMismatch, match=f"an edit by '{by}' is not known"):
        load(tmp_path)
