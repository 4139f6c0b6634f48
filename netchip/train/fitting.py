"""Do a network and a data set go together? Asked before any training, so that a mistake costs seconds."""

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError


@torch.no_grad()
def check_classifier(network: nn.Module, image_shape: tuple[int, int, int], classes: int) -> None:
    """Tries `network` on two blank images of `image_shape` (channels, height, width); it must give [2, at least `classes`].

    The network is left as it was. Raises `ConfigError` that names the settings to change.
    """
    was_training = network.training
    shape = "x".join(str(size) for size in image_shape)
    try:
        output: object = network.eval()(torch.zeros(2, *image_shape))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"the network cannot take the data's images of {shape} ({reason}); "
            f"set --model.in-channels {image_shape[0]} and --model.image-size {image_shape[1]}, or choose other data"
        ) from None
    finally:
        network.train(was_training)
    _check_output(output, classes)


def _check_output(output: object, classes: int) -> None:
    if not isinstance(output, Tensor) or output.ndim != 2:
        found = f"shape {list(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(f"the network must return scores of shape [batch, classes], found {found}")
    if output.shape[1] < classes:
        raise ConfigError(
            f"the data has {classes} classes, the network tells {output.shape[1]} apart; set --model.classes {classes}"
        )
