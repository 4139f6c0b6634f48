"""Points at equal bits by hand: the line between neighbours, domination, and what the verdict says."""

import json
import math

import pytest

from netchip.methods.smart_exchange.baselines.comparison import COLUMNS, Point, RateDistortion, compare


def at(bits: float, snr_db: float, method: str = "other", row_sparsity: float = 0.0) -> Point:
    return Point(method, bits, 10 ** (-snr_db / 20), row_sparsity)


ROUNDED = (at(8, 40, "int8"), at(4, 20, "int4-g64"), at(3, 12, "int3-g64"))


def test_the_line_in_db_between_the_neighbours() -> None:
    """Half-way between 12 dB at 3 bits and 20 dB at 4 bits lie 16 dB."""
    found = compare(at(3.5, 17), ROUNDED)
    assert found.below == ROUNDED[2]
    assert found.above == ROUNDED[1]
    assert found.lead_db == pytest.approx(1.0)
    assert found.dominating is None
    assert str(found).startswith(
        "wins 1.0 dB at equal bits (on the line in dB between int3-g64 (3.00 bits, error 0.251)"
    )


def test_fewer_bits_and_less_error_dominate() -> None:
    found = compare(at(4.5, 15), ROUNDED)
    assert found.dominating == ROUNDED[1]
    assert found.lead_db == pytest.approx(15 - 22.5)
    assert "loses 7.5 dB" in str(found)
    assert str(found).endswith("; dominated by int4-g64 (4.00 bits, error 0.1): no more bits, less error")


def test_equal_bits_are_their_own_neighbours() -> None:
    found = compare(at(4, 20.05), ROUNDED)
    assert found.below is found.above is ROUNDED[1]
    assert "is equal at equal bits" in str(found)
    assert found.dominating is None


@pytest.mark.parametrize(("bits", "side"), [(2.0, "fewer"), (9.0, "more")])
def test_nothing_is_said_at_equal_bits_without_a_neighbour_on_either_side(bits: float, side: str) -> None:
    found = compare(at(bits, 5), ROUNDED)
    assert found.lead_db is None
    assert f"none has {side} bits, so none is compared at equal bits" in str(found)


def test_no_points_and_no_error() -> None:
    assert compare(at(4, 20), ()).lead_db is None
    exact = Point("exact", 4, 0.0)
    assert exact.to_json()["snr_db"] is None
    assert exact.snr_db == math.inf
    assert "nothing to measure" in str(compare(exact, ROUNDED))


def test_the_verdict_says_where_it_loses_and_where_it_wins() -> None:
    dense, sparse = at(4.5, 15, "SmartExchange"), at(3.5, 18, "SmartExchange, sparse", 0.5)
    same = (at(3.4, 19, "int4-g64", 0.5), at(6, 40, "int8", 0.5))
    table = RateDistortion((dense, sparse), ROUNDED, {sparse.method: same})
    first, second, third, fourth, *details = table.verdict
    assert first == "SmartExchange without row sparsity is dominated by int4-g64 in error per bit."
    assert second == "With rows zero, SmartExchange wins 2.0 dB against rounding that keeps all rows, at equal bits."
    assert third == "Against rounding that leaves out the same rows, it loses 1.8 dB at equal bits."
    assert fourth.startswith("What zero rows save is open to rounding too")
    assert len(details) == 3
    assert table.rows[-2] == ("  int4-g64, the same rows", "50.0%", "3.400", "0.1122", "19.00")
    assert all(len(row) == len(COLUMNS) for row in table.rows)
    assert json.loads(json.dumps(table.to_json(), allow_nan=False))["verdict"] == list(table.verdict)


def test_where_nothing_errs_nothing_is_compared() -> None:
    """Weights of zeros: every method keeps them exactly."""
    exact = [Point(name, bits, 0.0) for name, bits in (("int8", 8.0), ("int4-g64", 4.0))]
    own = Point("SmartExchange", 0.3, 0.0, 1.0)
    table = RateDistortion((own,), tuple(exact), {own.method: (Point("int8", 0.3, 0.0, 1.0),)}, 1.0)
    assert table.verdict[0] == (
        "100.0% of the rows are zero in the weights as given; plain rounding stores them all the same."
    )
    assert len(table.verdict) == 3
    assert not any("nan" in sentence or "inf" in sentence for sentence in table.verdict)
    between = RateDistortion((Point("SmartExchange", 4.5, 0.0),), tuple(exact), {})
    assert between.verdict[0].endswith("is dominated by int4-g64 in error per bit.")
    alone = RateDistortion((Point("SmartExchange", 4.0, 0.0),), tuple(exact), {})
    assert alone.verdict[0].endswith("is not dominated by rounding; where nothing errs, nothing is compared.")


def test_the_verdict_does_not_say_that_it_loses_where_it_does_not() -> None:
    dense = at(3.5, 17, "SmartExchange")
    sparse = [at(3.5, snr, f"SmartExchange {snr}", 0.5) for snr in (15, 18)]
    same = {each.method: (at(3, 12), at(4, 18)) for each in sparse}
    table = RateDistortion((dense, *sparse), ROUNDED, same)
    first, second, third, *_ = table.verdict
    assert first == "SmartExchange without row sparsity is not dominated by rounding; it wins 1.0 dB at equal bits."
    assert second.startswith("With rows zero, SmartExchange loses 1.0 dB at worst and wins 2.0 dB at best against")
    assert (
        third
        == "Against rounding that leaves out the same rows, it is equal at worst and wins 3.0 dB at best at equal bits."
    )
    assert not any("open to rounding too" in sentence for sentence in table.verdict)
    ranged = RateDistortion(tuple(at(3.5, snr, "s", 0.5) for snr in (14.0, 12.0)), ROUNDED, {})
    assert ranged.verdict[0].startswith("With rows zero, SmartExchange loses 2.0 to 4.0 dB against")
