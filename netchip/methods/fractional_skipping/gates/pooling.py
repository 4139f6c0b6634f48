"""Features as one vector a sample."""

from torch import Tensor

from netchip.errors import ConfigError


def pooled(features: Tensor, channels: int) -> Tensor:
    """[B, channels]: the mean over positions of maps [B, C, H, W] or [B, C, T], or of tokens [B, T, C], or of maps whose channels
    are last [B, H, W, C]; vectors as they are.

    Raises `ConfigError` where no axis has that many channels.
    """
    if features.ndim > 1 and features.shape[1] == channels:
        return features.mean(tuple(range(2, features.ndim))) if features.ndim > 2 else features
    if features.ndim > 2 and features.shape[-1] == channels:
        return features.mean(tuple(range(1, features.ndim - 1)))
    raise ConfigError(
        f"a gate was made for features of {channels} channels and got {tuple(features.shape)}; "
        "give make_fractional an example input, so that it sees the sizes"
    )
