"""Activations where there is no data to trace: what is assumed of every layer, and where that comes from."""

from netchip.workload.activation_statistics import AssumedSteps, assumed_activations
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import DEFAULT_GROUPING, ActivationSparsity, Grouping

ZERO_SHARE = 0.5
MEAN_DIGITS, MEAN_BITS = 1.36, 1.62
ASSUMED = (
    f"activations assumed: half of them zero, no zero rows, {MEAN_DIGITS} Booth digits and {MEAN_BITS} one bits each on average "
    "(66.0 and 79.8 % zeros: MobileNetV2, arXiv 2005.03403, section II), neighbours independent"
)
BOOTH = AssumedSteps(mean=MEAN_DIGITS / (1 - ZERO_SHARE), lanes=3.51, bricks=3.82, pallets=4.04)
BITS = AssumedSteps(mean=MEAN_BITS / (1 - ZERO_SHARE), lanes=4.43, bricks=4.98, pallets=6.12)
"""The longest of 8, 16 and 128 values in step: those of normal noise through a ReLU, as loud as gives these means (a standard
deviation of 42 and of 73 steps); a test draws it."""


def assumed_inputs(
    shape: LayerShape, channels_in_row: int, grouping: Grouping = DEFAULT_GROUPING
) -> ActivationSparsity:
    """What `ASSUMED` says, for a layer."""
    return assumed_activations(
        shape, zero_elements=ZERO_SHARE, booth=BOOTH, bits=BITS, channels_in_row=channels_in_row, grouping=grouping
    )
