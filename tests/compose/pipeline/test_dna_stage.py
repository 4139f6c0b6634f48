"""The stage `dna`: an accelerator for a ticket on a board, for a trained network on a hierarchy; refusals before training."""

from pathlib import Path
from typing import Any

import pytest

from netchip.cli.mapped import find_mapped
from netchip.compose.pipeline.pipeline import pipeline
from netchip.errors import BudgetError, ConfigError, RequestError
from netchip.export.mapped_network import read_mapped
from netchip.files import read_json
from netchip.methods.dna.platform.files import read_design
from netchip.workload.network import Workload

SMALL: dict[str, Any] = {
    "model": {"name": "resnet8", "in_channels": 1, "image_size": 8, "width": 0.5},
    "data": {"name": "digits", "image_size": 8, "batch_size": 128},
    "train": {"progress": "quiet"},
}
TRAIN = {"train": {"epochs": 1, "optimizer": {"learning_rate": 0.05}}}
TICKET = {"ticket": {"ratio": 0.3, "epochs": 3, "latest_epoch": 1, "window": 2, "optimizer": {"learning_rate": 0.05}}}
ON_A_BOARD = {"dna": {"board": "pynq-z2", "bounds": [4], "fps": 1000}}


def test_the_accelerator_of_a_ticket_on_a_board(tmp_path: Path) -> None:
    found = pipeline(SMALL | {"name": "ticket", "stages": [TICKET, ON_A_BOARD], "chips": []}, tmp_path)
    row = found.arms["ticket"]["modelled"]
    assert row["pynq_z2_accelerator_fps"] >= 1000
    assert 0 < row["pynq_z2_accelerator_dsp"] <= 176
    assert "pynq_z2_accelerator_fps" not in found.arms["dense"]["modelled"]
    assert "ticket on the accelerator found for it (pynq-z2, 16 bits): " in " ".join(found.result["simulated"])
    assert read_design(found.folder / "2-dna/accelerator.json").kind == "fpga"
    ticket = Workload.load(found.folder / "workload_efficient.json")
    assert Workload.load(found.folder / "2-dna/workload.json").macs == ticket.macs
    with pytest.raises(RequestError, match=r"2-dna: its accelerator is a pipeline of 4 engines on pynq-z2"):
        find_mapped(str(found.folder / "2-dna"))


def test_a_hierarchy_is_handed_on_with_its_mappings_and_is_no_chip_that_was_named(tmp_path: Path) -> None:
    stages = [TRAIN, {"dna": {"kind": "hierarchy", "calls": 100}}]
    found = pipeline(SMALL | {"name": "array", "stages": stages}, tmp_path)
    row = found.arms["dense"]["modelled"]
    assert row["hierarchy_dosa_40nm_accelerator_energy_pj"] > 0
    assert read_json(found.folder / "2-dna/accelerator.json")["report"]["fps"] == pytest.approx(
        row["hierarchy_dosa_40nm_accelerator_fps"]
    )
    mapped = read_mapped(found.folder / "2-dna")
    assert set(mapped.mappings) == {layer.name for layer in mapped.workload.layers}
    assert "energy on" not in found.result["headline"]
    with pytest.raises(BudgetError, match="frames a second"):
        pipeline(SMALL | {"name": "fast", "stages": [TRAIN, {"dna": {"board": "pynq-z2", "fps": 1e9}}]}, tmp_path)


def test_refused_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"stage dna: .*technology belongs to kind = 'hierarchy'"):
        pipeline(SMALL | {"stages": [TRAIN, {"dna": {"technology": "dosa-40nm"}}]}, tmp_path)
    attention = SMALL | {"model": {"name": f"{__name__}:attention"}}
    with pytest.raises(
        ConfigError, match=r"stage dna: no accelerator runs all of .*attention: matmul is a product of two activations"
    ):
        pipeline(attention | {"stages": [TRAIN, ON_A_BOARD]}, tmp_path)
    assert not list(tmp_path.rglob("checkpoint.pt"))


def attention(**_: Any) -> Any:
    """A product of two activations."""
    from torch import nn

    class Squared(nn.Module):
        def forward(self, images: Any) -> Any:
            return (images @ images).mean((1, 2, 3))[:, None].expand(-1, 10)

    return Squared()
