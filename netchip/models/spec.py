"""Which network a run asks for. No torch here: the command line reads this."""

from pydantic import Field

from netchip.spec import Spec


class ModelSpec(Spec):
    """A network by name, with its size.

    `timm:NAME`, `path/file.py:function` and `package.module:function` name others; a function is given those of the
    fields below that it has parameters for.
    """

    name: str = Field(
        default="resnet20", description="one of `netchip list`, timm:NAME, file.py:function, package.module:function"
    )
    width: float = Field(
        default=1.0, gt=0, le=8, description="multiplier of all channel counts; networks of netchip only"
    )
    classes: int = Field(default=10, ge=1, description="outputs of the classifier")
    image_size: int | None = Field(
        default=None, ge=4, le=1024, description="side of the input in pixels; none: the network's own"
    )
    in_channels: int = Field(default=3, ge=1, description="channels of the input: 3 colour, 1 grey")
