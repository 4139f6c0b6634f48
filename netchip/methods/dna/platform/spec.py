"""What is asked of an accelerator, as a configuration: which space, which limits, which engine. Imports no torch."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from netchip.spec import Spec

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
EngineName = Literal["exact", "gumbel", "genetic", "annealing", "bayesian", "random"]

FPGA_ONLY = (
    "board",
    "dsp",
    "bram18",
    "uram",
    "lut",
    "ff",
    "bandwidth_gbit_s",
    "clock_mhz",
    "assigning",
    "chunks",
    "calibration",
)
HIERARCHY_ONLY = ("technology", "area_mm2", "power_mw", "energy_uj", "edp_uj_s", "objective")


class PlatformSpec(Spec):
    """An FPGA (space A) or a hierarchy (space B) with its limits; a limit left out is what the board has, or none.

    FPGA: `board` by name or file; `dsp`, `bram18`, `uram`, `lut`, `ff` in pieces; `bandwidth_gbit_s` and `clock_mhz` in place of
    the board's; `assigning` layers to chunks by "map-size" (with `bounds` of map heights), "contiguous" or "learned" (with a number
    of `chunks`); `bits` that chunks may have; `calibration`, a CSV of measured points or a JSON fitted to them.
    Hierarchy: `technology` by name or file; `area_mm2`, `power_mw`, and of a frame
    `energy_uj` and `edp_uj_s`; `objective` is what is made small. Of both `fps` and `latency_ms` are targets of pace.
    `engine`: none is the exact one where there is one, else genetic; `calls` are its predictor calls.
    """

    kind: Literal["fpga", "hierarchy"] = "fpga"
    board: str | None = None
    dsp: Amount = None
    bram18: Amount = None
    uram: Amount = None
    lut: Amount = None
    ff: Amount = None
    bandwidth_gbit_s: Positive = None
    clock_mhz: Positive = None
    assigning: Literal["map-size", "contiguous", "learned"] | None = None
    bounds: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (16,)
    chunks: Annotated[int, Field(ge=1)] | None = None
    bits: Annotated[tuple[Annotated[int, Field(ge=1, le=32)], ...], Field(min_length=1)] = (16,)
    technology: str | None = None
    area_mm2: Positive = None
    power_mw: Positive = None
    energy_uj: Positive = None
    edp_uj_s: Positive = None
    objective: Literal["edp", "energy", "latency"] | None = None
    fps: Positive = None
    latency_ms: Positive = None
    engine: EngineName | None = None
    calibration: str | None = None
    calls: Annotated[int, Field(ge=1)] = 2000

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        others, other = (HIERARCHY_ONLY, "hierarchy") if self.kind == "fpga" else (FPGA_ONLY, "fpga")
        for name in others:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} belongs to kind = {other!r}, but kind = {self.kind!r}; leave one of them out")
        if self.kind == "hierarchy" and self.engine == "exact":
            raise ValueError("engine = 'exact': a hierarchy's layers are coupled, so none is exact; choose another")
        return self
