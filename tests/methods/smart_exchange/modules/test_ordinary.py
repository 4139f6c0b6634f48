"""A compressed network, once its weights are rebuilt, is a network like any other: saved, loaded, exported with dense weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

import netchip
from netchip.graph.saved import save
from netchip.methods.smart_exchange.compression.choice import choose
from netchip.methods.smart_exchange.compression.compressing import Settings, compress
from netchip.methods.smart_exchange.compression.model_weights import weights_of_model
from netchip.methods.smart_exchange.file.expanding import expand
from netchip.methods.smart_exchange.modules.compressed import compressed
from netchip.models.build import build
from netchip.models.spec import ModelSpec

SPEC = ModelSpec(name="resnet8", classes=10)
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed file of fresh weights of `SPEC`."""
    folder = tmp_path_factory.mktemp("compressed")
    torch.manual_seed(0)
    weights = weights_of_model("resnet8", build(SPEC), folder)
    compress(weights, choose(weights), folder / "small.safetensors", Settings(iterations=2, row_sparsity=0.3))
    return folder / "small.safetensors"


def small(file: Path) -> nn.Module:
    return compressed(build(SPEC), file).eval()


def test_the_expanded_weights_load_as_those_of_any_network(file: Path, tmp_path: Path) -> None:
    save(tmp_path, build(SPEC), source=SPEC.model_dump(mode="json"))
    expand(file, tmp_path / "model.safetensors")
    network = netchip.load(tmp_path)
    with torch.no_grad():
        assert torch.equal(network(IMAGES), small(file)(IMAGES))
    assert type(network) is type(small(file))
    assert {name: type(each) for name, each in network.named_parameters()} == {
        name: nn.Parameter for name, _ in build(SPEC).named_parameters()
    }


def test_torch_export_gives_the_same_results_from_plain_weights(file: Path) -> None:
    exported = torch.export.export(small(file), (IMAGES,))
    assert exported.state_dict.keys() == build(SPEC).state_dict().keys()
    with torch.no_grad():
        assert torch.equal(exported.module()(IMAGES), small(file)(IMAGES))


def test_onnx_holds_plain_dense_weights(file: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.numpy_helper import to_array

    network = small(file)
    torch.onnx.export(network, (IMAGES,), tmp_path / "net.onnx", dynamo=True, external_data=False, optimize=False)
    stored = {each.name: to_array(each) for each in onnx.load(tmp_path / "net.onnx").graph.initializer}
    for name, value in network.named_parameters():
        assert (stored[name] == value.detach().numpy()).all(), name
