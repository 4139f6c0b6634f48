"""An exported file beside its source: the difference, in words, and the limit it has to keep."""

import math

import pytest
import torch

from netchip.errors import GraphError
from netchip.graph.checked_file import CheckedFile, largest_difference


def test_in_words() -> None:
    plain = CheckedFile(file="modal.onnx", difference=0.0123, largest=4.0)
    assert plain.line() == "modal.onnx: differs from the source by at most 0.012 of 4"
    deciding = CheckedFile(file="pieces", difference=0.0123, largest=4.0, decisions=0.75, how="any batch")
    assert deciding.line().endswith("; 75.0% of its decisions are the source's (any batch)")


def test_a_difference_beyond_its_share_is_refused() -> None:
    found = CheckedFile(file="a.onnx", difference=0.01, largest=4.0)
    found.require(0.01 / 4, "do not use it")
    with pytest.raises(GraphError, match=r"a.onnx: differs .* more than 0.004; do not use it"):
        found.require(1e-3, "do not use it")
    with pytest.raises(GraphError, match="at most nan"):
        CheckedFile(file="a", difference=math.nan, largest=1.0).require(1.0, "no")


def test_the_largest_difference_over_all_outputs() -> None:
    wanted = [torch.tensor([1.0, -8.0, math.inf]), torch.tensor([3]), torch.zeros(0), torch.tensor(True)]
    found = [torch.tensor([1.5, -8.0, math.inf]), torch.tensor([1]), torch.zeros(0), torch.tensor(True)]
    assert largest_difference(found, wanted) == (2.0, 8.0)
    assert math.isnan(largest_difference([torch.tensor([math.nan, 1.0])], [torch.ones(2)])[0])
    with pytest.raises(GraphError, match=r"outputs of the shapes \[\(2,\)\], its source \[\(3,\)\]"):
        largest_difference([torch.zeros(2)], [torch.zeros(3)])
