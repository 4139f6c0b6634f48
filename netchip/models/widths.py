"""Channel counts under a width multiplier."""


def scaled(channels: int, width: float, divisor: int = 1) -> int:
    """`channels` times `width` as a multiple of `divisor`, never below it, nor more than 10 % below the product.

    The rule of the MobileNets (Sandler et al., arXiv 1801.04381, released code), which divisor 1 turns into rounding.
    """
    wanted = channels * width
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wanted else rounded
