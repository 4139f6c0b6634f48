"""Torch beside the cost model: tensors wherever they lie, mappings drawn there, compiled pricing and its absence, gradients."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import array_api_compat.numpy
import array_api_compat.torch
import numpy as np
import pytest
import torch

from netchip.errors import NetchipWarning, RequestError
from netchip.hardware import backend
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.backend import COMPILE_FROM, Pricer, Totals, as_tensors, drawn_evenly, pricer
from netchip.hardware.conventions import DEFAULT, TIMELOOP
from netchip.hardware.cost import evaluate, price
from netchip.hardware.counting.case import case_of
from netchip.hardware.even_batch import EvenBatch, even_levels
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.sram import smooth_sram
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

xp = array_api_compat.torch
LAYER = Layer("conv", LayerShape.conv(in_channels=8, out_channels=12, in_size=(10, 9), kernel=(3, 3), stride=(1, 2)))
LINEAR = Layer("fc", LayerShape.linear(in_features=8, out_features=4, batch=3))
SMOOTH = DEFAULT.smoothed()


def unrolled(chip: Accelerator, **factors: int) -> np.ndarray:
    """C along D2, K along D1."""
    spatial = np.ones((len(chip.array), 8, 1))
    spatial[list(chip.array).index("D1"), 2], spatial[list(chip.array).index("D2"), 3] = (
        factors.get("K", 4),
        factors.get("C", 2),
    )
    return spatial


def drawn(chip: Accelerator, size: int = 64, layer: Layer = LAYER, **options: Any) -> EvenBatch:
    return drawn_evenly(layer, chip, unrolled(chip), size, seed=3, **({"dtype": "float64"} | options))


# Tensors and draws ---------------------------------------------------------------------------------------------------------


def test_mappings_drawn_on_the_device_cover_the_layer_and_cost_what_arrays_cost(tiny: Accelerator) -> None:
    batch = drawn(tiny)
    costs = evaluate([LAYER], tiny, batch, xp=xp)
    arrays: dict[str, Any] = {name: array.numpy() for name, array in batch.arrays().items()}
    again = evaluate([LAYER], tiny, replace(batch, **arrays), xp=array_api_compat.numpy)
    np.testing.assert_array_equal(costs.energy_pj.numpy(), again.energy_pj)
    assert len(torch.unique(costs.energy_pj)) > 32


def test_equal_seeds_draw_equal_mappings_and_others_do_not(tiny: Accelerator) -> None:
    one, same = drawn(tiny), drawn(tiny)
    other = drawn_evenly(LAYER, tiny, unrolled(tiny), 64, seed=4, dtype="float64")
    assert torch.equal(one.factor, same.factor)
    assert torch.equal(one.place, same.place)
    assert not torch.equal(one.factor, other.factor)


def test_each_level_is_as_likely_as_another(tiny: Accelerator) -> None:
    """K is 12 on 4 units, so one loop of 3 is left: a third of the mappings has it at each of 3 levels."""
    batch = drawn(tiny, 30_000)
    shares = (batch.factor[:, 2] == 3).double().mean(1)
    assert torch.allclose(shares, torch.full((3,), 1 / 3, dtype=torch.float64), atol=0.01)
    first = batch.place.argmin(1)  # which of 8 dimensions runs innermost
    assert torch.allclose(torch.bincount(first.ravel()) / first.numel(), torch.tensor(1 / 8), atol=0.01)


def test_levels_of_an_accelerator(tiny: Accelerator, tiny_data: dict[str, Any]) -> None:
    assert even_levels(tiny) == (0, 0, 1, 2)
    dram = tiny_data["memories"].pop()
    outside = [{**dram, "name": f"dram_{each}", "operands": [each]} for each in "WIO"]
    tiny_data["memories"][2]["operands"] = ["W", "O"]  # inputs come straight from their DRAM
    tiny_data["memories"] += outside
    for each in outside:
        tiny_data["energy"]["memories"][each["name"]] = tiny_data["energy"]["memories"]["dram"]
    del tiny_data["energy"]["memories"]["dram"]
    assert even_levels(Accelerator.parse(tiny_data)) == (0, 0, 1, 2, 2, 2)


@pytest.mark.parametrize("latency", ["bound", "stalls"])
def test_tensors_of_both_types_cost_what_arrays_cost(tiny: Accelerator, latency: Any) -> None:
    arrays = drawn(tiny).as_loops(tiny, xp)
    mappings = MappingBatch(**{name: np.asarray(array) for name, array in arrays.arrays().items()})
    exact = evaluate([LAYER], tiny, mappings, latency=latency)
    for dtype in ("float64", "float32"):
        moved = as_tensors(mappings, dtype=dtype)
        assert (moved.bound.dtype, moved.cut.dtype) == (getattr(torch, dtype), torch.int64)
        costs = evaluate([LAYER], tiny, moved, latency=latency, xp=xp)
        assert costs.energy_pj.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(costs.energy_pj, exact.energy_pj, rtol=1e-5 if dtype == "float32" else 0)
        np.testing.assert_allclose(costs.cycles, exact.cycles, rtol=1e-5 if dtype == "float32" else 0)


@pytest.mark.parametrize(("form", "latency"), [("factors", "bound"), ("loops", "bound"), ("loops", "stalls")])
def test_all_arithmetic_stays_on_the_device_of_the_mappings(tiny: Accelerator, form: str, latency: Any) -> None:
    """On the device "meta", where tensors have no values: mixing in one of another place is an error, as on a GPU."""
    even = drawn(tiny)
    batch = even if form == "factors" else even.as_loops(tiny, xp)
    case = case_of([LAYER], tiny, batch, DEFAULT, xp)
    moved = replace(batch)
    for name, array in batch.arrays().items():
        if name not in ("spatial", "layer"):  # read on the host, before
            object.__setattr__(moved, name, array.expand(*array.shape[:-1], len(batch)).to("meta"))
    like = replace(case.arithmetic, like=torch.empty(1, device="meta", dtype=torch.float64))
    costs = price(replace(case, arithmetic=like).of(moved), latency)
    assert {costs.energy_pj.device.type, costs.cycles.device.type, costs.fits.device.type} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same(tiny: Accelerator) -> None:
    batch = drawn(tiny)
    costs = [evaluate([LAYER], tiny, as_tensors(batch, device=each), xp=xp) for each in ("cpu", "cuda")]
    np.testing.assert_allclose(costs[0].energy_pj, costs[1].energy_pj.cpu(), rtol=1e-12)
    assert drawn(tiny, device="cuda").factor.device.type == "cuda"


@pytest.mark.parametrize("device", ["cuda:63", "nowhere"])
def test_a_device_that_is_not_there_is_refused(tiny: Accelerator, device: str) -> None:
    with pytest.raises(RequestError, match=rf"torch does not reach the device '{device}' here .*; give 'cpu'"):
        as_tensors(drawn(tiny), device=device)
    with pytest.raises(RequestError, match="torch does not reach the device"):
        drawn(tiny, device=device)


def test_an_unrolling_that_leaves_parts_of_passes_is_refused(tiny: Accelerator) -> None:
    with pytest.raises(RequestError, match=r"conv: 12 steps of K on 5 units are 2.4 passes; unroll by 12 / passes"):
        drawn_evenly(LAYER, tiny, unrolled(tiny, K=5), 4, seed=0)


# Compiled ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """`torch.compile` without its half a minute of code generation: it traces, then runs the graph; tells how often it ran."""
    runs: list[int] = []

    def counting(graph: Any, _: Any) -> Callable[..., Any]:
        def run(*inputs: Any) -> Any:
            runs.append(len(inputs))
            return graph.forward(*inputs)

        return run

    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda work, **options: real(work, backend=counting, **options))
    torch._dynamo.reset()
    return runs


def test_compiled_totals_are_those_of_evaluate(tiny: Accelerator, traced: list[int]) -> None:
    batches = [drawn_evenly(LINEAR, tiny, unrolled(tiny), size, seed=size, dtype="float64") for size in (64, 64, 32)]
    batches[1] = replace(batches[1], place=-batches[1].place)
    quick = pricer([LINEAR], tiny, batches[0], compiled=True)
    for place, batch in enumerate(batches):
        totals, costs = quick(batch), evaluate([LINEAR], tiny, batch, xp=xp)
        torch.testing.assert_close(totals.energy_pj, costs.energy_pj, rtol=1e-12, atol=0)
        torch.testing.assert_close(totals.cycles, costs.cycles, rtol=1e-12, atol=0)
        assert torch.equal(totals.fits, costs.fits)
        assert len(traced) == min(place + 1, 2), "one of another size runs as it is"
    assert quick.compiled


def test_only_many_mappings_are_compiled_unless_asked_for(tiny: Accelerator, traced: list[int]) -> None:
    batch = drawn(tiny, layer=LINEAR)

    def compiles(**options: Any) -> bool:
        return pricer([LINEAR], tiny, batch, **options).compiled

    assert not compiles()
    assert not compiles(total=COMPILE_FROM - 1)
    assert compiles(total=COMPILE_FROM)
    assert not compiles(total=COMPILE_FROM, compiled=False)
    assert compiles(compiled=True)
    assert traced == [], "nothing is compiled before it is needed"


def test_arrays_of_numpy_are_priced_uncompiled_whatever_their_number(tiny: Accelerator) -> None:
    even = drawn(tiny)
    arrays: dict[str, Any] = {name: array.numpy() for name, array in even.arrays().items()}
    plain = pricer([LAYER], tiny, replace(even, **arrays), total=COMPILE_FROM)
    assert not plain.compiled
    energy = plain(replace(even, **arrays)).energy_pj
    assert isinstance(energy, np.ndarray)
    np.testing.assert_array_equal(energy, evaluate([LAYER], tiny, even, xp=xp).energy_pj)
    with pytest.raises(RequestError, match=r"only torch's tensors are compiled; .* with as_tensors"):
        pricer([LAYER], tiny, replace(even, **arrays), compiled=True)


def test_lists_of_loops_and_exact_stalls_are_priced_uncompiled(tiny: Accelerator) -> None:
    even = drawn(tiny)
    loops = even.as_loops(tiny, xp)
    exact = pricer([LAYER], tiny, loops, total=COMPILE_FROM, latency="stalls")
    assert not exact.compiled
    assert torch.equal(exact(loops).cycles, evaluate([LAYER], tiny, even, latency="stalls", xp=xp).cycles)
    with pytest.raises(RequestError, match="lists of loops are not compiled; leave compiled out, or give an EvenBatch"):
        pricer([LAYER], tiny, loops, compiled=True)
    with pytest.raises(RequestError, match="exact stalls are not compiled; leave compiled out, or ask for the plain"):
        pricer([LAYER], tiny, even, compiled=True, latency="stalls")


def test_without_a_compiler_all_runs_uncompiled_with_a_warning(
    tiny: Accelerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real torch.compile of a small stand-in, told of a compiler that is not there and of a cache that is empty."""

    def stand_in(case: Any, mappings: EvenBatch, latency: Any) -> Totals:
        steps = mappings.factor.log().sum((0, 1)).exp()
        return Totals(steps * 3, steps, steps > 1)

    monkeypatch.setattr(backend, "_totals", stand_in)
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    batch = drawn(tiny, layer=LINEAR)
    quick = pricer([LINEAR], tiny, batch, compiled=True)
    with pytest.warns(NetchipWarning, match=r"torch cannot compile the cost model here, so it runs uncompiled.*: \S"):
        totals = quick(batch)
    assert not quick.compiled
    torch.testing.assert_close(totals.cycles, torch.full((64,), 12.0, dtype=torch.float64))
    assert torch.equal(quick(batch).energy_pj, totals.energy_pj), "and does not try again"


def test_a_torch_that_never_compiles_is_told_at_once(tiny: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Dynamo is not supported here")

    monkeypatch.setattr(torch, "compile", refuses)
    with pytest.warns(NetchipWarning, match="Dynamo is not supported here"):
        quick = pricer([LINEAR], tiny, drawn(tiny, layer=LINEAR), compiled=True)
    assert not quick.compiled


def test_a_fault_of_the_mappings_is_raised_and_not_taken_for_a_missing_compiler(tiny: Accelerator) -> None:
    batch = drawn(tiny, layer=LINEAR)
    quick = Pricer(case_of([LINEAR], tiny, batch, DEFAULT, xp), "bound", None)
    object.__setattr__(batch, "place", batch.place[:, :, :7])
    with pytest.raises(RuntimeError, match="size of tensor"):
        quick(batch)


def test_batches_of_another_unrolling_or_layer_are_refused(tiny: Accelerator) -> None:
    first = drawn(tiny)
    priced = pricer([LAYER, LAYER], tiny, first)
    alike = replace(first, spatial=first.spatial.clone())
    assert torch.equal(priced(alike).energy_pj, priced(first).energy_pj)
    with pytest.raises(RequestError, match="spatial differs from that of the batch this pricer was made for"):
        priced(replace(first, spatial=torch.ones_like(first.spatial)))
    with pytest.raises(RequestError, match="layer differs from that of the batch"):
        priced(replace(first, layer=torch.ones(1, dtype=torch.int64)))


def test_what_a_pricer_cannot_take_is_refused(tiny: Accelerator) -> None:
    other = Layer("up", LayerShape.conv(in_channels=4, out_channels=4, in_size=(4, 4), kernel=(2, 2), transposed=True))
    with pytest.raises(
        RequestError, match="some of these layers are transposed and some are not; make a pricer for each"
    ):
        pricer([LAYER, other], tiny, drawn(tiny))
    with pytest.raises(RequestError, match="fc: mapping 0 maps B nowhere"):
        pricer([LINEAR], tiny, drawn(tiny))
    assert backend.COMPILE_FROM == 10**8


# Gradients -----------------------------------------------------------------------------------------------------------------


def slope(work: Callable[[torch.Tensor], torch.Tensor], at: torch.Tensor, step: float = 1e-6) -> torch.Tensor:
    """Central differences of the sum of `work`, for each element."""
    found = torch.zeros_like(at)
    for place in range(at.numel()):
        moved = torch.zeros_like(at).reshape(-1)
        moved[place] = step
        moved = moved.reshape(at.shape)
        found.reshape(-1)[place] = (work(at + moved).sum() - work(at - moved).sum()) / (2 * step)
    return found


def gradient(work: Callable[[torch.Tensor], torch.Tensor], at: torch.Tensor) -> torch.Tensor:
    leaf = at.clone().requires_grad_()
    (found,) = torch.autograd.grad(work(leaf).sum(), leaf)
    return found


def test_the_energy_at_the_accelerators_own_prices_is_the_energy(tiny: Accelerator) -> None:
    costs = evaluate([LAYER], tiny, drawn(tiny), xp=xp)
    torch.testing.assert_close(costs.energy_at({}), costs.energy_pj, rtol=1e-12, atol=0)
    dearer = costs.energy_at({"dram.read": 200.0, "mac": 1.5}) - costs.energy_pj
    reads = sum(costs.accesses["dram", operand, "read"] for operand in "WIO")
    torch.testing.assert_close(dearer, 100 * reads + LAYER.macs, rtol=1e-9, atol=0)


def test_gradients_reach_prices(tiny: Accelerator) -> None:
    """The slope of a price is the number of accesses it is paid for, all conventions alike."""
    costs, names = evaluate([LAYER], tiny, drawn(tiny), xp=xp), ("dram.read", "buffer.write", "mac")
    prices = torch.tensor([90.0, 3.0, 0.25], dtype=torch.float64)

    def energy(values: torch.Tensor) -> torch.Tensor:
        return costs.energy_at(dict(zip(names, values, strict=True)))

    found = gradient(energy, prices)
    torch.testing.assert_close(found, slope(energy, prices, 1e-3), rtol=1e-6, atol=0)
    assert found[2] == LAYER.macs * 64


def test_gradients_reach_the_size_of_a_memory(tiny: Accelerator) -> None:
    """Through the smooth fit to CACTI's table: a larger buffer costs more an access."""
    costs = evaluate([LAYER], tiny, drawn(tiny), xp=xp)

    def energy(bits: torch.Tensor) -> torch.Tensor:
        sram = smooth_sram(bits[0], 64, 65)
        return costs.energy_at({"buffer.read": sram.read_pj, "buffer.write": sram.write_pj})

    bits = torch.tensor([2.0**17], dtype=torch.float64)
    found = gradient(energy, bits)
    torch.testing.assert_close(found, slope(energy, bits, 1.0), rtol=1e-6, atol=0)
    assert found > 0


@pytest.mark.parametrize("figure", ["energy_pj", "cycles"])
def test_gradients_reach_the_logarithms_of_factors(tiny: Accelerator, figure: str) -> None:
    """Where loops run (factors above 1) and no window reaches just the edge of the map, under smoothed conventions."""
    shape = LayerShape.conv(in_channels=8, out_channels=12, in_size=(10, 10), kernel=(3, 3), stride=(2, 2))
    layer = Layer("conv", shape)
    batch = drawn_evenly(layer, tiny, unrolled(tiny), 12, seed=5, dtype="float64")
    runs = batch.factor > 1
    logs = batch.factor.log()[runs]

    def work(values: torch.Tensor) -> torch.Tensor:
        factor = torch.ones_like(batch.factor).masked_scatter(runs, values.exp())
        costs = evaluate([layer], tiny, replace(batch, factor=factor), conventions=smooth, check=False, xp=xp)
        return getattr(costs, figure)

    smooth = TIMELOOP.changed(window_slides=False, name="plain")
    found = gradient(work, logs)
    torch.testing.assert_close(found, slope(work, logs), rtol=1e-5, atol=1e-3)
    assert torch.all(found >= -1e-9)
    assert found.sum() > 0


def test_smoothed_conventions_let_gradients_pass_where_whole_accesses_stop_them(tiny: Accelerator) -> None:
    batch = drawn(tiny, 16, layer=LINEAR)
    found: dict[str, torch.Tensor] = {}
    for conventions in (DEFAULT, SMOOTH):
        factor = batch.factor.clone().requires_grad_()
        costs = evaluate([LINEAR], tiny, replace(batch, factor=factor), conventions=conventions, check=False, xp=xp)
        (found[conventions.name],) = torch.autograd.grad(costs.energy_pj.sum(), factor)
    assert found["default"].abs().sum() < found["default-smooth"].abs().sum()
    assert torch.all(found["default-smooth"][batch.factor > 1] > 0), "each loop moves something"
    assert math.isfinite(float(found["default-smooth"].sum()))


def test_a_price_that_is_not_there_is_refused(tiny: Accelerator) -> None:
    costs = evaluate([LAYER], tiny, drawn(tiny), xp=xp)
    with pytest.raises(RequestError, match=r"no price is called 'bufer.read' \(did you mean 'buffer.read'\?\)"):
        costs.energy_at({"bufer.read": 1.0})
