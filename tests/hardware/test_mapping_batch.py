"""Batches of mappings: rows both ways, cuts by hand, and what is refused at birth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch

UNEVEN = """D1: K 4
D2: C 2
OY 5: W=dram I=dram O=dram
OX 7: W=buffer I=dram O=buffer
K 2: W=buffer I=buffer O=buffer
FX 3: W=reg_w I=buffer O=reg_o"""
FLAT = "C 6: W=dram I=dram O=dram"


def batch(accelerator: Accelerator, *texts: str) -> MappingBatch:
    return MappingBatch.of([Mapping.parse_text(text) for text in texts], accelerator)


def test_cuts_count_the_loops_at_or_below_each_memory(tiny: Accelerator) -> None:
    """Of four loops, W keeps one in its register and three below the DRAM; I, whose chain starts at the buffer, two."""
    mappings = batch(tiny, UNEVEN)
    assert mappings.cut[:, :, 0].tolist() == [[1, 3, 4], [2, 4, 4], [1, 3, 4]]
    assert [DIMS[dim] for dim in mappings.dim[:, 0]] == ["FX", "K", "OX", "OY"]
    assert mappings.bound[:, 0].tolist() == [3, 2, 7, 5]
    assert mappings.spatial[:, :, 0].tolist() == [[1, 1, 4, 1, 1, 1, 1, 1], [1, 1, 1, 2, 1, 1, 1, 1]]


def test_rows_go_back(tiny: Accelerator) -> None:
    mappings = batch(tiny, UNEVEN, FLAT)
    assert len(mappings) == 2
    assert [str(mappings.row(index, tiny)) for index in (0, 1)] == [UNEVEN, FLAT]


def test_torch_holds_the_same(tiny: Accelerator) -> None:
    mappings = MappingBatch.of([Mapping.parse_text(UNEVEN)], tiny, xp=torch, layers=[3])
    assert isinstance(mappings.bound, torch.Tensor)
    assert mappings.layer.tolist() == [3]
    assert str(mappings.row(0, tiny)) == UNEVEN


def test_what_is_alike_for_all_is_held_once(tiny: Accelerator) -> None:
    one = batch(tiny, UNEVEN)
    many = replace(one, bound=np.repeat(one.bound, 3, -1))
    assert len(many) == 3
    assert many.row(2, tiny) == one.row(0, tiny)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("K 4: W=reg I=buffer O=reg_o", r"no memory 'reg' holds W; did you mean 'reg_w'\?"),
        ("K 4: W=reg_o I=buffer O=reg_o", r"no memory 'reg_o' holds W; did you mean 'reg_w'"),
        ("K 4: W=zzz I=buffer O=reg_o", r"no memory 'zzz' holds W; give one of reg_w, buffer, dram"),
        ("D3: K 4", r"the array of tiny has no dimension 'D3'; it has D1, D2"),
        (
            "K 4: W=reg_w I=buffer O=buffer | C 2: W=buffer I=buffer O=buffer",
            r"W: a loop kept at 'reg_w' runs outside one kept at 'buffer', the memory above; keep outer",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_the_accelerator_is_refused(tiny: Accelerator, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        batch(tiny, text)


def test_no_mapping_at_all_is_refused(tiny: Accelerator) -> None:
    with pytest.raises(RequestError, match="no mapping was given"):
        MappingBatch.of([], tiny)


@pytest.mark.parametrize("xp", [np, torch])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dim", [[8], [0]], r"dim of mapping 0 is not possible; give indices of dimensions from 0 to 7"),
        ("bound", [[1.0, 0.0], [1.0, 1.0]], r"bound of mapping 1 is not possible; give loop bounds of at least 1"),
        ("bound", [[float("nan")], [1.0]], r"bound of mapping 0 is not possible"),
        ("bound", [[1.0]], r"bound has the shape \[1, 1\]; give \[2, any\], the batch last"),
        ("cut", [[[3], [2]]] * 3, r"cut of mapping 0 is not possible; give numbers of loops from 0 to 2"),
        ("cut", [[[2], [1]]] * 3, r"cut of mapping 0 is not possible; give numbers that do not fall"),
        ("cut", [[[1], [1]]] * 3, r"cut of mapping 0 is not possible; give all 2 loops at the outermost"),
        ("cut", [[[1], [2]]] * 2, r"cut has the shape \[2, 2, 1\]; give \[3, any, any\]"),
        ("spatial", [[[0.5]] * 8], r"spatial of mapping 0 is not possible; give factors of at least 1"),
        ("layer", [-1], r"layer of mapping 0 is not possible; give indices of layers from 0"),
        ("layer", [0, 0, 0], r"the arrays hold \[2, 3\] mappings; give each the same number"),
    ],
)
def test_what_is_refused_at_birth(xp: Any, name: str, value: Any, message: str) -> None:
    arrays: dict[str, Any] = {
        "dim": [[0, 1], [2, 3]],
        "bound": [[1.0], [2.0]],
        "cut": [[[1], [2]]] * 3,
        "spatial": [[[1.0]] * 8],
        "layer": [0],
    }
    with pytest.raises(RequestError, match=message):
        MappingBatch(**{key: xp.asarray(each) for key, each in (arrays | {name: value}).items()})
