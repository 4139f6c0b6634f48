"""FID and KID through torchmetrics, over Inception weights in a file that the user has. Nothing is downloaded."""

from pathlib import Path
from typing import Any

from torch import Tensor

from netchip.errors import DataError, MissingExtra


def fid_and_kid(first: Tensor, second: Tensor, weights: str | Path, *, subset_size: int = 50) -> dict[str, float]:
    """ "fid" and "kid" between two sets of pictures, uint8 [N, 3, H, W] and [M, 3, H, W].

    `weights` is torch-fidelity's Inception file (pt_inception-2015-12-05). Raises `MissingExtra` without torchmetrics,
    `DataError` for a file that is not there, or for fewer pictures than `subset_size` (KID draws subsets of so many).
    """
    if not Path(weights).is_file():
        raise DataError(f"{weights}: no such file; FID and KID need Inception weights that you have on disk")
    if min(len(first), len(second)) < subset_size:
        raise DataError(
            f"sets of {len(first)} and {len(second)} pictures: KID draws {subset_size} of each; give more, or a smaller subset_size"
        )
    metrics = _metrics(weights, subset_size)
    for metric in metrics.values():
        metric.update(first, real=True)
        metric.update(second, real=False)
    return {"fid": float(metrics["fid"].compute()), "kid": float(metrics["kid"].compute()[0])}


def _metrics(weights: str | Path, subset_size: int) -> dict[str, Any]:
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance  # pyright: ignore[reportMissingImports]
        from torchmetrics.image.kid import KernelInceptionDistance  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError):
        raise MissingExtra("torchmetrics", "metrics", "FID and KID") from None
    path = {"feature_extractor_weights_path": str(weights)}
    try:
        fid, kid = FrechetInceptionDistance(**path), KernelInceptionDistance(subset_size=subset_size, **path)
    except ModuleNotFoundError:
        raise MissingExtra("torch-fidelity", "metrics", "FID and KID through torchmetrics") from None
    return {"fid": fid, "kid": kid}
