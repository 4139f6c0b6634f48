"""What an operation is called: the model's own names, stable from run to run, unique within one capture."""

from collections import Counter
from collections.abc import Sequence

from torch import nn

_PARAMETRIZED = ".parametrizations."


class LayerNames:
    """Gives every operation of one model its name; the second operation of a name becomes `name#2`."""

    def __init__(self, model: nn.Module) -> None:
        self._names: dict[int, list[str]] = {}
        self._modules: dict[str, nn.Module] = {}
        for name, module in model.named_modules(remove_duplicate=False):
            self._names.setdefault(id(module), []).append(name)
            self._modules[name] = module
        self._given: Counter[str] = Counter()

    def all_names(self, path: str) -> tuple[str, ...]:
        """Every name of the module found under `path`, the first one leading; `path` itself if it is no module."""
        module = self._modules.get(path)
        return tuple(self._names[id(module)]) if module is not None else (path,)

    def unique(self, base: str) -> str:
        """`base`, or `base#2`, `base#3`... when it was given before."""
        self._given[base] += 1
        return base if self._given[base] == 1 else f"{base}#{self._given[base]}"

    def base(self, path: str, operator: str, parameters: Sequence[str]) -> str:
        """The name of an operation that the module at `path` runs on a weight computed from `parameters`, if any."""
        module = self._modules.get(path)
        first = self.all_names(path)[0]
        if module is not None and _is_one_operation(module, bool(parameters)):
            return first or operator
        if parameters:
            return self._owner(parameters[0]) or operator
        return f"{first}.{operator}" if first else operator

    def _owner(self, parameter: str) -> str:
        """'fc.weight' -> 'fc', 'attn.in_proj_weight' -> 'attn.in_proj', 'block.kernel' -> 'block.kernel'."""
        owner, _, attribute = parameter.rpartition(".")
        if _PARAMETRIZED in parameter:
            owner, _, rest = parameter.partition(_PARAMETRIZED)
            attribute = rest.split(".")[0]
        first = self.all_names(owner)[0]
        stem = "" if attribute == "weight" else attribute.removesuffix("_weight")
        return ".".join(part for part in (first, stem) if part)


def _is_one_operation(module: nn.Module, weighted: bool) -> bool:
    """Whether the operation stands for its module: in torch's own leaf layers the one on their weight, if any.

    (A circular convolution pads first: that is `conv.pad`, the convolution is `conv`.)
    """
    of_torch = any(cls.__module__.startswith("torch.nn") and cls is not nn.Module for cls in type(module).__mro__)
    leaf = all(name == "parametrizations" for name, _ in module.named_children())
    return of_torch and leaf and (weighted or getattr(module, "weight", None) is None)
