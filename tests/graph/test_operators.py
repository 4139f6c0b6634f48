"""The table of operators without multiply-accumulates, held against torch's own registry and counter."""

import pytest
import torch
from torch.utils.flop_counter import flop_registry

from netchip.graph.operators import MATRIX_PRODUCTS, NO_MACS, VALUE_FREE, base_name, has_no_macs
from netchip.graph.products import _COUNTED

FUSED_ONLY = {"_scaled_mm", "_fused_rms_norm"}


def test_every_name_is_an_operator_of_torch():
    missing = [n for n in (NO_MACS | VALUE_FREE | MATRIX_PRODUCTS | set(_COUNTED)) - FUSED_ONLY if not _exists(n)]
    assert missing == []


def _exists(name: str) -> bool:
    return hasattr(torch.ops.aten, name) or hasattr(torch.ops.aten, f"{name}_")


def test_no_operator_is_both_counted_and_free():
    assert not [name for name in _COUNTED if has_no_macs(f"aten.{name}")]
    assert set(_COUNTED) >= MATRIX_PRODUCTS


def test_nothing_that_torch_counts_is_held_to_be_free():
    counted = [str(packet) for packet in flop_registry if str(packet).startswith("aten.")]
    assert len(counted) > 10
    assert not [name for name in counted if has_no_macs(name)]


@pytest.mark.parametrize(
    "op", ["relu", "relu_", "add", "mul_", "view", "permute", "batch_norm", "max_pool2d", "__and__", "softmax"]
)
def test_known_to_be_free(op: str):
    assert has_no_macs(f"aten.{op}")


@pytest.mark.parametrize(
    "op", ["lstm", "gru", "conv3d", "bilinear", "cdist", "fft_fft", "linalg_inv", "no_such_operator"]
)
def test_not_known_to_be_free(op: str):
    assert not has_no_macs(f"aten.{op}")


def test_only_torchs_own_operators_are_known():
    assert not has_no_macs("mylib.relu")


def test_base_names():
    assert [base_name(op) for op in ("aten.relu_", "aten.add", "aten.__and__", "_softmax")] == [
        "relu",
        "add",
        "__and__",
        "_softmax",
    ]
