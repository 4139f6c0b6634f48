"""A network as a program of torch.export, read again and run beside the module before it is written."""

import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from netchip.files import write_atomic
from netchip.graph.checked_file import CheckedFile, largest_difference
from netchip.graph.exporting import Example, arguments, export
from netchip.graph.placing import placed

LARGEST_SHARE = 1e-4


@torch.no_grad()
def write_program(model: nn.Module, example: Example, path: Path | str) -> CheckedFile:
    """Writes `model` in evaluation as a .pt2 file of the sizes of `example`; what the file computes is compared first.

    The way back is `torch.export.load(path).module()`. Raises `GraphError` where torch cannot export the model or the file
    computes something else; then nothing is written. The model stays as it is.
    """
    copied, program = export(model, example)
    kept = io.BytesIO()
    torch.export.save(program, kept)
    args, kwargs = arguments(placed(example, copied))
    found = torch.export.load(io.BytesIO(kept.getvalue())).module()(*args, **kwargs)
    outputs = (
        [each for each in pytree.tree_leaves(made) if isinstance(each, Tensor)]
        for made in (found, copied(*args, **kwargs))
    )
    difference, largest = largest_difference(*outputs)
    how = f"of fixed sizes, read again by torch {torch.__version__}"
    checked = CheckedFile(file=str(path), difference=difference, largest=largest, how=how)
    checked.require(LARGEST_SHARE, "nothing was written; see which layer differs by exporting parts of the network")
    write_atomic(Path(path), kept.getvalue())
    return checked
