"""YAML files that netchip brings along in a folder, by name; a file of one's own takes their place."""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from netchip.errors import ConfigError
from netchip.hardware.plain_yaml import read_yaml
from netchip.hardware.suggest import did_you_mean


@dataclass(frozen=True)
class Shelf:
    """The YAML files in `folder`. `refusal` is what is said of a name that is neither among them nor a file: it may hold
    {name}, {hint} (did you mean ...) and {known}.
    """

    folder: Traversable
    refusal: str

    @classmethod
    def of(cls, *folders: str, refusal: str) -> "Shelf":
        """That of a folder below netchip/hardware."""
        return cls(files("netchip.hardware").joinpath(*folders), refusal)

    @property
    def names(self) -> tuple[str, ...]:
        """What is there, sorted."""
        return tuple(
            sorted(each.name.removesuffix(".yaml") for each in self.folder.iterdir() if each.name.endswith(".yaml"))
        )

    def read(self, name_or_file: str | Path) -> dict[str, Any]:
        """The data of that name, or of a YAML file; raises `ConfigError` that says what there is."""
        name = str(name_or_file)
        if name in self.names:
            return read_yaml(self.folder.joinpath(f"{name}.yaml").read_text(), name)
        try:
            return read_yaml(Path(name_or_file).read_text(), name)
        except FileNotFoundError:
            hint, known = did_you_mean(name, self.names), ", ".join(self.names)
            raise ConfigError(self.refusal.format(name=repr(name), hint=hint, known=known)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{name}: not readable as text ({error})") from None
