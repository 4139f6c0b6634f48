"""The rounding table of the paper's code (search/slimmable_ops.py, at widths of 4, 6, 8, 10, 12 twelfths)."""

import pytest

from netchip.methods.autogan_distiller.space.widths import rounded, shares


@pytest.mark.parametrize(
    ("base", "widths"),
    [(256, (88, 128, 168, 216, 256)), (128, (40, 64, 88, 104, 128)), (64, (24, 32, 40, 56, 64))],
)
def test_the_papers_widths(base: int, widths: tuple[int, ...]) -> None:
    assert shares(base) == widths


def test_rounding_never_loses_more_than_a_tenth() -> None:
    assert rounded(11, 8) == 16  # the nearest, 8, is more than a tenth below
    assert all(rounded(channels) >= 0.9 * channels for channels in range(1, 300))
    assert all(rounded(channels) % 8 == 0 for channels in range(4, 300))


def test_small_bases_give_each_width_once() -> None:
    assert shares(16) == (8, 16)
