"""Which pictures a distillation looks at, and how they are cut. No torch here: the command line reads this."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.errors import ConfigError
from netchip.spec import Spec, neutral

SOURCES = ("photos", "div2k-lr", "facades")
FOLDER_PREFIX = "folder:"


class ImagesSpec(Spec):
    """A source of pictures and how crops and batches are made of them. Raises `ConfigError` for an unknown name."""

    name: str = Field(default="photos", description="photos, div2k-lr, facades or folder:PATH (pictures of any size)")
    folder: Path | None = neutral(
        None, description="where div2k-lr and facades lie; else the environment variable NETCHIP_DATA"
    )
    scale: int = Field(
        default=1, ge=1, le=8, description="photos: how many times smaller the inputs are than the pictures"
    )
    image_size: int | None = Field(
        default=None, ge=8, le=1024, description="facades: side in pixels the pictures are scaled to"
    )
    crop: int = Field(default=32, ge=8, le=1024, description="side in pixels of the training crops of the inputs")
    crops: int = Field(default=16, ge=1, description="crops taken of each picture, every one seen once an epoch")
    batch_size: int = Field(default=16, ge=1, description="crops in a training step")
    augment: Literal["none", "flip", "dihedral"] = Field(
        default="flip", description="mirroring, or all eight rotations and mirrorings; input and target alike"
    )
    on_broken: Literal["raise", "skip"] = Field(
        default="raise", description="what to do about a picture that cannot be read or is smaller than a crop"
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.path is None and self.name not in SOURCES:
            raise ConfigError(
                f"images.name = {self.name!r} is no source of pictures; there are {', '.join(SOURCES)}, folder:PATH"
            )
        return self

    @property
    def path(self) -> Path | None:
        """PATH of `folder:PATH`, or None for the named sources."""
        if not self.name.startswith(FOLDER_PREFIX) or self.name == FOLDER_PREFIX:
            return None
        return Path(self.name.removeprefix(FOLDER_PREFIX)).expanduser()
