"""Which figures find room."""

from collections.abc import Callable
from typing import Any

from netchip.report.compare.choosing import run_figures
from netchip.report.compare.seeds import variants
from netchip.report.figure import TableFigure


def test_where_room_is_short_the_first_seed_of_every_setting_comes_first(run: Callable[..., Any]) -> None:
    def seed(number: int, config_hash: str) -> Any:
        own = TableFigure(kind="table", title="t", columns=("a",), rows=(("x" * 1000,),))
        return run([], seed=number, config_hash=config_hash, figures=[own])

    runs = [seed(1, "a"), seed(2, "a"), seed(3, "a"), seed(1, "b"), seed(2, "b")]
    for room, shown in ((0, []), (1500, ["a1"]), (3000, ["a1", "b1"]), (4500, ["a1", "a2", "b1"]), (9000, 5)):
        found = run_figures(variants(runs), room)
        drawn = sorted(f"{each.result.config_hash}{each.result.seed}" for each in runs if found[each.folder].views)
        assert drawn == shown or len(drawn) == shown
        assert sum(each.left_out for each in found.values()) == 5 - len(drawn)


def test_a_run_alone_has_all_its_figures(run: Callable[..., Any]) -> None:
    own = TableFigure(kind="table", title="t", columns=("a",), rows=(("x",),))
    alone = run([], figures=[own] * 3)
    assert len(run_figures(variants([alone]), room=0)[alone.folder].views) == 3
