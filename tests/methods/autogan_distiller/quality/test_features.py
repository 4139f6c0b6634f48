from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest
import torch
from torch import Tensor, nn

from netchip.data.photos import read_photo
from netchip.errors import DataError, MissingExtra
from netchip.methods.autogan_distiller.objective.squeezenet import SqueezeNet
from netchip.methods.autogan_distiller.quality.features import feature_distance, kernel_distance, pooled_features
from netchip.methods.autogan_distiller.quality.inception import fid_and_kid, network_distances


class Itself:
    """Features are the pictures."""

    layers = ("pixels",)

    def features(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return dict.fromkeys(layers, images)

    def to(self, device: torch.device) -> Self:
        return self


def test_feature_distance_by_hand() -> None:
    """Unit vectors at right angles lie sqrt(2) apart; a longer vector of the same direction does not count."""
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    green = torch.tensor([0.0, 0.5, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert feature_distance(Itself(), red, green) == pytest.approx(2.0)
    assert feature_distance(Itself(), red, 0.3 * red) == pytest.approx(0.0, abs=1e-9)


def test_kernel_distance_by_hand() -> None:
    """Features in one dimension: {0, 0} and {1, 1}: k(0,0) = 1, k(1,1) = 8, k(0,1) = 1, so 1 + 8 - 2."""
    zero, one = torch.zeros(2, 1), torch.ones(2, 1)
    assert kernel_distance(zero, one) == pytest.approx(7.0)
    assert kernel_distance(zero, zero) == pytest.approx(0.0)


def test_kernel_distance_is_unbiased_and_sees_a_shift() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(60, 4, generator=generator) for _ in range(40)]
    alike = [kernel_distance(a, b) for a, b in zip(draws[::2], draws[1::2], strict=True)]
    assert min(alike) < 0 < max(alike)
    assert min(kernel_distance(a, b + 1.0) for a, b in zip(draws[::2], draws[1::2], strict=True)) > max(alike)


def test_over_squeezenet_a_blurred_photo_is_nearer_than_another_photo(shared_data: Path) -> None:
    backbone = SqueezeNet.from_file(shared_data / "weights" / "squeezenet1_0_imagenet.safetensors")
    chelsea, coffee = (
        torch.from_numpy(read_photo(name)[:, 50:178, 50:178])[None] / 255 for name in ("chelsea", "coffee")
    )
    blurred = torch.nn.functional.avg_pool2d(chelsea, 3, stride=1, padding=1)
    near, far = (feature_distance(backbone, chelsea, other) for other in (blurred, coffee))
    assert 0 < near < far
    assert pooled_features(backbone, chelsea).shape == (1, 512)


def test_sets_that_are_too_small_or_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give two pictures or more a set"):
        kernel_distance(torch.zeros(1, 4), torch.zeros(5, 4))
    pictures = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(DataError, match="FID and KID need Inception weights that you have on disk"):
        fid_and_kid(pictures, pictures, tmp_path / "missing.pth")
    (tmp_path / "w.pth").write_bytes(b"")
    with pytest.raises(DataError, match="sets of 4 and 4 pictures: KID draws 50 of each"):
        fid_and_kid(pictures, pictures, tmp_path / "w.pth")


def test_without_torchmetrics_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torchmetrics.image.fid", None)
    (tmp_path / "w.pth").write_bytes(b"")
    pictures = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(MissingExtra, match=r"FID and KID needs the package 'torchmetrics'.*netchip\[metrics\]"):
        fid_and_kid(pictures, pictures, tmp_path / "w.pth", subset_size=2)


@pytest.fixture(scope="module")
def torchmetrics() -> None:
    """It imports torchvision, which raises RuntimeError where it was built for another torch."""
    try:
        import torchmetrics.image.fid  # noqa: F401
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchmetrics cannot be imported here: {error}")


class Mean(nn.Module):
    """Two features: the mean of the red and of the green channel."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean((2, 3))[:, :2] / 255


def test_distances_over_a_users_network_file_are_those_worked_out_apart(torchmetrics: None, tmp_path: Path) -> None:
    """|m - n|^2 + trace(A + B - 2 (A B)^1/2) for the means and covariances of the features; the kernel distance is ours."""
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 200, (2, 12, 3, 1, 1), generator=generator, dtype=torch.uint8)
    first, second = levels[0].expand(12, 3, 8, 8), (levels[1] + 40).expand(12, 3, 8, 8)
    batch = {"images": {0: torch.export.Dim("batch", min=1)}}
    torch.export.save(torch.export.export(Mean(), (first,), dynamic_shapes=batch), tmp_path / "mean.pt2")
    network = torch.export.load(tmp_path / "mean.pt2").module()
    found = network_distances(first, second, network, subset_size=12)
    one, other = Mean()(first).double(), Mean()(second).double()
    eigenvalues = torch.linalg.eigvals(one.T.cov() @ other.T.cov()).real
    spread = one.T.cov().trace() + other.T.cov().trace() - 2 * eigenvalues.sqrt().sum()
    expected = (one.mean(0) - other.mean(0)).square().sum() + spread
    assert found["frechet_distance"] == pytest.approx(float(expected), rel=1e-4)
    assert found["kernel_distance"] == pytest.approx(kernel_distance(one, other), rel=1e-4)
    assert network_distances(first, first, network, subset_size=12)["frechet_distance"] == pytest.approx(0, abs=1e-6)


def test_a_file_that_is_no_inception_is_refused_or_the_package_named(torchmetrics: None, tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "w.pth")
    pictures = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(
        (MissingExtra, DataError), match=r"torch-fidelity.*netchip\[metrics\]|not the Inception weights"
    ):
        fid_and_kid(pictures, pictures, tmp_path / "w.pth", subset_size=2)
