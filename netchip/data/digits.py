"""The 1,797 handwritten digits that come with scikit-learn (UCI, Alpaydin and Kaynak 1998): real, and no download."""

import numpy as np
from PIL import Image

from netchip.data.decoding import resized
from netchip.data.images import Split

CLASSES = tuple("0123456789")
_LEVELS = 16  # pixel values are 0..16


def read_digits(image_size: int | None) -> Split:
    """All digits, grey: images uint8 [1797, 1, S, S], S = 8 or `image_size` (bilinear), in scikit-learn's order."""
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    pixels = np.rint(rows.reshape(-1, 1, 8, 8) * (255 / _LEVELS)).astype(np.uint8)
    return Split(resized(pixels, image_size or 8, Image.Resampling.BILINEAR), labels.astype(np.int64))
