"""The templates of this folder, filled in: everything is escaped, a name that is not given is an error."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def fill(name: str, **values: Any) -> str:
    """The template `name` with `values`; the style sheet of all pages is its `style`."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_package_text),
    )
    return environment.get_template(name).render(style=_package_text("style.css"), **values)


def _package_text(name: str) -> str:
    return files("netchip.report").joinpath(name).read_text(encoding="utf-8")
