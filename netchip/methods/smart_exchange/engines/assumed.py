"""Activations where there is no data to trace: what is assumed of every layer, and where that comes from."""

from netchip.workload.activation_statistics import AssumedSteps, assumed_activations
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import DEFAULT_GROUPING, ActivationSparsity, Grouping

ZERO_SHARE = 0.5
MEAN_DIGITS, MEAN_BITS, LANE_DIGITS = 1.36, 1.62, 3.05
ASSUMED = (
    f"activations assumed: half of them zero, no zero rows, {MEAN_DIGITS} Booth digits and {MEAN_BITS} one bits each on average "
    f"(66.0 and 79.8 % zeros: MobileNetV2, arXiv 2005.03403, section II), {LANE_DIGITS} digits in the longest of 8 lanes (ours)"
)
BOOTH = AssumedSteps(mean=MEAN_DIGITS / (1 - ZERO_SHARE), lanes=LANE_DIGITS, bricks=3.82, pallets=4.04)
BITS = AssumedSteps(mean=MEAN_BITS / (1 - ZERO_SHARE), lanes=4.43, bricks=4.98, pallets=6.12)
"""The longest of 8, 16 and 128 values in step: those of normal noise through a ReLU, as loud as gives these means (a standard
deviation of 42 and of 73 steps; a test draws it). But neighbours on a map are alike, so that 8 lanes wait less than in noise
(3.51 digits): 3.05 was found on synthetic maps, and SqueezeNet on photographs has 3.02 (`benchmarks/post_training.py`)."""


def assumed_inputs(
    shape: LayerShape, channels_in_row: int, grouping: Grouping = DEFAULT_GROUPING
) -> ActivationSparsity:
    """What `ASSUMED` says, for a layer."""
    return assumed_activations(
        shape, zero_elements=ZERO_SHARE, booth=BOOTH, bits=BITS, channels_in_row=channels_in_row, grouping=grouping
    )
