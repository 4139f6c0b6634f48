"""Pictures of the inputs that cost least and most, as a figure of a report. No torch."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from netchip.errors import ConfigError

_SIDE = 72


def pictures(title: str, images: np.ndarray, captions: Sequence[str]) -> dict[str, Any]:
    """A row of pictures from images [N, C, H, W] of bytes, C 1 or 3; small ones are enlarged by whole pixels."""
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[1] not in (1, 3):
        raise ConfigError(f"images {images.dtype} {images.shape}: pictures are uint8 [N, 1 or 3, H, W]")
    items = [{"caption": caption, "png_base64": _png(image)} for image, caption in zip(images, captions, strict=True)]
    return {"kind": "images", "title": title, "items": items}


def _png(image: np.ndarray) -> str:
    """[C, H, W] as a PNG file in base64."""
    times = max(1, _SIDE // image.shape[1])
    rows = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rows.repeat(times, 0).repeat(times, 1))).save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()
