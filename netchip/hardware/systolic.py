"""Cycles of a layer on a systolic array with nothing to wait for, in closed form.

Source: SCALE-Sim 3.0.0, whose simulated cycles these forms give (weight and output stationary; of the input stationary form no
recorded cycles are at hand). Only square arrays were compared, so which side is which is untested for others.
"""

from typing import Literal

from netchip.errors import RequestError
from netchip.workload.shape import LayerShape

Stationary = Literal["weight", "output", "input"]


def systolic_cycles(shape: LayerShape, *, rows: int, columns: int, stationary: Stationary) -> int:
    """Cycles of `shape` on an array of `rows` x `columns` MACs whose dataflow keeps one operand in place.

    Each fold of the layer fills the array, streams through it and drains. Groups run one after the other. Raises
    `RequestError` for an array without units and for transposed convolutions, which SCALE-Sim does not know.
    """
    if rows < 1 or columns < 1:
        raise RequestError(f"an array of {rows} x {columns} has no units; give at least 1 x 1")
    if shape.transposed:
        raise RequestError("a transposed convolution has no systolic closed form; use evaluate")
    bounds = shape.loop_bounds
    positions = bounds["B"] * bounds["OY"] * bounds["OX"]
    depth = bounds["C"] * bounds["FY"] * bounds["FX"]
    filters = bounds["K"]
    if stationary == "weight":
        folds, fold = _folds(depth, rows) * _folds(filters, columns), positions + 2 * rows + columns - 2
    elif stationary == "output":
        folds, fold = _folds(positions, rows) * _folds(filters, columns), depth + rows + columns - 2
    else:
        folds, fold = _folds(depth, rows) * _folds(positions, columns), filters + 2 * rows + columns - 2
    return bounds["G"] * folds * fold - 1


def _folds(size: int, units: int) -> int:
    return -(-size // units)
