"""Which weights of a network are treated: convolutions of any kind, linear layers, embeddings, each stored weight once."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils import parametrize

from netchip.errors import ConfigError

Kind = Literal["conv", "transposed", "linear", "embedding", "unknown"]


@dataclass(frozen=True)
class Found:
    """A weight by its first name, with the further names it is tied to; `groups` are those of its convolution."""

    name: str
    kind: Kind
    shape: tuple[int, ...]
    groups: int = 1
    tied: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.name, *self.tied)


@dataclass(frozen=True)
class Passed:
    """A weight that stays as it is, and why."""

    name: str
    reason: str


def find_weights(
    model: nn.Module, *, only: Sequence[str] = (), skip: Sequence[str] = ()
) -> tuple[tuple[Found, ...], tuple[Passed, ...]]:
    """The weights to treat in their order, and those of two or more dimensions that are left alone.

    Patterns are those of file names ("features.*"), and fit a weight by its name or by that of its module. A parameter of no
    known layer is treated where a pattern of `only` names it, as the weight of a linear layer is.
    Raises `ConfigError` for a pattern that fits nothing.
    """
    candidates = _candidates(model)
    _check_patterns((*only, *skip), [name for found in candidates for name in found.names])
    treated: list[Found] = []
    passed = [Passed(name, reason) for name, reason in _computed(model)]
    for found in candidates:
        reason = _reason(found, only, skip)
        if reason is None:
            treated.append(found)
        else:
            passed.append(Passed(found.name, reason))
    return tuple(treated), tuple(passed)


def fits(pattern: str, names: Sequence[str]) -> bool:
    """Whether `pattern` fits one of the `names` of a weight, or the module that holds it."""
    return any(fnmatchcase(name, pattern) or fnmatchcase(name.rpartition(".")[0], pattern) for name in names)


def _candidates(model: nn.Module) -> list[Found]:
    """Every parameter of two or more dimensions, once; the first name of a tied one counts, and the kind of any of them."""
    by_identity: dict[int, list[tuple[str, nn.Module, nn.Parameter]]] = {}
    for module_name, module in model.named_modules():
        if _is_parametrised_part(module_name):
            continue
        for key, parameter in module.named_parameters(recurse=False):
            if parameter.ndim >= 2:
                name = f"{module_name}.{key}" if module_name else key
                by_identity.setdefault(id(parameter), []).append((name, module, parameter))
    return [_found(uses) for uses in by_identity.values()]


def _found(uses: list[tuple[str, nn.Module, nn.Parameter]]) -> Found:
    kinds = [_kind(name, module) for name, module, _ in uses]
    known = next((each for each in kinds if each[0] != "unknown"), kinds[0])
    name, _, parameter = uses[0]
    return Found(name, known[0], tuple(parameter.shape), known[1], tuple(each[0] for each in uses[1:]))


def _kind(name: str, module: nn.Module) -> tuple[Kind, int]:
    """What kind of weight it is, and the groups of its convolution."""
    if name.rpartition(".")[2] != "weight":
        return "unknown", 1
    if isinstance(module, _ConvTransposeNd):
        return "transposed", module.groups
    if isinstance(module, _ConvNd):
        return "conv", module.groups
    if isinstance(module, nn.Linear):
        return "linear", 1
    return ("embedding", 1) if isinstance(module, nn.Embedding | nn.EmbeddingBag) else ("unknown", 1)


def _is_parametrised_part(module_name: str) -> bool:
    return "parametrizations" in module_name.split(".")


def _computed(model: nn.Module) -> list[tuple[str, str]]:
    """Weights that are computed from other parameters."""
    return [
        (f"{module_name}.{key}" if module_name else key, "computed by a parametrisation; remove that first")
        for module_name, module in model.named_modules()
        if parametrize.is_parametrized(module)
        for key in module.parametrizations  # pyright: ignore[reportGeneralTypeIssues]
    ]


def _reason(found: Found, only: Sequence[str], skip: Sequence[str]) -> str | None:
    """Why `found` is left alone; None when it is treated."""
    for pattern in skip:
        if fits(pattern, found.names):
            return f"left out by the pattern {pattern!r}"
    if only:
        return None if any(fits(pattern, found.names) for pattern in only) else "not among the patterns of only"
    if found.kind == "unknown":
        return "belongs to no convolution, linear layer or embedding"
    return None


def _check_patterns(patterns: Sequence[str], names: Sequence[str]) -> None:
    for pattern in patterns:
        if not fits(pattern, names):
            modules = [name.rpartition(".")[0] for name in names]
            close = difflib.get_close_matches(pattern, [*names, *modules], n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"weights are named {', '.join(names[:4])}, ..."
            raise ConfigError(f"the pattern {pattern!r} fits no weight of this network; {hint}")
