"""What one part occupies, and who says so."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from netchip.hardware.energy import Source
from netchip.spec import Spec


class Area(Spec):
    """Area of one instance in mm2, with its source."""

    mm2: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    source: Source


class AreaTable(Spec):
    """Areas of an accelerator's parts: one MAC unit, one instance of each memory by name.

    `wiring_factor` multiplies their sum; it is a guess of whoever sets it, so reports name it.
    """

    mac: Area
    memories: Mapping[str, Area]
    wiring_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
