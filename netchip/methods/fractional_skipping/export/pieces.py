"""A gated network as ONNX pieces: the graphs around its blocks, the gate, and each block under each option."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DataError
from netchip.files import read_json, write_json
from netchip.graph.onnx_extra import onnx_library, onnx_runtime, results
from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.export.block_structure import BlockStructure, X, Y, structure_key, structure_of
from netchip.methods.fractional_skipping.export.frame import frame_of
from netchip.methods.fractional_skipping.export.integer import integer_graph, runs_on_integers
from netchip.methods.fractional_skipping.export.onnx_graph import Value, exported
from netchip.methods.fractional_skipping.export.simulated import simulated_graph
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.methods.fractional_skipping.options import Bits, OptionSet, Skip

Kernel = Literal["none", "float", "int8", "simulated"]
"""What runs a block under an option: nothing, float32, 8-bit integers, or floats that are rounded as few bits would be."""

FULL = "full"
MANIFEST, FORMAT = "pieces.json", 1
"""The file that says how the pieces belong together, and its format."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """ONNX models by name, and what a runner needs to know beside them.

    `models`: "before.I" (what enters block I, where that is not what left the one before), "gate.I" ("gate.0" alone where the
    gate is upfront), "block.I.OPTION" (none where the input goes on as it is; OPTION is "full" for each block in floats, whether
    the set has that option or not) and "head". `bias` [L, K] is added to the logits: change it, and the budget moves. `entering`
    names what enters each block. `kernels` [L][K].
    """

    models: Mapping[str, Any]
    options: OptionSet
    blocks: tuple[str, ...]
    entering: tuple[str, ...]
    upfront: bool
    bias: np.ndarray
    kernels: tuple[tuple[Kernel, ...], ...]
    input_shape: tuple[int, ...]

    def block(self, index: int, option: int | str) -> Any | None:
        """The model of a block under an option, by index or name; None where nothing runs."""
        name = option if isinstance(option, str) else self.options.names[option]
        if name != FULL:
            self.options.index(name)
        return self.models.get(f"block.{index}.{name}")

    def without_few_bits(self) -> "Pieces":
        """The same decisions, with every option but a skip run in full: what skipping alone saves."""
        models = dict(self.models)
        for index in range(len(self.blocks)):
            for option, name in zip(self.options, self.options.names, strict=True):
                if not isinstance(option, Skip):
                    models[f"block.{index}.{name}"] = models[f"block.{index}.{FULL}"]
        rows = [tuple("none" if each == "none" else "float" for each in row) for row in self.kernels]
        return replace(self, models=models, kernels=tuple(rows))

    def kernels_of(self, option: int) -> set[Kernel]:
        """What runs an option, over all blocks."""
        return {row[option] for row in self.kernels}

    def save(self, folder: Path | str) -> None:
        """Writes one ONNX file a piece, and the manifest."""
        onnx = onnx_library()

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, model in self.models.items():
            onnx.save(model, str(place / f"{name}.onnx"))
        write_json(place / MANIFEST, self._manifest())

    @classmethod
    def load(cls, folder: Path | str) -> "Pieces":
        """From a folder that `save` wrote; raises `DataError` where it is none or a piece is missing."""
        onnx_runtime()
        onnx = onnx_library()

        place = Path(folder)
        if not (place / MANIFEST).is_file():
            raise DataError(f"{place}: no {MANIFEST} here; give a folder that a gated network was exported to")
        found = read_json(place / MANIFEST)
        if found.get("format") != FORMAT:
            raise DataError(
                f"{place}: format {found.get('format')!r} of {MANIFEST}, this version reads {FORMAT}; export again"
            )
        missing = [name for name in found["models"] if not (place / f"{name}.onnx").is_file()]
        if missing:
            raise DataError(f"{place}: {missing[0]}.onnx is missing; export again")
        return cls(
            models={name: onnx.load(str(place / f"{name}.onnx")) for name in found["models"]},
            options=OptionSet.parse(found["options"], found["reference_bits"]),
            blocks=tuple(found["blocks"]),
            entering=tuple(found["entering"]),
            upfront=found["upfront"],
            bias=np.array(
                [[-np.inf if each is None else each for each in row] for row in found["bias"]], dtype=np.float32
            ),
            kernels=tuple(tuple(row) for row in found["kernels"]),
            input_shape=tuple(found["input_shape"]),
        )

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "options": list(self.options.names),
            "reference_bits": self.options.reference_bits,
            "blocks": list(self.blocks),
            "entering": list(self.entering),
            "upfront": self.upfront,
            "bias": [[float(each) if np.isfinite(each) else None for each in row] for row in self.bias],
            "kernels": [list(row) for row in self.kernels],
            "input_shape": list(self.input_shape),
            "models": list(self.models),
        }


@torch.no_grad()
def export_pieces(network: FractionalNetwork, images: Tensor, *, few_bits: Kernel = "int8") -> Pieces:
    """The pieces of `network` in evaluation; `images` [B, ...], B at least 2, tell sizes and the range of what integers add up to.

    `few_bits`: "int8" runs options of at most 8 bits on integer kernels where blocks allow it (convolutions in the modern mode),
    "simulated" rounds in floats throughout.

    Raises `ConfigError` for a network that cannot be cut at its blocks, `GraphError` where torch cannot export it.
    """
    onnx_runtime()
    if few_bits not in ("int8", "simulated"):
        raise ConfigError(
            f"few_bits = {few_bits!r}: options of few bits run as 'int8' or 'simulated'; {get_args(Kernel)}"
        )
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        return _exported(network, images, few_bits == "int8")
    finally:
        for module, mode in modes:
            module.training = mode
        for block in network.blocks:
            block.match_twins()


def _exported(network: FractionalNetwork, images: Tensor, integers: bool) -> Pieces:
    frame = frame_of(network, images)
    models: dict[str, Any] = {f"before.{index}": each for index, each in enumerate(frame.before) if each is not None}
    models |= {f"gate.{index}": each for index, each in enumerate(frame.gates)}
    structures: dict[Any, BlockStructure] = {}
    kernels: list[tuple[Kernel, ...]] = []
    for block, features in zip(network.blocks, frame.features, strict=True):
        made = _BlockExport(block, features, structures, integers)
        row: list[Kernel] = []
        for option, name in enumerate(network.options.names):
            model, kernel = made.under(option)
            row.append(kernel)
            models |= {} if model is None else {f"block.{block.index}.{name}": model}
        models[f"block.{block.index}.{FULL}"] = made.in_full()
        kernels.append(tuple(row))
    return Pieces(
        models=models | {"head": frame.head},
        options=network.options,
        blocks=tuple(site.name for site in network.sites),
        entering=tuple(each.name for each in frame.entering),
        upfront=frame.upfront,
        bias=(network.logit_bias + network.forbidden).cpu().numpy().copy(),
        kernels=tuple(kernels),
        input_shape=tuple(images.shape[1:]),
    )


class _BlockExport:
    """The graphs of one block; blocks of one structure are exported once."""

    def __init__(
        self, block: FractionalBlock, features: Tensor, structures: dict[Any, BlockStructure], integers: bool
    ) -> None:
        self.block, self.features, self.integers = block, features, integers
        key = structure_key(block.block, features)
        if key not in structures or not self._fits(structures[key]):
            structures[key] = structure_of(block.block, features)
        self.structure = structures[key]

    def under(self, option: int) -> tuple[Any | None, Kernel]:
        """The graph under an option, and what runs it."""
        form = self.block._loud[option]
        chosen = self.block.options[option]
        if form is None or (isinstance(chosen, Skip) and not self.block.site.skippable):
            return None, "none"
        if isinstance(chosen, Skip):
            return exported(_Shortcut(form), [self.features], [X], [Y], optimised=True), "float"
        if not isinstance(chosen, Bits):
            return self.in_full(), "float"
        if self.integers and runs_on_integers(form):
            return integer_graph(self.structure, form, lambda values: self._measured(form, values)), "int8"
        return simulated_graph(self.structure, form), "simulated"

    def in_full(self) -> Any:
        """The block in floats."""
        return self.structure.model_of(self.structure.nodes, self.structure.constants(self.block.block))

    def _measured(self, form: nn.Module, values: Sequence[Value]) -> list[np.ndarray]:
        """Values of the float form on the features."""
        model = simulated_graph(self.structure, form, values)
        return results(model, {X: self.features.numpy()}, [value.name for value in values])

    def _fits(self, structure: BlockStructure) -> bool:
        """Whether a structure, exported from another block, computes this one too."""
        plain = self.block.block
        model = structure.model_of(structure.nodes, structure.constants(plain))
        [found] = results(model, {X: self.features.numpy()})
        wanted = plain(self.features).numpy()
        return bool(np.abs(found - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1e-6))


class _Shortcut(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.module(tensors[0])
