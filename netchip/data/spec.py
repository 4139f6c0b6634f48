"""What data a run asks for. No torch here: the command line reads this."""

import difflib
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from netchip.errors import ConfigError
from netchip.spec import Spec, neutral

SOURCES = ("digits", "photos", "cifar10", "cifar10-small")
FOLDER_PREFIX = "folder:"
DIGIT_SIZES = (8, 16, 32)


class DatasetSpec(Spec):
    """A data source and how its batches are made. Raises `ConfigError` on an unknown name or a size it cannot have."""

    name: str = Field(
        default="digits", description="digits, photos, cifar10, cifar10-small or folder:PATH (class folders)"
    )
    folder: Path | None = neutral(None, description="where cifar10 lies; else the environment variable NETCHIP_DATA")
    download: bool = neutral(False, description="cifar10: fetch it from Hugging Face when it is in no folder")
    image_size: int | None = Field(
        default=None, ge=8, le=512, description="side in pixels; none keeps the images' own size"
    )
    batch_size: int = Field(
        default=64, ge=1, description="images in a training step, over all ranks and accumulated parts"
    )
    eval_batch_size: int = neutral(256, ge=1, description="images in an evaluation step")
    augment: Literal["none", "flip", "crop-flip"] = Field(
        default="none", description="crop: pad by 4 pixels, crop at random"
    )
    on_broken: Literal["raise", "skip"] = Field(
        default="raise", description="what to do about an image that cannot be read"
    )
    workers: int = neutral(0, ge=0, description="threads that decode images on first use; 0: one a core")

    @model_validator(mode="after")
    def _known_source(self) -> Self:
        if self.class_folder is None and self.name not in SOURCES:
            raise ConfigError(_unknown(self.name))
        if self.name == "digits" and self.image_size not in (None, *DIGIT_SIZES):
            raise ConfigError(f"data.image_size = {self.image_size}: digits come in {_listed(DIGIT_SIZES)} pixels")
        return self

    @property
    def class_folder(self) -> Path | None:
        """PATH of `folder:PATH`, or None for the named sources."""
        if not self.name.startswith(FOLDER_PREFIX) or self.name == FOLDER_PREFIX:
            return None
        return Path(self.name.removeprefix(FOLDER_PREFIX)).expanduser()


def _unknown(name: str) -> str:
    if name == FOLDER_PREFIX:
        return "data.name = 'folder:' names no folder; write folder:PATH, with one subfolder of images a class"
    if Path(name).is_dir():
        return f"data.name = {name!r} is a folder; write 'folder:{name}' to read its class folders"
    close = difflib.get_close_matches(name, SOURCES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(SOURCES)}, folder:PATH"
    return f"data.name = {name!r} is no data source ({hint})"


def _listed(values: tuple[int, ...]) -> str:
    return f"{', '.join(str(value) for value in values[:-1])} or {values[-1]}"
