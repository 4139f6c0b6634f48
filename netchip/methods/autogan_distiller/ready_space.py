"""From a `SpaceSpec` to a ready space."""

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.space.presets import (
    super_resolution,
    super_resolution_paper,
    translation,
    translation_paper,
)
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.spec import SpaceSpec


def build_space(spec: SpaceSpec, scale: int) -> Space:
    """The ready space that `spec` names, for a teacher that enlarges by `scale`.

    Raises `ConfigError` for a space whose networks enlarge by another number.
    """
    made = {
        "super_resolution": lambda: super_resolution(scale, width=spec.width, cells=spec.cells, layers=spec.layers),
        "translation": lambda: translation(spec.width, spec.cells),
        "super_resolution_paper": super_resolution_paper,
        "translation_paper": lambda: translation_paper(spec.width, spec.cells),
    }
    space = made[spec.name]()
    if space.scale != scale:
        raise ConfigError(
            f"space {space.name!r} enlarges by {space.scale}, the teacher by {scale}; take super_resolution for a teacher that "
            "enlarges, translation for one that does not"
        )
    return space
