"""Errors by hand, and the cases where a norm is zero or beyond float32."""

import math

import pytest
import torch

from netchip.methods.smart_exchange.baselines.distortion import decibels, relative_error, squared_error


def test_by_hand() -> None:
    assert relative_error(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 3.5])) == pytest.approx(0.1)
    assert decibels(0.1) == pytest.approx(20.0)


def test_zeros() -> None:
    zero = torch.zeros(2)
    assert relative_error(zero, zero) == 0
    assert relative_error(zero, torch.ones(2)) == math.inf
    assert decibels(0.0) == math.inf


def test_squares_beyond_float32() -> None:
    assert squared_error(torch.full((2,), 1e30), torch.zeros(2)) == pytest.approx(2e60)
    assert squared_error(torch.full((2,), 1e-30), torch.zeros(2)) == pytest.approx(2e-60)
