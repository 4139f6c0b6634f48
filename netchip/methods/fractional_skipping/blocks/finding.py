"""Which blocks of a network are gated, and what skipping each of them means."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.quantised import QUANTISED
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.blocks.weight_reads import watching

_CLASSES = """
    BasicBlock Block Bottle2neck Bottleneck BottleneckBlock CNBlock ConvNeXtBlock ConvNextLayer DarkBlock EdgeResidual EvaBlock
    GatedConvBlock GhostBottleneck InvertedResidual LayerScaleBlock LevitBlock LinearBottleneck MBConv MbConvBlock
    MetaBlock1d MetaBlock2d MetaFormerBlock MetaNeXtBlock MixerBlock NormFreeBlock PreActBasic PreActBlock PreActBottleneck
    ResBlock ResBottleneckBlock ResNestBottleneck Residual ResidualBlock SelectiveKernelBasic SelectiveKernelBottleneck
    SpatialGatingBlock SwinTransformerBlock SwinTransformerV2Block TransformerBlock2d TransformerEncoderLayer
    UniversalInvertedResidual ViTLayer XCABlock
"""
RESIDUAL = frozenset(_CLASSES.split())
"""Names of the classes that are taken for residual blocks: those of netchip, torch, torchvision, timm, Hugging Face and the usual
CIFAR code. Each adds what it computes to what it reads, or to a shortcut of it."""

_SHORTCUTS = ("downsample", "shortcut", "skip", "skip_connection", "identity_conv")


@dataclass(frozen=True)
class Found:
    """A block to gate: where it lies, the module, and the channels that enter it.

    `reads_weights_of` names layers in it that it never calls but computes with, as an example shows: few bits cannot reach them.
    """

    site: BlockSite
    module: nn.Module
    channels: int
    reads_weights_of: tuple[str, ...] = ()


def find_blocks(
    model: nn.Module, patterns: Sequence[str] | None = None, example: Any = None, *, gate_first: bool = False
) -> list[Found]:
    """The blocks to gate in the order they run; the first one always runs and is left out, unless `gate_first`.

    Without `patterns` residual blocks are told by their class names (`RESIDUAL`); with them ("features.*", "stages.?.blocks.*",
    as file names match) any modules are, the outer one of two that lie in each other. An `example` input tells sizes and order;
    without one they are read from the layers, in the order in which they are registered.

    Blocks that see parts of an input as a batch (the patches of MobileViT) have no one decision for each input: they are left out
    where an example shows it.

    Raises `ConfigError` where there is no such block, a pattern names none or one that sees parts of an input, or a block's
    channels cannot be told.
    """
    named = _outermost(_named(model, patterns))
    seen = {} if example is None or not named else _sizes(model, [module for _, module in named], example)
    named = _one_decision_an_input(named, seen, patterns, example)
    if len(named) < (1 if gate_first else 2):
        raise ConfigError(
            f"{type(model).__name__} has {len(named)} residual blocks that are known by their class, and the first always runs; "
            "name its blocks by patterns: blocks=['layers.*']"
            if patterns is None
            else f"blocks = {list(patterns)} names {len(named)} block, and the first always runs; "
            "name more, or set gate_first=True"
        )
    if seen:
        named = sorted(named, key=lambda each: seen[each[1]].order)
    return [_found(name, module, seen.get(module)) for name, module in named[0 if gate_first else 1 :]]


@dataclass(frozen=True)
class _Seen:
    order: int
    entering: tuple[int, ...]
    leaving: tuple[int, ...]
    reads_weights_of: tuple[str, ...]


def _named(model: nn.Module, patterns: Sequence[str] | None) -> list[tuple[str, nn.Module]]:
    modules = [(name, module) for name, module in model.named_modules() if name]
    if patterns is None:
        return [(name, module) for name, module in modules if type(module).__name__ in RESIDUAL and _computes(module)]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name, _ in modules):
            outer = ", ".join(dict.fromkeys(name for name, _ in model.named_children()))
            raise ConfigError(f"no module is called like {pattern!r}; the outermost are {outer or 'none'}")
    return [
        (name, module)
        for name, module in modules
        if any(fnmatchcase(name, pattern) for pattern in patterns) and _computes(module)
    ]


def _outermost(named: Iterable[tuple[str, nn.Module]]) -> list[tuple[str, nn.Module]]:
    kept: list[tuple[str, nn.Module]] = []
    for name, module in named:
        if not any(name.startswith(f"{outer}.") for outer, _ in kept):
            kept.append((name, module))
    return kept


def _one_decision_an_input(
    named: list[tuple[str, nn.Module]], seen: Mapping[nn.Module, _Seen], patterns: Sequence[str] | None, example: Any
) -> list[tuple[str, nn.Module]]:
    """The blocks that see as many inputs at once as the example holds; all where nothing was seen."""
    if not seen:
        return named
    first = example[0] if isinstance(example, tuple) else example
    kept = [(name, module) for name, module in named if seen[module].entering[0] == len(first)]
    if patterns is not None and len(kept) < len(named):
        name, module = next(each for each in named if each not in kept)
        raise ConfigError(
            f"block {name!r} sees {seen[module].entering[0]} things at once where the network is given {len(first)} inputs, so it "
            "has no one decision for each; leave it out of the patterns"
        )
    return kept


def _computes(module: nn.Module) -> bool:
    return any(isinstance(each, QUANTISED) for each in module.modules())


def _found(name: str, module: nn.Module, seen: _Seen | None) -> Found:
    attribute, shortcut = _shortcut(module)
    channels = _channels(name, module, seen)
    reads = () if seen is None else seen.reads_weights_of
    if shortcut is not None:
        return Found(BlockSite(name=name, shortcut=f"{name}.{attribute}"), module, channels, reads)
    keeps = seen.entering == seen.leaving if seen is not None else attribute != "" or _keeps_size(module)
    why_not = None if keeps else "its output has another shape than its input, and it has no shortcut"
    return Found(BlockSite(name=name, why_not=why_not), module, channels, reads)


def _shortcut(module: nn.Module) -> tuple[str, nn.Module | None]:
    """The attribute that holds the block's shortcut ("" where it has none) and the shortcut; None for the identity."""
    for attribute in _SHORTCUTS:
        if hasattr(module, attribute):
            found = getattr(module, attribute)
            if found is None or (isinstance(found, nn.Module) and _passes_on(found)):
                return attribute, None
            if isinstance(found, nn.Module):
                return attribute, found
    return "", None


def _passes_on(module: nn.Module) -> bool:
    return isinstance(module, nn.Identity) or (isinstance(module, nn.Sequential) and len(module) == 0)


def _keeps_size(module: nn.Module) -> bool:
    """Whether the layers of a block, in their order, end with the channels they began with, at stride 1."""
    layers = [each for each in module.modules() if isinstance(each, QUANTISED)]
    strides = [side for each in layers if not isinstance(each, nn.Linear) for side in each.stride]
    first, last = layers[0].weight, layers[-1].weight
    return all(side == 1 for side in strides) and _entering(layers[0], first) == last.shape[0]


def _entering(layer: nn.Module, weight: Tensor) -> int:
    return weight.shape[1] * getattr(layer, "groups", 1)


def _channels(name: str, module: nn.Module, seen: _Seen | None) -> int:
    width = _first_width(module)
    if seen is not None:
        sizes = seen.entering
        last = _reads_tokens(module) if len(sizes) == 3 else width == sizes[-1] != sizes[1]
        return sizes[-1 if last else 1]
    if width is None:
        raise ConfigError(f"block {name!r}: no layer tells how many channels enter it; give an example input")
    return width


def _first_width(module: nn.Module) -> int | None:
    """The channels that the first layer or norm of a block reads; None where it has none."""
    for each in module.modules():
        if isinstance(each, QUANTISED):
            return _entering(each, each.weight)
        if isinstance(each, nn.modules.batchnorm._BatchNorm):
            return each.num_features
        if isinstance(each, nn.LayerNorm):
            return each.normalized_shape[-1]
    return None


def _reads_tokens(module: nn.Module) -> bool:
    return any(isinstance(each, nn.Linear) for each in module.modules())


@torch.no_grad()
def _sizes(model: nn.Module, modules: Sequence[nn.Module], example: Any) -> dict[nn.Module, _Seen]:
    """Order and shapes of the modules in one pass in evaluation; the model's mode stays as it is."""
    seen: dict[nn.Module, _Seen] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if module in seen:
            raise ConfigError(
                "a block runs twice in one pass; one that is shared cannot be gated, for it has no one decision"
            )
        seen[module] = _Seen(len(seen), tuple(inputs[0].shape), tuple(output.shape), reads.of(module))

    handles = [module.register_forward_hook(note) for module in modules]
    modes = list(_modes(model))
    try:
        with watching(modules) as reads:
            model.eval()(*example) if isinstance(example, tuple) else model.eval()(example)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    if len(seen) < len(modules):
        raise ConfigError(
            f"{len(modules) - len(seen)} of {len(modules)} blocks did not run on the example; name others"
        )
    return seen


def _modes(model: nn.Module) -> Iterator[tuple[nn.Module, bool]]:
    return ((module, module.training) for module in model.modules())
