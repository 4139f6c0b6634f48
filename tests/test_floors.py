"""The house holds: which floor may import which, what stays free of torch, what must not be there, and what is declared.

Each rule is a function from a file's path and source to its faults. It is shown to find a fault in made-up source, and
to find none in netchip.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "netchip").rglob("*.py"))

# Lowest first. Folders on one floor are strangers: none of them imports another.
FLOORS = (
    ("errors", "units", "spec", "files", "cores", "version"),
    ("nn", "workload"),
    ("models", "data", "hardware"),
    ("train",),
    ("graph", "measure"),
    ("rtl",),
    ("methods", "export"),
    ("compose", "report"),
    ("cli",),
    ("__main__", "__init__"),
)
NEVER = {("report", "methods")}
LOWEST = FLOORS[0]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}

TORCH_FREE_FOLDERS = ("workload", "hardware", "report")
TORCH_FREE_FILES = ("spec.py", "config.py", "experiments.py")
TORCH = ("torch", "torchvision", "torch_pruning", "accelerate", "timm")
NAMES_OF_NOTHING = ("utils", "util", "common", "helpers", "helper", "misc")


@dataclass(frozen=True)
class Import:
    """One imported module, and where: at a file's top, inside a function, there with its absence handled."""

    module: str
    line: int
    inside_function: bool
    absence_handled: bool


def imports(source: str) -> list[Import]:
    return list(_imports(ast.parse(source), inside=False, handled=False))


def _imports(node: ast.AST, *, inside: bool, handled: bool) -> Iterator[Import]:
    for module in _modules(node):
        yield Import(module, getattr(node, "lineno", 0), inside, inside and handled)
    inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    if isinstance(node, ast.Try):
        for child in node.body:
            yield from _imports(child, inside=inside, handled=handled or _handles_absence(node))
        rest: list[ast.AST] = [*node.handlers, *node.orelse, *node.finalbody]
    else:
        rest = list(ast.iter_child_nodes(node))
    for child in rest:
        yield from _imports(child, inside=inside, handled=handled)


def _modules(node: ast.AST) -> list[str]:
    """The modules `node` itself imports; import_module with a literal counts, a relative import is inside netchip."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            return ["netchip"]
        # "from netchip import graph" imports netchip.graph
        return [f"netchip.{alias.name}" for alias in node.names] if module == "netchip" else [module]
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
        return [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return []


def _handles_absence(node: ast.Try) -> bool:
    caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type is not None)
    return any(name in caught for name in ("ImportError", "ModuleNotFoundError"))


def place(path: str) -> str:
    """The folder, or the file without its ending, directly below netchip."""
    return PurePosixPath(path).parts[1].removesuffix(".py")


# The rules ---------------------------------------------------------------------------------------------------------------


def wrong_direction(path: str, source: str) -> list[str]:
    """Imports of a floor that is not lower."""
    own = place(path)
    if own not in HEIGHT:
        return [f"{path}: {own!r} stands on no floor; give it one in FLOORS"]
    faults = []
    for each in imports(source):
        parts = each.module.split(".")
        if parts[0] != "netchip" or len(parts) == 1 or parts[1] == own:
            continue
        other = parts[1]
        lower = other in HEIGHT and (HEIGHT[other] < HEIGHT[own] or (own in LOWEST and other in LOWEST))
        if not lower or (own, other) in NEVER:
            faults.append(f"{path}:{each.line}: {own} imports netchip.{other}")
    return faults


def whole_package_from_inside(path: str, source: str) -> list[str]:
    """Imports of `netchip` itself, whose lazy names hide which floor is meant; relative imports likewise."""
    return [f"{path}:{each.line}: name the floor" for each in imports(source) if each.module == "netchip"]


def between_methods(path: str, source: str) -> list[str]:
    """Imports of one method's room by another, or by what all rooms share."""
    parts = PurePosixPath(path).parts
    if parts[1] != "methods":
        return []
    own = parts[2].removesuffix(".py")
    rooms = [each for each in imports(source) if each.module.startswith("netchip.methods.")]
    return [
        f"{path}:{each.line}: methods/{own} imports {each.module}"
        for each in rooms
        if each.module.split(".")[2] not in (own, "method")
    ]


def torch_where_there_is_none(path: str, source: str) -> list[str]:
    """Imports of torch on the silicon tower and in configurations; hardware/backend.py may, inside functions."""
    parts = PurePosixPath(path).parts
    if parts[1] not in TORCH_FREE_FOLDERS and parts[-1] not in TORCH_FREE_FILES:
        return []
    backend = parts[1:] == ("hardware", "backend.py")
    return [
        f"{path}:{each.line}: imports {each.module}"
        for each in imports(source)
        if each.module.split(".")[0] in TORCH and not (backend and each.inside_function)
    ]


def what_must_not_be_there(path: str, source: str) -> list[str]:
    """print, a bare except, assert, and a file named after nothing."""
    stem = PurePosixPath(path).stem
    faults = [f"{path}: {stem!r} names nothing; say what the file holds"] if stem in NAMES_OF_NOTHING else []
    for node in ast.walk(ast.parse(source)):
        found = _unwanted(node)
        if found:
            faults.append(f"{path}:{getattr(node, 'lineno', 0)}: {found}")
    return faults


def _unwanted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
        return "print"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        return "a bare except"
    return "an assert" if isinstance(node, ast.Assert) else None


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Declared:
    """Names of the distributions that pyproject.toml asks for, and which distribution an importable module comes from."""

    core: frozenset[str]
    extras: frozenset[str]
    distributions: Mapping[str, list[str]]

    @classmethod
    def read(cls) -> "Declared":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extras = [each for group in project["optional-dependencies"].values() for each in group]
        return cls(_names(project["dependencies"]), _names(extras), packages_distributions())

    def holders(self, module: str) -> set[str]:
        """Distributions that `module` is in; where none is installed, the one of its own name."""
        return {normal(name) for name in self.distributions.get(module, [module])}


def _names(requirements: list[str]) -> frozenset[str]:
    return frozenset(normal(re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]) for each in requirements)


def undeclared(path: str, source: str, declared: Declared) -> list[str]:
    """Imports of packages that the bare package does not ask for: not even what a dependency brings along counts.

    A package of an extra is imported inside a function that handles its absence.
    """
    faults = []
    for each in imports(source):
        root = each.module.split(".")[0]
        if root == "netchip" or root in sys.stdlib_module_names:
            continue
        holders = declared.holders(root)
        if holders & declared.core or (holders & declared.extras and each.absence_handled):
            continue
        known = (
            "an extra, so import it in a function, in a try that handles ImportError"
            if holders & declared.extras
            else ""
        )
        faults.append(f"{path}:{each.line}: imports {root}, which is {known or 'not declared in pyproject.toml'}")
    return faults


# netchip keeps them --------------------------------------------------------------------------------------------------------

RULES: tuple[Callable[[str, str], list[str]], ...] = (
    wrong_direction,
    whole_package_from_inside,
    between_methods,
    torch_where_there_is_none,
    what_must_not_be_there,
)


def faults_in_netchip(rule: Callable[[str, str], list[str]]) -> list[str]:
    return [fault for file in FILES for fault in rule(file.relative_to(ROOT).as_posix(), file.read_text())]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_netchip_keeps(rule: Callable[[str, str], list[str]]) -> None:
    assert faults_in_netchip(rule) == []


def test_every_import_is_declared() -> None:
    declared = Declared.read()
    assert faults_in_netchip(lambda path, source: undeclared(path, source, declared)) == []


def modules_after(*modules: str) -> set[str]:
    """Top-level packages a fresh Python holds after importing `modules` from outside the project's folder."""
    code = "import importlib, json, sys\nfor m in json.loads(sys.argv[1]): importlib.import_module(m)\n"
    code += "sys.stdout.write(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}", json.dumps(modules)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def torch_free_modules() -> list[str]:
    paths = [file.relative_to(ROOT) for file in FILES]
    kept = [
        p
        for p in paths
        if p.name in TORCH_FREE_FILES or p.parts[1] in TORCH_FREE_FOLDERS or p.parts[1:2] == ("__init__.py",)
    ]
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in kept)


def test_importing_netchip_imports_no_torch() -> None:
    assert modules_after("netchip").isdisjoint(TORCH)


def test_specs_configs_experiments_and_the_silicon_tower_import_no_torch_even_indirectly() -> None:
    modules = torch_free_modules()
    assert {"netchip", "netchip.models.spec", "netchip.workload.network"} <= set(modules)
    assert any(name.endswith("experiments") for name in modules)
    assert modules_after(*modules).isdisjoint(TORCH)


# Each rule can fail ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (wrong_direction, "netchip/train/a.py", "from netchip.graph.capture import capture"),
        (wrong_direction, "netchip/train/a.py", "def f():\n    import netchip.graph"),
        (wrong_direction, "netchip/train/a.py", "from netchip import graph"),
        (wrong_direction, "netchip/models/a.py", "from netchip.data.spec import DatasetSpec"),
        (wrong_direction, "netchip/nn/a.py", "from netchip.workload.shape import LayerShape"),
        (wrong_direction, "netchip/report/a.py", "from netchip.methods import METHODS"),
        (wrong_direction, "netchip/report/a.py", "import importlib\nimportlib.import_module('netchip.methods')"),
        (wrong_direction, "netchip/spec.py", "import netchip.nn.masking"),
        (wrong_direction, "netchip/cli/a.py", "import netchip.nowhere"),
        (wrong_direction, "netchip/elsewhere/a.py", ""),
        (whole_package_from_inside, "netchip/graph/a.py", "import netchip"),
        (whole_package_from_inside, "netchip/graph/a.py", "from .capture import capture"),
        (between_methods, "netchip/methods/dna/run.py", "from netchip.methods.early_bird.masks import Mask"),
        (between_methods, "netchip/methods/method.py", "import netchip.methods.dna"),
        (torch_where_there_is_none, "netchip/workload/a.py", "import torch.nn as nn"),
        (torch_where_there_is_none, "netchip/hardware/a.py", "def f():\n    from torch import Tensor"),
        (torch_where_there_is_none, "netchip/hardware/backend.py", "import torch"),
        (torch_where_there_is_none, "netchip/methods/dna/experiments.py", "from accelerate import Accelerator"),
        (torch_where_there_is_none, "netchip/train/spec.py", "if True:\n    import torch"),
        (what_must_not_be_there, "netchip/nn/a.py", "print('here')"),
        (what_must_not_be_there, "netchip/nn/a.py", "try:\n    pass\nexcept:\n    pass"),
        (what_must_not_be_there, "netchip/nn/a.py", "def f(x):\n    assert x > 0"),
        (what_must_not_be_there, "netchip/nn/utils.py", ""),
        (what_must_not_be_there, "netchip/data/helpers.py", ""),
    ],
)
def test_a_fault_is_found(rule: Callable[[str, str], list[str]], path: str, source: str) -> None:
    assert len(rule(path, source)) == 1


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (wrong_direction, "netchip/cli/a.py", "import netchip.methods.early_bird, netchip.report.page, netchip.errors"),
        (wrong_direction, "netchip/spec.py", "from netchip.errors import ConfigError"),
        (wrong_direction, "netchip/graph/a.py", "from netchip.graph.capture import capture"),
        (between_methods, "netchip/methods/dna/run.py", "from netchip.methods.method import Result"),
        (between_methods, "netchip/methods/dna/run.py", "from netchip.methods.dna.config import Config"),
        (torch_where_there_is_none, "netchip/hardware/backend.py", "def f():\n    import torch"),
        (torch_where_there_is_none, "netchip/nn/a.py", "import torch"),
        (what_must_not_be_there, "netchip/nn/a.py", "console.print('here')\n'print(1); assert 0'"),
    ],
)
def test_what_is_allowed_passes(rule: Callable[[str, str], list[str]], path: str, source: str) -> None:
    assert rule(path, source) == []


MADE_UP = Declared(
    core=frozenset({"pillow", "scikit-learn"}),
    extras=frozenset({"timm", "huggingface-hub"}),
    distributions={"PIL": ["pillow"], "sklearn": ["scikit-learn"], "markupsafe": ["MarkupSafe"], "timm": ["timm"]},
)
GUARDED = "def f():\n    try:\n        import {0}\n    except (ImportError, RuntimeError):\n        raise"


@pytest.mark.parametrize(
    "source",
    [
        "import markupsafe",  # installed as a dependency of a dependency
        "def f():\n    import markupsafe",
        GUARDED.format("markupsafe"),
        "import nowhere",
        "import timm",  # an extra at the top
        "try:\n    import timm\nexcept ImportError:\n    timm = None",
        "class A:\n    import timm",
        "def f():\n    import timm",
        "def f():\n    try:\n        import timm\n    except KeyError:\n        pass",
        "def f():\n    try:\n        pass\n    except ImportError:\n        import timm",
        "import importlib\nimportlib.import_module('timm.models')",
    ],
)
def test_an_undeclared_import_is_found(source: str) -> None:
    assert len(undeclared("netchip/nn/a.py", source, MADE_UP)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from PIL import Image\nimport sklearn.datasets\nimport json, os.path\nfrom netchip.errors import DataError",
        GUARDED.format("timm.models"),
        GUARDED.format("huggingface_hub"),  # not installed: taken by its own name
    ],
)
def test_a_declared_import_passes(source: str) -> None:
    assert undeclared("netchip/nn/a.py", source, MADE_UP) == []


def test_requirements_are_read_without_their_versions_and_extras() -> None:
    assert _names(["torch>=2.6", "ray[default,tune]>=2", "Zig_Zag.dse >=3,<4", "six"]) == {
        "torch",
        "ray",
        "zig-zag-dse",
        "six",
    }


def test_a_module_that_imports_torch_is_seen_from_outside() -> None:
    assert "torch" in modules_after("netchip.nn.masking")
