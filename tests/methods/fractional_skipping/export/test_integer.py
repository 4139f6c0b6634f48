"""Integers against fake quantisation: every level that a layer reads is the same or its neighbour."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("onnxruntime")

from netchip.graph.onnx_extra import results
from netchip.methods.fractional_skipping.blocks.quantised import QuantisedLayer
from netchip.methods.fractional_skipping.export.block_structure import structure_of
from netchip.methods.fractional_skipping.export.frame import frame_of
from netchip.methods.fractional_skipping.export.integer import integer_graph, runs_on_integers
from netchip.methods.fractional_skipping.export.simulated import simulated_graph
from netchip.methods.fractional_skipping.network import make_fractional
from netchip.models.resnet_cifar import CifarResNet


def _read_levels(form: nn.Module, features: Tensor) -> dict[str, np.ndarray]:
    """What each quantised layer of `form` reads, as levels of its grid."""
    found: dict[str, np.ndarray] = {}

    def note(name: str) -> Any:
        def hook(layer: Any, inputs: tuple[Tensor, ...]) -> None:
            step = layer.input_quantiser.step
            found[name] = (step(inputs[0]) / step.step.abs()).round().numpy()

        return hook

    layers = {name: each for name, each in form.named_modules() if isinstance(each, QuantisedLayer)}
    handles = [each.register_forward_pre_hook(note(name)) for name, each in layers.items()]
    form(features)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("option", ["4", "8"])
@torch.no_grad()
def test_levels_differ_by_one_at_most_and_seldom(exported: Any, option: str) -> None:
    import onnx

    network = exported.network
    for block, features in zip(network.blocks, frame_of(network, exported.images).features, strict=True):
        model = onnx.ModelProto()
        model.CopyFrom(exported.pieces.block(block.index, option))
        ending = "input.clipped" if option == "4" else "input.levels"
        names = [name for node in model.graph.node for name in node.output if name.endswith(ending)]
        model.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, None) for name in names
        )
        wanted = _read_levels(block._loud[network.options.index(option)], features)
        assert len(names) == len(wanted) == (3 if block.site.shortcut else 2)
        for name, found in zip(names, results(model, {"x": features.numpy()}, names), strict=True):
            layer = next(each for each in wanted if name.startswith(f"{each}."))
            apart = np.abs(found.astype(int) - wanted[layer])
            assert apart.max() <= 1
            assert (apart > 0).mean() < 0.005


class _Bare(nn.Module):
    """A residual branch that ends with its convolution, has a bias, and a signed input: none of the usual block."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 3, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


@torch.no_grad()
def test_a_block_that_ends_with_a_convolution_with_bias_on_signed_inputs() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(_Bare(), _Bare(), nn.Flatten())
    images = torch.randn(4, 6, 5, 5)
    network = make_fractional(model, "skip,8,full", "feed_forward", blocks=["0", "1"], example=images).eval()
    [block] = network.blocks
    form, features = block._loud[1], model[0](images)
    assert runs_on_integers(form)
    structure = structure_of(block.block, features)
    made = integer_graph(
        structure,
        form,
        lambda values: results(simulated_graph(structure, form, values), {"x": features.numpy()}, [values[0].name]),
    )
    wanted = block.run(1, features).numpy()
    [found] = results(made, {"x": features.numpy()})
    assert np.abs(found - wanted).max() <= (wanted.max() - wanted.min()) / 255


def test_what_does_not_run_on_integers() -> None:
    images = torch.randn(4, 3, 12, 12)
    model = CifarResNet(8, classes=10, width=0.5, in_channels=3).eval()
    wide = make_fractional(model, "skip,8,12,full", example=images)
    assert [runs_on_integers(form) for form in wide.blocks[0]._loud[1:]] == [True, False, False]
    paper = make_fractional(model, "skip,8,full", mode="paper", example=images)
    assert not runs_on_integers(paper.blocks[0]._loud[1])
