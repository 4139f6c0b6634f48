"""The compiled round: its operations against the usual ones, and what happens without a compiler. Compiling is a benchmark."""

from collections.abc import Iterator

import pytest
import torch

from netchip.errors import NetchipWarning
from netchip.methods.smart_exchange.decomposition import compiled
from netchip.methods.smart_exchange.decomposition.alphabet import Alphabet
from netchip.methods.smart_exchange.decomposition.choosing import tiling_for
from netchip.methods.smart_exchange.decomposition.compiled import _arguments, _table, compiled_round
from netchip.methods.smart_exchange.decomposition.decompose import decompose
from netchip.methods.smart_exchange.decomposition.fit import Fit
from netchip.methods.smart_exchange.decomposition.rounding import Rounding
from netchip.methods.smart_exchange.decomposition.steps import Inputs, eager_round


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    compiled_round.cache_clear()
    yield
    compiled_round.cache_clear()


@pytest.mark.parametrize("scale", [None, 0.01])
@pytest.mark.parametrize("width", [1, 3, 5])
def test_one_pass_over_the_weights_gives_what_the_usual_steps_give(width: int, scale: float | None) -> None:
    weight = torch.randn(20, width, 64, generator=torch.Generator().manual_seed(0)).clamp(-1.9, 1.9)
    squares = torch.bmm(weight, weight.transpose(1, 2)).permute(1, 2, 0).to(torch.float64)
    basis = torch.eye(width, dtype=torch.float64).unsqueeze(-1) + 0.1 * torch.randn(
        width, width, 20, dtype=torch.float64
    )
    given = Inputs(weight, squares, torch.full((20,), 64.0 * width), basis, 0.3, 1e-6, scale)
    rounding = Rounding(Alphabet(4, 1), torch.float32)
    usual, quick = eager_round(given, rounding), Fit(_table(*_arguments(given, rounding)), width)
    assert torch.allclose(quick.table, usual.table, rtol=1e-4, atol=1e-4)


def test_without_a_compiler_everything_runs_as_usual_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(*_: object, **__: object) -> object:
        def fail(*_: object) -> None:
            raise RuntimeError("No working C++ compiler found")

        return fail

    monkeypatch.setattr(compiled.torch, "compile", no_compiler)
    weight = torch.randn(32, 64, 3, 3, generator=torch.Generator().manual_seed(0))
    tiling = tiling_for(weight.shape)
    with pytest.warns(NetchipWarning, match="torch cannot compile the decomposition here") as caught:
        found = decompose(weight, tiling, compiled=True)
    assert len(caught) == 1
    again = decompose(weight, tiling, compiled=True)  # a second warning would be an error here
    assert torch.equal(found.levels, again.levels)
    assert torch.equal(found.levels, decompose(weight, tiling).levels)


def test_rows_are_filled_up_and_cut_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.torch, "compile", lambda function, **_: function)
    weight = torch.randn(40, 50, 3, 3, generator=torch.Generator().manual_seed(0))
    tiling = tiling_for(weight.shape)
    found, usual = decompose(weight, tiling, compiled=True), decompose(weight, tiling)
    assert found.levels.shape == usual.levels.shape
    assert float((found.weight() - weight).norm()) == pytest.approx(float((usual.weight() - weight).norm()), rel=0.01)
