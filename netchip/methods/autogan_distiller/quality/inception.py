"""FID and KID through torchmetrics, over Inception weights in a file that the user has, or over another network under other
names. Nothing is downloaded.
"""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from torch import Tensor, nn

from netchip.errors import DataError, MissingExtra


def fid_and_kid(first: Tensor, second: Tensor, weights: str | Path, *, subset_size: int = 50) -> dict[str, float]:
    """ "fid" and "kid" between two sets of pictures, uint8 [N, 3, H, W] and [M, 3, H, W].

    `weights` is torch-fidelity's Inception file (pt_inception-2015-12-05). Raises `MissingExtra` without torchmetrics and
    torch-fidelity, `DataError` for a file that is not there or is another, or for fewer pictures than `subset_size` (KID draws
    subsets of so many).
    """
    if not Path(weights).is_file():
        raise DataError(f"{weights}: no such file; FID and KID need Inception weights that you have on disk")
    _check_count(first, second, subset_size)
    frechet, _ = _metrics("FID and KID")
    try:
        extractor = frechet(feature_extractor_weights_path=str(weights)).inception
    except ImportError:
        raise MissingExtra("torch-fidelity", "metrics", "FID and KID through torchmetrics") from None
    except (RuntimeError, EOFError, KeyError, UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{weights}: not the Inception weights of torch-fidelity ({reason}); give that file") from None
    found = network_distances(first, second, extractor, subset_size=subset_size)
    return {"fid": found["frechet_distance"], "kid": found["kernel_distance"]}


def network_distances(first: Tensor, second: Tensor, network: nn.Module, *, subset_size: int = 50) -> dict[str, float]:
    """ "frechet_distance" and "kernel_distance", what FID and KID are, in the features of any network that is no Inception.

        network = torch.export.load("features.pt2").module()
        network_distances(pictures, answers, network)

    `network` makes features [N, D] of pictures uint8 [N, 3, H, W], N being any number. Raises `MissingExtra` without torchmetrics,
    `DataError` for fewer pictures than `subset_size`, of which the kernel distance draws a hundred subsets.
    """
    _check_count(first, second, subset_size)
    frechet, kernel = _metrics("Frechet and kernel distance")
    size = tuple(first.shape[1:])
    metrics = {
        "frechet_distance": frechet(feature=network, input_img_size=size),
        "kernel_distance": kernel(feature=network, subset_size=subset_size),
    }
    for metric in metrics.values():
        metric.update(first, real=True)
        metric.update(second, real=False)
    return {
        "frechet_distance": float(metrics["frechet_distance"].compute()),
        "kernel_distance": float(metrics["kernel_distance"].compute()[0]),
    }


def _check_count(first: Tensor, second: Tensor, subset_size: int) -> None:
    if min(len(first), len(second)) < subset_size:
        raise DataError(
            f"sets of {len(first)} and {len(second)} pictures: KID draws {subset_size} of each; give more, or a smaller subset_size"
        )


def _metrics(purpose: str) -> tuple[Any, Any]:
    """The two classes of torchmetrics."""
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance  # pyright: ignore[reportMissingImports]
        from torchmetrics.image.kid import KernelInceptionDistance  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError):
        raise MissingExtra("torchmetrics", "metrics", purpose) from None
    return FrechetInceptionDistance, KernelInceptionDistance
