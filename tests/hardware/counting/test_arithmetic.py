"""Constants stay constants, arrays stay arrays, and both round alike."""

from typing import Any

import array_api_compat.numpy
import array_api_compat.torch
import numpy as np
import pytest
import torch

from netchip.hardware.counting.arithmetic import NEARLY, Arithmetic, add, is_plain, product

NAMESPACES = [
    (array_api_compat.numpy, np.asarray([1.5, 2.5, -0.5], dtype=np.float32)),
    (array_api_compat.torch, torch.tensor([1.5, 2.5, -0.5])),
]


@pytest.mark.parametrize(("xp", "array"), NAMESPACES)
def test_arrays_round_as_constants_do(xp: Any, array: Any) -> None:
    arithmetic = Arithmetic(xp, array)
    for name in ("floor", "ceil", "round"):
        rounded = getattr(arithmetic, name)(array)
        assert rounded.dtype == array.dtype
        assert [getattr(arithmetic, name)(value) for value in (1.5, 2.5, -0.5)] == rounded.tolist()


@pytest.mark.parametrize(("xp", "array"), NAMESPACES)
def test_choices_keep_the_type_of_the_batch(xp: Any, array: Any) -> None:
    arithmetic = Arithmetic(xp, array)
    assert arithmetic.least(array, 1.0).tolist() == [1.0, 1.0, -0.5]
    assert arithmetic.most(0.0, array).tolist() == [1.5, 2.5, 0.0]
    chosen = arithmetic.where(array > 0, 2.0, 3.0)
    assert (chosen.dtype, chosen.tolist()) == (array.dtype, [2.0, 2.0, 3.0])
    assert arithmetic.where(array > 2, array, 0.0).tolist() == [0.0, 2.5, 0.0]
    assert (arithmetic.least(2.0, 1.0), arithmetic.most(2.0, 1.0), arithmetic.where(True, 1.0, 2.0)) == (1.0, 2.0, 1.0)


def test_products_and_sums_fold_constants() -> None:
    array = np.asarray([1.0, 2.0])
    assert product([2.0, 3, 1.0]) == 6.0
    assert product([1.0, array, 1]) is array
    assert product([2.0, array, array]).tolist() == [2.0, 8.0]
    assert add([1.0, array]).tolist() == [2.0, 3.0]
    assert add([]) == 0.0
    assert is_plain(1.0)
    assert not is_plain(array)


def test_a_product_of_fractions_is_nearly_whole() -> None:
    third = 1 / 3
    assert Arithmetic(array_api_compat.numpy, np.ones(1)).floor(third * 49 * 3 / 49 * 3 * NEARLY) == 3
    assert Arithmetic(array_api_compat.numpy, np.ones(1)).ceil(55 / 7 * 7 / NEARLY) == 55
