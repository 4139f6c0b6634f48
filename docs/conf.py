"""The documentation site: `make docs` builds it with Sphinx, strictly; the pages are the Markdown files of this folder."""

import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import netchip

HERE = Path(__file__).parent

project = "netchip"
author = "the netchip authors"
version = release = netchip.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"netchip {release}"
html_static_path: list[str] = []
html_math_renderer = "mathml"  # drawn by the browser itself: no script, nothing to fetch
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
suppress_warnings = ["myst.header"]
default_role = "code"  # docstrings write `name` as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True


def write_reference() -> None:
    """`reference.md`: every public name of the package with its signature and docstring, in the groups of its rooms."""
    rooms: dict[str, list[str]] = {}
    for name in sorted(name for name in dir(netchip) if not name.startswith("_")):
        value = getattr(netchip, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            rooms.setdefault(_room(value.__module__), []).append(name)
    parts = ["# API reference", "", "All of these are `netchip.NAME`; they are imported when they are first used.", ""]
    for room in sorted(rooms):
        parts += [f"## {room}", "", *(_entry(name) for name in rooms[room]), ""]
    text = "\n".join(parts)
    page = HERE / "reference.md"
    if not page.is_file() or page.read_text() != text:
        page.write_text(text)


def _room(module: str) -> str:
    """'Fractional skipping' for netchip.methods.fractional_skipping.network, 'Hardware' for netchip.hardware.cost."""
    words = module.split(".")
    return words[2 if words[1] == "methods" else 1].replace("_", " ").capitalize()


def _entry(name: str) -> str:
    value = getattr(netchip, name)
    kind, members = ("class", "\n:members:") if inspect.isclass(value) else ("function", "")
    return f"```{{eval-rst}}\n.. auto{kind}:: netchip.{name}{members.replace(chr(10), chr(10) + '   ')}\n```\n"


def _as_rest(_app: Any, _what: str, _name: str, _value: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings are written as Markdown: stars and bars are text, indented blocks are code, lists need no empty line."""
    found: list[str] = []
    for line in lines:
        above = next((each for each in reversed(found) if each), "")
        begins = bool(found) and not found[-1] and line.startswith("    ") and not above.startswith((" ", "- "))
        if begins:
            found += ["::", ""]
        elif line.startswith("- ") and above and found[-1] and not above.startswith((" ", "- ")):
            found.append("")
        code = line.startswith("    ") or line.lstrip().startswith(">>>")
        found.append(line if code else line.replace("*", r"\*").replace("|", r"\|"))
    lines[:] = found


def _outside(_app: Any, _page: str, source: list[str]) -> None:
    """Links to files beside this folder become downloads; pages among them are none of the site's."""
    source[0] = re.sub(r"\]\((?=\.\./(?!methods/|[a-z_]+\.md))", "](path:", source[0])


def _formula(translator: Any, node: Any) -> None:
    """A formula of LaTeX as MathML, which every browser draws."""
    block = isinstance(node, nodes.math_block)
    translator.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """What Sphinx calls first."""
    write_reference()
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.connect("autodoc-process-docstring", _as_rest)
    app.connect("source-read", _outside)
