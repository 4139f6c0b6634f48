from pathlib import Path

import pytest
import torch

from netchip.errors import ConfigError, DataError, ModelError
from netchip.methods.autogan_distiller.objective.vgg import VGG
from netchip.train.saving import save_state


@pytest.mark.parametrize(("depth", "convolutions"), [(16, 13), (19, 16)])
def test_layers_stand_where_torchvision_has_them(depth: int, convolutions: int) -> None:
    """conv5_4 of VGG-19 is features.34, relu2_2 of VGG-16 features.8 (section 5 of the notes, and torchvision)."""
    network = VGG(depth)
    assert sum(name.startswith("conv") for name in network.layers) == convolutions
    where = network._names.index("conv5_4" if depth == 19 else "relu2_2")
    assert where == (34 if depth == 19 else 8)


def test_the_layer_before_the_activation_may_be_negative() -> None:
    network = VGG(16)
    found = network.features(torch.rand(1, 3, 16, 16), ("conv1_2", "relu1_2"))
    assert found["conv1_2"].min().item() < 0 <= found["relu1_2"].min().item()
    assert torch.equal(found["conv1_2"].relu(), found["relu1_2"])


def test_normalisation_can_be_left_out_as_the_paper_does() -> None:
    plain, normalized = VGG(16, normalized=False), VGG(16)
    plain.load_state_dict(normalized.state_dict())
    images = torch.rand(1, 3, 16, 16)
    shifted = images * normalized.std + normalized.mean
    one = plain.features(images, ("relu1_1",))["relu1_1"]
    other = normalized.features(shifted, ("relu1_1",))["relu1_1"]
    assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_weights_are_read_from_either_kind_of_file(tmp_path: Path, name: str) -> None:
    network, path = VGG(16), tmp_path / name
    state = {key.replace("features_.", "features."): value for key, value in network.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(2, 2)  # torchvision's file has more than is used
    _ = save_state(state, path) if name.endswith("safetensors") else torch.save(state, path)
    read = VGG.from_file(path, 16)
    assert torch.equal(read.features_[0].weight, network.features_[0].weight)


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = save_state(dict(VGG(16).state_dict()), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="it is not a file of this network's weights"):
        VGG.from_file(path, 19)
    broken = tmp_path / "w.pth"
    broken.write_bytes(b"not a file of tensors")
    with pytest.raises(DataError, match=r"w\.pth: cannot be read as a file of tensors"):
        VGG.from_file(broken, 16)
    with pytest.raises(ConfigError, match="VGG of depth 11: there are 16 and 19"):
        VGG(11)
