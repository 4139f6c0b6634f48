"""A network as one ONNX file, run in ONNX Runtime beside the module before it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from netchip.errors import NetchipError, RequestError
from netchip.files import write_atomic
from netchip.graph.checked_file import CheckedFile, largest_difference
from netchip.graph.exporting import Example, arguments, isolated_copy
from netchip.graph.onnx_extra import onnx_library, onnx_runtime, session
from netchip.graph.placing import placed
from netchip.graph.random_state import same_random_state
from netchip.graph.to_onnx import to_onnx, without_origins
from netchip.units import format_bytes

LARGEST_SHARE = 1e-3
"""Of the largest output: what sums in another order may differ by in float32."""
_MOST_BYTES = 2**31 - 2**20
_Call = tuple[tuple[Any, ...], dict[str, Any]]


@torch.no_grad()
def write_onnx(model: nn.Module, example: Example, path: Path | str) -> CheckedFile:
    """Writes `model` in evaluation to `path`, with as many inputs at once as one likes where the network allows that.

    Where it does not, the sizes are those of `example`. The file is compared with the module on the example, and on a batch of
    three of it where the batch is free; nothing is written where they differ. The model stays as it is.

    Raises `MissingExtra` without the extra `export`, `GraphError` where torch cannot export the model or the file computes
    something else, `RequestError` for weights beyond 2 GiB, which one file of ONNX cannot hold.
    """
    onnx_runtime()
    _check_size(model)
    copied = isolated_copy(model)
    call = arguments(placed(example, copied))
    with same_random_state():
        text, checked = _free_batch(copied, call, path) or _fixed(copied, call, path)
    checked.require(LARGEST_SHARE, "nothing was written; see which layer differs by exporting parts of the network")
    write_atomic(Path(path), text)
    return checked


def _check_size(model: nn.Module) -> None:
    size = sum(each.numel() * each.element_size() for each in (*model.parameters(), *model.buffers()))
    if size > _MOST_BYTES:
        raise RequestError(
            f"the network's tensors take {format_bytes(size)}, and one ONNX file holds less than 2 GiB; "
            "export it as torch-export or safetensors"
        )


def _free_batch(model: nn.Module, call: _Call, path: Path | str) -> tuple[bytes, CheckedFile] | None:
    """None where the first size of the inputs cannot be left open: it is no batch, or the network fixes it."""
    batches = {leaf.shape[:1] for leaf in pytree.tree_leaves(call) if isinstance(leaf, Tensor)}
    if len(batches) != 1 or batches == {torch.Size([])}:
        return None
    batch = torch.export.Dim("batch", min=1)
    args, kwargs = pytree.tree_map(lambda leaf: {0: batch} if isinstance(leaf, Tensor) else None, call)
    try:
        text = _text(model, _times(call, 2), free=kwargs or args)  # of a batch of 1 torch keeps the size
        checks = [_compared(text, model, each, path, "any batch") for each in (call, _times(call, 3))]
    except NetchipError:
        return None
    found = max(checks, key=lambda each: each.difference)
    return (text, found) if found.difference <= LARGEST_SHARE * max(found.largest, 1e-6) else None


def _fixed(model: nn.Module, call: _Call, path: Path | str) -> tuple[bytes, CheckedFile]:
    text = _text(model, call, free=None)
    return text, _compared(text, model, call, path, "of fixed sizes")


def _text(model: nn.Module, call: _Call, free: Any) -> bytes:
    args, kwargs = call
    made = to_onnx(model, args, kwargs, free=free)
    without_origins(made)
    onnx_library().checker.check_model(made)
    return made.SerializeToString()


def _compared(text: bytes, model: nn.Module, call: _Call, path: Path | str, sizes: str) -> CheckedFile:
    args, kwargs = call
    runtime = session(text)
    try:
        found = [torch.as_tensor(each) for each in runtime.run(None, _given(runtime, call))]
    except Exception as error:  # ONNX Runtime's errors have no base class
        raise RequestError(f"ONNX Runtime stops on this model ({error})") from error
    wanted = [each for each in pytree.tree_leaves(model(*args, **kwargs)) if isinstance(each, Tensor)]
    difference, largest = largest_difference(found, wanted)
    how = f"{sizes}, ONNX Runtime {onnx_runtime().__version__} beside torch {torch.__version__}"
    return CheckedFile(file=str(path), difference=difference, largest=largest, how=how)


def _given(runtime: Any, call: _Call) -> Mapping[str, Any]:
    """The inputs by the file's names: keyword arguments by theirs, else in order."""
    args, kwargs = call
    names = [each.name for each in runtime.get_inputs()]
    if set(names) == set(kwargs):
        return {name: kwargs[name].cpu().numpy() for name in names}
    leaves = [each for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    return {name: leaf.cpu().numpy() for name, leaf in zip(names, leaves, strict=True)}


def _times(call: _Call, times: int) -> _Call:
    """The call with its batch so many times as large."""
    return pytree.tree_map_only(Tensor, lambda leaf: torch.cat([leaf] * times), call)
