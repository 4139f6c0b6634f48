from pathlib import Path

import pytest
import torch

from netchip.data.photos import read_photo
from netchip.errors import ConfigError, DataError, ModelError
from netchip.methods.autogan_distiller.objective.squeezenet import CAFFE_MEAN_BGR, SqueezeNet
from netchip.train.saving import save_state

CATS, CUPS = range(281, 286), (504, 967, 968)  # ImageNet's cats; coffee mug, espresso, cup


def photo(name: str) -> torch.Tensor:
    pixels = torch.from_numpy(read_photo(name)).float()[None] / 255
    side = min(pixels.shape[2:])
    square = pixels[..., (pixels.shape[2] - side) // 2 :, (pixels.shape[3] - side) // 2 :][..., :side, :side]
    return torch.nn.functional.interpolate(square, size=(227, 227), mode="bilinear", antialias=True)


@pytest.mark.parametrize(("name", "classes"), [("chelsea", CATS), ("coffee", CUPS)])
def test_the_published_weights_recognise_photos(shared_data: Path, name: str, classes: tuple[int, ...]) -> None:
    """That they do shows the names, the order of the channels and the mean to be right."""
    network = SqueezeNet.from_file(shared_data / "weights" / "squeezenet1_0_imagenet.safetensors")
    best = network(photo(name))[0].topk(3).indices.tolist()
    assert set(best) & set(classes), best


def test_layers_have_the_published_widths_and_halve_the_map_at_pools() -> None:
    network = SqueezeNet()
    found = network.features(torch.rand(2, 3, 63, 63), network.layers)
    shapes = [tuple(found[name].shape[1:]) for name in network.layers]
    assert shapes[:4] == [(96, 29, 29), (128, 14, 14), (128, 14, 14), (256, 14, 14)]
    assert shapes[4:] == [(256, 7, 7), (384, 7, 7), (384, 7, 7), (512, 7, 7), (512, 3, 3)]
    assert sum(weights.numel() for weights in network.parameters()) == 1_248_424  # torchvision's squeezenet1_0


def test_a_layer_alone_equals_that_of_a_whole_pass_and_runs_no_further() -> None:
    network, images = SqueezeNet(), torch.rand(1, 3, 32, 32)
    whole = network.features(images, network.layers)
    network.features_ = network.features_[:5]  # what lies behind fire3 is not there
    alone = network.features(images, ("fire3",))
    assert list(alone) == ["fire3"]
    assert torch.equal(alone["fire3"], whole["fire3"])


def test_pixels_are_turned_to_bgr_minus_the_mean() -> None:
    network = SqueezeNet()
    prepared = network._prepared(torch.tensor([1.0, 0.5, 0.0]).reshape(1, 3, 1, 1)).flatten()
    assert torch.allclose(prepared, torch.tensor([0.0, 127.5, 255.0]) - torch.tensor(CAFFE_MEAN_BGR))


def test_gradients_reach_the_pictures_and_nothing_else(tmp_path: Path) -> None:
    path = save_state(
        {name.replace("features_.", "features."): v.half() for name, v in SqueezeNet().state_dict().items()},
        tmp_path / "w.safetensors",
    )
    network, images = SqueezeNet.from_file(path), torch.rand(1, 3, 32, 32, requires_grad=True)
    network.features(images, ("fire3",))["fire3"].sum().backward()
    assert images.grad is not None
    assert float(images.grad.abs().sum()) > 0
    assert all(not weights.requires_grad and weights.dtype == torch.float32 for weights in network.parameters())
    assert not network.training


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = save_state({"features.0.weight": torch.zeros(96, 3, 3, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(
        ModelError, match=r"w.safetensors: features_.0.weight should be 96x3x7x7, the file holds 96x3x3x3"
    ):
        SqueezeNet.from_file(path)
    with pytest.raises(DataError, match="no such file"):
        SqueezeNet.from_file(tmp_path / "missing.safetensors")


def test_a_picture_that_is_too_small_or_grey_is_refused() -> None:
    network = SqueezeNet()
    for shape in ((1, 3, 20, 40), (1, 1, 32, 32)):
        with pytest.raises(DataError, match=r"SqueezeNet looks at pictures \[B, 3, H, W\] of at least 21x21 pixels"):
            network.features(torch.zeros(shape), ("fire2",))
    network.features(torch.zeros(1, 3, 21, 21), network.layers)  # the least size does run


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match="the backbone has no layer 'fire1'; it has relu1, fire2"):
        SqueezeNet().features(torch.zeros(1, 3, 32, 32), ("fire1",))
