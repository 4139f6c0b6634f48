"""Algebra of many small square matrices at once, as planes [width, width, blocks]: no call into LAPACK for each block."""

import torch
from torch import Tensor


def planes(matrices: Tensor) -> Tensor:
    """[blocks, width, width] as [width, width, blocks], float64."""
    count, width, _ = matrices.shape
    return matrices.new_empty(width, width, count, dtype=torch.float64).copy_(matrices.permute(1, 2, 0))


def product(left: Tensor, right: Tensor) -> Tensor:
    """left x right, of planes [k, m, blocks] and [m, c, blocks]."""
    return (left.unsqueeze(2) * right.unsqueeze(0)).sum(1)


def solve_positive(matrices: Tensor, right: Tensor, least_pivot: Tensor) -> Tensor:
    """X with `matrices` X = `right`, both [width, width, blocks], for symmetric matrices without negative eigenvalues.

    Gauss-Jordan without pivoting; a pivot below `least_pivot` [blocks] is raised to it.
    """
    width = matrices.shape[0]
    work = torch.cat([matrices, right], dim=1)
    for k in range(width):
        row = work[k, k + 1 :] / torch.maximum(work[k, k], least_pivot)
        work[:, k + 1 :] -= work[:, k : k + 1] * row
        work[k, k + 1 :] = row
    return work[:, width:]


def bounded_inverse(matrices: Tensor, ridge: float) -> Tensor:
    """(Bt B + e I)^-1 Bt for planes B: the inverse, bounded where B has none; e is `ridge` x the mean diagonal of Bt B."""
    turned = matrices.transpose(0, 1).contiguous()
    squares = product(turned, matrices)
    added = ridge * mean_diagonal(squares) + torch.finfo(torch.float64).tiny
    return solve_positive(with_diagonal(squares, added), turned, added)


def mean_diagonal(matrices: Tensor) -> Tensor:
    """[blocks]: the mean of each diagonal."""
    return torch.diagonal(matrices, dim1=0, dim2=1).mean(-1)


def with_diagonal(matrices: Tensor, added: Tensor) -> Tensor:
    """`matrices` + added x I; `added` is [blocks]."""
    return matrices + identity(matrices) * added


def identity(like: Tensor) -> Tensor:
    """The identity as planes, [width, width, 1], in the type and on the device of `like` [width, width, blocks]."""
    return torch.eye(like.shape[0], dtype=like.dtype, device=like.device).unsqueeze(-1)
