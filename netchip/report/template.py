"""The templates of this folder, filled in: everything is escaped, a name that is not given is an error."""

import base64
import functools
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def fill(name: str, **values: Any) -> str:
    """The template `name` with `values`. All pages share a style sheet and one script, the only one that may run there."""
    script = _package_text("sort.js")
    shared = {"style": _package_text("style.css"), "script": script, "script_hash": _hash(script)}
    return _environment().get_template(name).render(**shared, **values)


@functools.cache
def _environment() -> Environment:
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_package_text),
    )


def _hash(script: str) -> str:
    """The script as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


@functools.cache
def _package_text(name: str) -> str:
    return files("netchip.report").joinpath(name).read_text(encoding="utf-8")
