"""Banks in block RAMs: shapes, padding, and small ones in look-up tables."""

import numpy as np
import pytest

from netchip.hardware.fpga.banks import banks


@pytest.mark.parametrize(
    ("width", "depth", "padded", "blocks", "luts"),
    [
        (16, 1024, False, 1, 0),  # 1024 x 18
        (16, 1025, False, 2, 0),  # two of those, or of 2048 x 9
        (36, 512, False, 1, 0),
        (36, 513, False, 2, 0),
        (9, 2048, False, 1, 0),
        (1, 16384, False, 1, 0),
        (4, 4096, False, 1, 0),
        (16, 2100, False, 3, 0),  # three of 1024 x 18
        (16, 2100, True, 4, 0),  # four, as 4,096 deep
        (16, 63, False, 0, 24),  # 1,008 bits: six RAM64M of 3 bits
        (32, 16, False, 0, 24),  # six RAM32M of 6 bits
        (6, 32, False, 0, 4),
        (6, 33, False, 0, 8),
        (16, 64, False, 1, 0),
        (8, 127, False, 0, 24),  # two rows of three RAM64M
        (8, 0, True, 0, 0),
    ],
)
def test_shapes(width: float, depth: float, padded: bool, blocks: float, luts: float) -> None:
    found = banks(np.array([3.0]), np.array([float(width)]), np.array([float(depth)]), padded=padded, xp=np)
    assert (found.bram18.tolist(), found.lut.tolist()) == ([3 * blocks], [3 * luts])
    assert found.ff.tolist() == [3 * width if luts else 0]  # a block RAM has its register inside


def test_what_is_only_read_is_counted_with_its_reader() -> None:
    size = {"count": np.array([3.0]), "width_bits": np.array([61.0]), "padded": False, "xp": np}
    small, large = (banks(**size, depth=np.array([depth]), only_read=True) for depth in (16.0, 17.0))
    assert [small.lut.tolist(), small.ff.tolist(), small.bram18.tolist()] == [[0], [0], [0]]
    assert large.bram18.tolist() == [6]


@pytest.mark.parametrize(
    ("width", "depth", "blocks", "ultra"),
    [
        (16, 4096, 0, 1),  # four BRAM18 of 4096 x 4: just worth it
        (16, 2048, 2, 0),
        (72, 4096, 0, 1),
        (73, 4096, 0, 2),
        (36, 4097, 0, 2),  # 4096 and one: nine blocks beside two
        (9, 4097, 3, 0),  # three blocks beside two
        (16, 63, 0, 0),  # in look-up tables
    ],
)
def test_large_banks_in_ultraram(width: float, depth: float, blocks: float, ultra: float) -> None:
    given = (np.array([3.0]), np.array([float(width)]), np.array([float(depth)]))
    found = banks(*given, padded=False, xp=np, uram=np.array([1.0]))
    assert (found.bram18.tolist(), found.uram.tolist()) == ([3 * blocks], [3 * ultra])
    assert banks(*given, padded=False, xp=np).uram.tolist() == [0]


def test_more_words_never_take_fewer_blocks() -> None:
    depth = np.arange(1.0, 20_000.0, 7.0)
    for width in (4.0, 8.0, 16.0, 33.0):
        for padded in (False, True):
            found = banks(np.ones(1), np.full(1, width), depth, padded=padded, xp=np)
            assert (np.diff(found.bram18) >= 0).all()
            assert (found.bram18 * 18 * 1024 >= width * depth)[width * depth >= 1024].all()
