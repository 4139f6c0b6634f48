"""Initial weights, one rule for all families."""

from torch import nn


def initialise(network: nn.Module, *, scale: float = 1.0) -> None:
    """Convolutions by He et al. (arXiv 1502.01852, fan-out); BatchNorm scales at `scale`; linear N(0, 0.01); biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, scale)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
            nn.init.zeros_(module.bias)
