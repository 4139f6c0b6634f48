"""The arms in ONNX Runtime are the networks that they say they are."""

from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("onnxruntime")

from netchip.methods.fractional_skipping.execution import arms as arms_of
from netchip.methods.fractional_skipping.execution.arms import FP32, FRACTIONAL, INT8, SKIP_ONLY, make_arms
from netchip.methods.fractional_skipping.execution.spent import Spent


@torch.no_grad()
def test_arms_in_onnx_runtime(exported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arms_of, "export_pieces", lambda network, images: exported.pieces)
    network, images = exported.network, exported.images
    made = make_arms(network, images)
    assert list(made.modules) == [FP32, INT8, SKIP_ONLY, FRACTIONAL]
    assert made.how[INT8] == "int8"
    assert made.how[FRACTIONAL] == "int8, float32; 4 bits run as 8"
    [full] = made.modules[FP32](images)
    assert full == pytest.approx(network.plain()(images).numpy(), abs=1e-4)
    skipping, routes = made.modules[SKIP_ONLY](images)
    exact = network(images, routes=np.where(routes == 0, 0, 3))
    assert skipping == pytest.approx(exact.numpy(), abs=1e-4)
    spent = Spent()
    assert np.array_equal(made.routed(images, spent).routes, made.modules[FRACTIONAL](images).routes)
    assert spent.deciding_s > 0
