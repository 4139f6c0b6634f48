"""A finished stage on disk: its rows and lines in stage.json, its networks each in a folder of its name."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from netchip.compose.pipeline.product import Product, load_product
from netchip.errors import DataError
from netchip.files import read_json, write_json
from netchip.methods.method import Arm

FILE = "stage.json"
FORMAT = 1


@dataclass(frozen=True)
class Done:
    """The rows of a stage's networks, what it adds to the modelled figures of the row before, and its lines."""

    arms: tuple[Arm, ...] = ()
    modelled: dict[str, float] = field(default_factory=dict[str, float])
    simulated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """The last file of a stage."""
        rows = [{name: _plain(getattr(arm, name)) for name in Arm.__dataclass_fields__} for arm in self.arms]
        lines = {"modelled": self.modelled, "simulated": list(self.simulated), "notes": list(self.notes)}
        write_json(folder / FILE, {"format": FORMAT, "arms": rows, **lines})

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """None where the stage is not finished. Raises `DataError` for a damaged file."""
        path = folder / FILE
        if not path.is_file():
            return None
        data = read_json(path)
        try:
            if data["format"] != FORMAT:
                raise DataError(
                    f"{path}: of format {data['format']!r}, this version reads {FORMAT}; --fresh starts again"
                )
            arms = tuple(Arm(**row) for row in data["arms"])
            return cls(arms, dict(data["modelled"]), tuple(data["simulated"]), tuple(data["notes"]))
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: damaged ({error!r}); delete it, and the stage is done again") from None

    def products(self, folder: Path) -> tuple[Product, ...]:
        """The networks."""
        return tuple(load_product(arm.name, folder / arm.name) for arm in self.arms)


def rows_of(stages: Sequence[Done]) -> tuple[Arm, ...]:
    """All rows in order; what a stage adds lies in the last row before it."""
    rows: list[Arm] = []
    for each in stages:
        if each.modelled and rows:
            rows[-1] = replace(rows[-1], modelled={**rows[-1].modelled, **each.modelled})
        rows += each.arms
    return tuple(rows)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else dict(value)
