"""The slowest path as Yosys writes it, and that cells of a small circuit are counted with it."""

from pathlib import Path

import pytest

pytest.importorskip("amaranth", reason="describing hardware needs Amaranth: pip install 'netchip[rtl]'")

from netchip.rtl import synthesis
from netchip.rtl.synthesis import CriticalPath, critical_path_of, synthesise
from netchip.rtl.verilog import Verilog

WRITTEN = r"""
Latest arrival time in 't' is 3554:
    3554 $auto$ff.cc:337:slice$1727 (FDRE.D)
           $abc$22626$aiger$o481
    3554 $auto$alumacc.cc:578:replace_alu$1208.genblk1.slice[1].genblk1.carry4 (CARRY4.CI->O)
           $abc$22626$aiger$i341
    2454 mem.0.0 (RAMB18E1.CLKARDCLK->DOADO)
       0   \clk (<primary input>)
"""


def test_the_path_is_read_from_its_start_to_its_end() -> None:
    found = critical_path_of(WRITTEN)
    assert found == CriticalPath(3554, ("RAMB18E1.CLKARDCLK->DOADO", "CARRY4.CI->O", "FDRE.D"))
    assert found.frequency_hz == pytest.approx(281.4e6, rel=1e-3)


def test_where_no_time_is_known_there_is_no_path() -> None:
    assert critical_path_of("No timing paths found.") is None
    assert critical_path_of("Latest arrival time in 't' is 0:\n       0   \\clk (<primary input>)\n") is None


@pytest.mark.skipif(not synthesis.has_yosys(), reason="synthesising Verilog needs Yosys: pip install 'netchip[rtl]'")
def test_a_counter_is_counted_and_its_carry_is_its_slowest_path(tmp_path: Path) -> None:
    text = "module counter (input clk, input up, output reg [15:0] value);\n  always @(posedge clk) if (up) value <= value + 1;\n"
    found = synthesise(Verilog(text + "endmodule\n", {}), tmp_path, name="counter")
    assert (found.ff, found.dsp, found.bram18, found.cells["CARRY4"]) == (16, 0, 0, 4)
    path = found.critical_path
    assert path is not None
    assert path.steps[0] == "FDRE.C->Q"
    assert path.steps[-1] == "FDRE.D"
    assert 500 < path.delay_ps < 3000
    assert [step.split(".")[0] for step in path.steps].count("CARRY4") == 4
