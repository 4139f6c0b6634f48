"""Each piece against the module it was made from, in ONNX Runtime; and the folder they are kept in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netchip.errors import ConfigError, DataError
from netchip.models.resnet_cifar import CifarResNet

pytest.importorskip("onnxruntime")

from netchip.graph.onnx_extra import results
from netchip.methods.fractional_skipping.export import pieces as pieces_of
from netchip.methods.fractional_skipping.export.frame import frame_of
from netchip.methods.fractional_skipping.export.pieces import Pieces, export_pieces
from netchip.methods.fractional_skipping.network import make_fractional


def test_names_and_kernels(exported: Any) -> None:
    pieces = exported.pieces
    assert pieces.blocks == tuple(site.name for site in exported.network.sites)
    assert pieces.entering == ("enter.0", "leave.0", "leave.1", "leave.2", "leave.3")
    assert [row[0] for row in pieces.kernels] == [
        "none",
        "float",
        "none",
        "float",
        "none",
    ]  # two stages begin with a shortcut
    assert all(row[1:] == ("int8", "int8", "float") for row in pieces.kernels)
    assert pieces.block(0, "skip") is None
    assert pieces.block(1, "skip") is not None
    with pytest.raises(ConfigError, match="option '6' is not in this set"):
        pieces.block(0, "6")


@torch.no_grad()
def test_blocks_equal_their_source(exported: Any) -> None:
    """In full as they are; at few bits to a few steps of 8 bits, most to half a step."""
    network, pieces = exported.network, exported.pieces
    for block, features in zip(network.blocks, frame_of(network, exported.images).features, strict=True):
        for option, name in enumerate(network.options.names):
            model = pieces.block(block.index, option)
            wanted = block.run(option, features).numpy()
            found = features.numpy() if model is None else results(model, {"x": features.numpy()})[0]
            error, span = np.abs(found - wanted), wanted.max() - wanted.min()
            if name in ("4", "8"):
                assert (
                    error.max() <= 4 * span / 255
                )  # of results and shortcut, each of half a step, and of a level that went to its neighbour
                assert np.median(error) <= span / 255 / 2
            else:
                assert error.max() <= 1e-5 * span


@pytest.mark.parametrize("mode", ["paper", "modern"])
@torch.no_grad()
def test_simulated_blocks_equal_their_source(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    images = torch.randn(4, 3, 12, 12)
    network = make_fractional(
        CifarResNet(8, classes=10, width=0.5, in_channels=3).eval(), "skip,5,16,full", mode=mode, example=images
    ).eval()
    frame = frame_of(network, images)
    monkeypatch.setattr(pieces_of, "frame_of", lambda network, images: frame)
    pieces = export_pieces(network, images, few_bits="simulated")
    assert pieces.kernels_of(1) == pieces.kernels_of(2) == {"simulated"}
    for block, entering in zip(network.blocks, frame.features, strict=True):
        for option in (1, 2):
            found = results(pieces.block(block.index, option), {"x": entering.numpy()})[0]
            wanted = block.run(option, entering).numpy()
            assert (
                np.abs(found - wanted) <= 1e-4 * np.abs(wanted).max()
            ).mean() > 0.99  # all but values on a border of levels


def test_saved_and_loaded(exported: Any, tmp_path: Path) -> None:
    exported.pieces.save(tmp_path)
    found = Pieces.load(tmp_path)
    for name in ("options", "blocks", "entering", "upfront", "kernels", "input_shape"):
        assert getattr(found, name) == getattr(exported.pieces, name)
    assert np.array_equal(found.bias, exported.pieces.bias)
    assert {name: model.SerializeToString() for name, model in found.models.items()} == {
        name: model.SerializeToString() for name, model in exported.pieces.models.items()
    }
    (tmp_path / "gate.1.onnx").unlink()
    with pytest.raises(DataError, match=r"gate\.1\.onnx is missing; export again"):
        Pieces.load(tmp_path)
    with pytest.raises(DataError, match=r"no pieces\.json here; give a folder that a gated network was exported to"):
        Pieces.load(tmp_path / "nowhere")


def test_without_few_bits_every_option_but_a_skip_is_in_full(exported: Any) -> None:
    changed = exported.pieces.without_few_bits()
    assert changed.block(2, "4") is changed.block(2, "full")
    assert changed.block(1, "skip") is exported.pieces.block(1, "skip")
    assert {each for row in changed.kernels for each in row} == {"none", "float"}


def test_what_is_refused(exported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = exported.network, exported.images
    with pytest.raises(ConfigError, match=r"images of shape \(1, 3, 12, 12\): give at least 2"):
        export_pieces(network, images[:1])
    with pytest.raises(ConfigError, match="few_bits = 'int4': options of few bits run as 'int8' or 'simulated'"):
        export_pieces(network, images, few_bits="int4")  # type: ignore[arg-type]
    model = CifarResNet(8, classes=10, width=0.5, in_channels=3).eval()
    legacy = make_fractional(model, "skip,8,full", mode="paper_legacy", example=images).eval()
    frame = frame_of(legacy, images)  # what stands around the blocks is exported once, and none of it is refused
    monkeypatch.setattr(pieces_of, "frame_of", lambda network, images: frame)
    with pytest.raises(
        ConfigError, match="paper_legacy rounds inputs at random in evaluation, so no exported network equals it"
    ):
        export_pieces(legacy, images)
    fresh = make_fractional(model, "skip,8,full").eval()
    with pytest.raises(ConfigError, match="the step of an activation was never set; train or calibrate"):
        export_pieces(fresh, images)
