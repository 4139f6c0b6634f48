"""Steps of a bit-serial multiplier: the digits give the number back, and a few by hand."""

import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.workload.booth import bit_steps, booth_digits, booth_steps

ALL = np.arange(-128, 256, dtype=np.int16)


def test_digits_give_each_number_back() -> None:
    digits = booth_digits(ALL)
    assert set(np.unique(digits)) == {-2, -1, 0, 1, 2}
    assert (digits @ 4 ** np.arange(5) == ALL).all()


def test_signed_numbers_need_four_digits_and_unsigned_ones_a_fifth() -> None:
    assert not booth_digits(np.arange(-128, 128, dtype=np.int16))[:, 4].any()
    assert booth_digits(np.array([128, 255], np.uint8))[:, 4].tolist() == [1, 1]


def test_steps_by_hand() -> None:
    # 0; 1 = 1; 3 = 4 - 1; 7 = 8 - 1; 85 = 64 + 16 + 4 + 1; 127 = 128 - 1; 255 = 256 - 1; -1 = -1; -128 = -2 * 64
    values = np.array([0, 1, 3, 7, 85, 127, 255, -1, -128])
    assert booth_steps(values).tolist() == [0, 1, 2, 2, 4, 2, 2, 1, 1]
    assert bit_steps(values).tolist() == [0, 1, 2, 3, 4, 7, 8, 1, 1]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.ones(2), "are of type float64; give 8-bit integers"),
        (np.array([256]), "run from 256 to 256; give 8-bit codes, -128 to 127 or 0 to 255"),
        (np.array([-129, 3]), "run from -129 to 3"),
    ],
)
def test_what_is_no_code_is_refused(codes: np.ndarray, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        booth_steps(codes)
