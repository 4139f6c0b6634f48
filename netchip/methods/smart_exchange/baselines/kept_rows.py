"""Rounding of a weight whose rows are partly zero: what SmartExchange's row sparsity gives to plain rounding."""

import torch
from torch import Tensor

from netchip.methods.smart_exchange.baselines.quantized import quantize, stored_bits
from netchip.methods.smart_exchange.baselines.scheme import Scheme
from netchip.methods.smart_exchange.decomposition.tiling import Tiling


def round_kept_rows(weight: Tensor, kept: Tensor, tiling: Tiling, scheme: Scheme) -> tuple[Tensor, dict[str, int]]:
    """`weight` with only the `kept` rows, rounded to nearest, and its bits by component, one bit a row for which are kept.

    `kept` [filters, filter_rows], bool: rows as `tiling` cuts them. Groups run along what is kept of a filter, so that no scale is
    spent on zeros.
    """
    rows = tiling.blocks_to_rows(tiling.to_blocks(weight)) * kept[..., None]
    order = torch.argsort((~kept).to(torch.uint8), dim=1, stable=True)[..., None].expand_as(rows)
    gathered = rows.gather(1, order)
    rounded = quantize(gathered.flatten(1), scheme).weight().reshape(rows.shape)
    back = torch.zeros_like(rows).scatter(1, order, rounded)
    return tiling.from_blocks(tiling.rows_to_blocks(back)), _bits(kept, tiling, scheme)


def _bits(kept: Tensor, tiling: Tiling, scheme: Scheme) -> dict[str, int]:
    sizes = torch.full((tiling.filter_rows,), tiling.width, dtype=torch.int64, device=kept.device)
    sizes[-1] = tiling.filter_size - (tiling.filter_rows - 1) * tiling.width
    values = (kept * sizes).sum(dim=1)
    group = scheme.group_in(tiling.filter_rows * tiling.width)
    groups = torch.div(values + group - 1, group, rounding_mode="floor")
    return {**stored_bits(scheme, int(values.sum()), int(groups.sum())), "row_index": kept.numel()}
