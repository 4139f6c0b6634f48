"""Chips as data: presets load, evaluate and come back from a file; templates, files that extend a preset, and every fault."""

import math
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from netchip.errors import ConfigError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import chip_names, chip_parameters, load_chip, to_yaml
from netchip.hardware.cost import evaluate
from netchip.hardware.dimensions import OPERANDS, Dim
from netchip.hardware.mapping import Loop, Mapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.sram import smooth_sram, sram_price
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

NAMES = ("diannao", "edge-npu", "eyeriss", "eyeriss-v2-like", "gemmini-like", "generic", "nvdla-like", "tpu-like")
SHAPES = {
    "conv": LayerShape.conv(in_channels=16, out_channels=32, in_size=(8, 8), kernel=(3, 3), padding=(1, 1)),
    "depthwise": LayerShape.conv(
        in_channels=32, out_channels=32, in_size=(8, 8), kernel=(3, 3), stride=(2, 2), groups=32
    ),
    "linear": LayerShape.linear(batch=2, in_features=64, out_features=10),
}
UNROLLED: tuple[Dim, ...] = ("K", "C", "OX", "OY", "G")


def _simple(layer: Layer, chip: Accelerator) -> Mapping:
    """Along each array dimension what divides; all loops at the outermost memories, so that tiles are as small as can be."""
    rest = dict(layer.shape.loop_bounds)
    spatial: dict[str, dict[Dim, float]] = {}
    for dimension, size in chip.array.items():
        dim, factor = max(((dim, math.gcd(size, rest[dim])) for dim in UNROLLED), key=lambda pair: pair[1])
        spatial[dimension] = {dim: factor}
        rest[dim] //= factor
    outermost = {operand: chip.memories[chip.chain(operand)[-1]].name for operand in OPERANDS}
    loops = [Loop(dim=dim, bound=bound, at=outermost) for dim, bound in rest.items() if bound > 1]
    return Mapping(loops=tuple(loops), spatial=spatial)


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_the_presets_are_these() -> None:
    assert chip_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_written_and_read_is_equal(name: str, tmp_path: Path) -> None:
    chip = load_chip(name)
    assert chip.name == name
    assert load_chip(_file(tmp_path, to_yaml(chip))) == chip


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_preset_runs_every_kind_of_layer(name: str, kind: str, native: bool) -> None:
    """At its own precision, and at the 8 bits with sums of 32 that a layer has where nothing is said."""
    chip = load_chip(name)
    precision = chip.precision if native else Precision()
    layer = Layer(kind, SHAPES[kind], precision=precision)
    batch = MappingBatch.of([_simple(layer, chip)], chip)
    for latency in ("bound", "stalls"):
        costs = evaluate([layer], chip, batch, latency=latency)
        cost = costs.row(0)
        assert cost.too_small == ()
        assert cost.cycles >= layer.macs / chip.units
        least = layer.macs * chip.energy.mac_pj(precision.weight_bits, precision.input_bits)
        assert least < cost.energy_pj < math.inf


@pytest.mark.parametrize("name", NAMES)
def test_memories_cost_more_the_farther_from_the_macs(name: str) -> None:
    """Energy of a bit that is read, along every chain: what every published hierarchy has in common."""
    chip = load_chip(name)
    for operand in OPERANDS:
        memories = [chip.memories[index] for index in chip.chain(operand)]
        widths = [memory.access_bits or memory.port(operand, "read").bits_per_cycle for memory in memories]  # type: ignore[union-attr]
        a_bit = [
            chip.energy.memories[memory.name].read_pj / width for memory, width in zip(memories, widths, strict=True)
        ]
        assert a_bit == sorted(a_bit)


def test_eyeriss_is_the_chip_of_the_paper() -> None:
    chip = load_chip("eyeriss")
    assert chip.units == 168
    assert chip.memory("weight_buffer").bits + chip.memory("buffer").bits == 108 * 8192  # type: ignore[operator]
    per_16_bits = [chip.energy.memories[name].read_pj for name in ("weight_registers", "buffer", "dram")]
    assert [chip.energy.mac.pj, *per_16_bits, chip.energy.hop.pj] == [2, 1, 15, 460, 4]  # type: ignore[union-attr]


def test_eyeriss_v2_like_has_the_peak_and_the_memory_of_the_paper() -> None:
    chip = load_chip("eyeriss-v2-like")
    assert 2 * chip.units * chip.frequency_hz == pytest.approx(153.6e9)
    buffers = [chip.memory(name).bits * chip.instances(name) for name in ("input_buffer", "sum_buffer")]  # type: ignore[operator]
    assert sum(buffers) == 192 * 8192


def test_tpu_like_is_the_machine_of_zigzag_but_for_wider_sums(reference: Callable[[str], Path]) -> None:
    theirs = yaml.safe_load(reference("zigzag/inputs/from_package/hardware__tpu_like.yaml").read_text())
    chip = load_chip("tpu-like")
    assert list(chip.array.values()) == theirs["operational_array"]["sizes"]
    assert chip.energy.mac.pj == theirs["operational_array"]["unit_energy"]
    for name, memory in theirs["memories"].items():
        factor, mine = (2, "rf_4B") if name == "rf_2B" else (1, name)
        price = chip.energy.memories[mine]
        assert chip.memory(mine).bits == factor * memory["size"]
        assert (price.read_pj, price.write_pj) == (factor * memory["r_cost"], factor * memory["w_cost"])
        widths = [(port["bandwidth_max"] * factor, port["bandwidth_min"] * factor) for port in memory["ports"]]
        mine_ports = chip.memory(mine).ports
        assert [(port.bits_per_cycle, port.least_bits or port.bits_per_cycle) for port in mine_ports] == widths


def test_gemmini_like_has_the_prices_that_dosa_computes() -> None:
    memories = load_chip("gemmini-like").energy.memories
    assert memories["accumulator"].read_pj == pytest.approx(1.94 + 0.1005 * 32 / 16)
    assert memories["scratchpad"].read_pj == pytest.approx(0.49 + 0.02513 * 128)


def test_diannao_draws_about_the_power_of_the_paper() -> None:
    """All 256 MACs busy, weights streaming from their buffer: 485 mW published; tables alone come within a factor of 1.5."""
    chip = load_chip("diannao")
    layer = Layer("fc", LayerShape.linear(batch=64, in_features=1024, out_features=16), precision=chip.precision)
    mapping = Mapping.parse_text(
        """
        outputs: K 16
        inputs: C 16
        B 64: W=weight_buffer I=dram O=dram
        C 64: W=weight_buffer I=input_buffer O=output_buffer"""
    )
    cost = evaluate([layer], chip, MappingBatch.of([mapping], chip)).row(0)
    assert cost.too_small == ()
    assert cost.utilisation == 1
    on_chip = sum(pj for action, pj in cost.access_energy_pj.items() if action.memory != "dram")
    power_w = (on_chip + cost.work_energy_pj["mac"]) * 1e-12 * chip.frequency_hz / cost.compute_cycles
    assert 0.485 / 1.5 < power_w < 0.485 * 1.5


def test_a_template_takes_its_sizes_from_parameters() -> None:
    chip = load_chip("generic", parameters={"rows": 32, "buffer_kib": 256, "nm": 22, "frequency_hz": 1e9})
    assert (chip.array["rows"], chip.array["columns"], chip.frequency_hz) == (32, 16, 1e9)
    assert chip.memory("buffer").bits == 256 * 8192
    price = sram_price(256 * 8192, 128, 22)
    assert chip.energy.memories["buffer"].read_pj == pytest.approx(price.read_pj)
    assert chip.energy.memories["buffer"].write_pj == pytest.approx(price.write_pj)
    assert chip.area is not None
    assert chip.area.memories["buffer"].mm2 == pytest.approx(price.mm2)
    assert "CACTI 7" in chip.energy.memories["buffer"].source
    assert "256 KiB, 128 bits, 22 nm" in chip.energy.memories["buffer"].source


def test_the_parameters_of_a_template_are_told() -> None:
    parameters = chip_parameters("generic")
    assert parameters["buffer_kib"].default == 128
    assert parameters["rows"].about == "rows of the array"
    assert chip_parameters("eyeriss") == {}


def test_a_file_fills_in_a_template(tmp_path: Path) -> None:
    path = _file(tmp_path, "extends: generic\nparameters: {rows: 8, buffer_kib: 64}\n")
    assert load_chip(path).array["rows"] == 8
    assert load_chip(path, parameters={"rows": 4}).array["rows"] == 4
    assert chip_parameters(path)["rows"].default == 16


def test_a_file_changes_a_preset(tmp_path: Path) -> None:
    """Memories by name, tables by key; the new chip has the file's name, says what it comes from, and is not calibrated."""
    text = """
extends: eyeriss
array: {rows: 16}
memories:
- {name: buffer, size: 200 KiB, access_bits: 64}
energy: {memories: {buffer: {sram: {nm: 65}}}}
"""
    old, chip = load_chip("eyeriss"), load_chip(_file(tmp_path, text))
    assert (chip.name, chip.array) == ("mine", {"rows": 16, "columns": 14})
    assert chip.source.startswith("eyeriss, changed (")
    assert chip.memory("buffer").bits == 200 * 8192
    assert (old.calibration is None, chip.calibration is None) == (False, True)
    assert chip.energy.memories["buffer"].read_pj == pytest.approx(sram_price(200 * 8192, 64, 65).read_pj)
    assert chip.energy.memories["dram"] == old.energy.memories["dram"]


def test_banks_and_lanes_are_macros_of_the_table(tmp_path: Path) -> None:
    """512 KiB as 4 banks of 2 lanes: an access opens two macros of 64 KiB and 64 bits, and eight lie on the chip."""
    text = """
extends: edge-npu
memories: [{name: buffer, size: 512 KiB}]
energy: {memories: {buffer: {sram: {nm: 45, banks: 4, lanes: 2}}}}
area: {memories: {buffer: {sram: {nm: 45, banks: 4, lanes: 2}}}}
"""
    chip, macro = load_chip(_file(tmp_path, text)), sram_price(64 * 8192, 64, 45)
    assert chip.energy.memories["buffer"].read_pj == pytest.approx(2 * macro.read_pj)
    assert chip.energy.memories["buffer"].write_pj == pytest.approx(2 * macro.write_pj)
    assert chip.area is not None
    assert chip.area.memories["buffer"].mm2 == pytest.approx(8 * macro.mm2)
    assert "4 banks of 2 lanes of 64.0 KiB" in chip.energy.memories["buffer"].source


def test_beyond_the_table_the_fit_answers_only_where_asked_and_says_so() -> None:
    buffer = load_chip("diannao").energy.memories["input_buffer"]
    assert buffer.read_pj == pytest.approx(smooth_sram(2 * 8192, 256, 65).read_pj)
    assert buffer.source.startswith("power-law fit beyond the table")


def test_a_price_a_bit_is_paid_for_the_width(tmp_path: Path) -> None:
    text = "extends: edge-npu\nenergy: {memories: {dram: {pj_per_bit: 10, source: a test}}}"
    price = load_chip(_file(tmp_path, text)).energy.memories["dram"]
    assert (price.read_pj, price.write_pj, price.source) == (320, 320, "a test; 10 pJ a bit")


@pytest.mark.parametrize(
    ("size", "bits"),
    [("24 bits", 24), ("1 bit", 1), ("512 B", 4096), ("4.5 KiB", 36864), ("2MiB", 2**24), ("1 GiB", 2**33)],
)
def test_sizes_are_written_as_people_write_them(size: str, bits: int, tmp_path: Path) -> None:
    price = "{memories: {dram: {read_pj: 1, write_pj: 1, source: a test}}}"
    text = f"extends: gemmini-like\nmemories: [{{name: dram, size: {size}}}]\nenergy: {price}"
    assert load_chip(_file(tmp_path, text)).memory("dram").bits == bits


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        (
            "eyeris",
            {},
            r"'eyeris' is no chip \(did you mean 'eyeriss'\?\); there are diannao, .*tpu-like, or give a YAML file",
        ),
        ("none/such.yaml", {}, "none/such.yaml: no such file; give a YAML file of a chip, or one of diannao"),
        ("eyeriss", {"rows": 3}, "eyeriss has no parameters, so none can be called 'rows'; .* 'extends: ...'"),
        ("generic", {"row": 3}, r"generic: unknown parameter 'row' \(did you mean 'rows'\?\)"),
        ("generic", {"rows": -1}, r"generic: parameter rows = -1; give a number above 0 \(rows of the array\)"),
        ("generic", {"rows": True}, "parameter rows = True; give a number above 0"),
        ("generic", {"rows": math.nan}, "parameter rows = nan; give a number above 0"),
        ("generic", {"rows": 2.5}, "generic: array.rows = 2.5: .*integer"),
        (
            "generic",
            {"buffer_kib": 4096},
            "generic: energy.memories.buffer.sram: an SRAM's size of 4096 KiB is outside",
        ),
        ("generic", {"nm": 7}, "energy.memories.buffer.sram: an SRAM's technology of 7 nm is outside CACTI's table"),
        ("generic", {"register_bytes": 0.01}, "memory 'register': size = '0.01 B' is 0.08 bits; give whole bits"),
    ],
)
def test_what_cannot_be_loaded_says_why(name: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_chip(name, parameters=parameters)


BROKEN = {
    "name: x\nname: y": "mine.yaml, line 2: .*'name' stands twice",
    "a: [1": "mine.yaml, line 1: not readable as YAML|mine.yaml, line 2: not readable as YAML",
    "- 1\n- 2": "mine.yaml: holds list, not keys with values",
    "": "mine.yaml: holds NoneType, not keys with values",
    "name: x": "mine.yaml: memories is missing; list the memories from the MACs outward",
    "memories: []": "mine.yaml: memories is missing",
    "memories: [3]": "mine.yaml: a memory is 3; give its name",
    "extend: generic": r"mine.yaml: unknown key 'extend' \(did you mean 'extends'\?\)",
    "extends: genric": r"extends = 'genric' is no chip \(did you mean 'generic'\?\)",
    "extends: [generic]": r"extends = \['generic'\] is no chip",
    "extends: generic\nparameters: 3": "parameters = 3; give names with numbers",
    "extends: generic\nparameters: {rows: many}": "generic: parameter rows = 'many'; give a number above 0",
    "parameters: {rows: 3}": "parameters.rows = 3: a file that extends no other declares parameters",
    "parameters: 3": "parameters = 3; give names with default and about",
    "parameters: {rows: {default: 0, about: x}}": "parameters.rows: default = 0: ",
    "parameters: {rows: {default: 1, about: x}}\nname: $row": r"\$row in '\$row' is no parameter \(did you mean 'rows'\?\)",
    "extends: eyeriss\nmemories: 3": "memories = 3; give a list, each with a name of eyeriss",
    "extends: eyeriss\nmemories: [{name: bufer, size: 3 B}]": r"memory 'bufer' is not in eyeriss \(did you mean 'buffer'\?\)",
    "extends: eyeriss\nmemories: [{name: buffer, sise: 3 B}]": r"memory 'buffer': unknown key 'sise' \(did you mean 'size'\?\)",
    "extends: eyeriss\nmemories: [{name: buffer, size: 3 kb}]": "memory 'buffer': size = '3 kb' is no size; write one such as",
    "extends: eyeriss\nmemories: [{name: buffer, size: 12}]": "memory 'buffer': size = 12 is no size",
    "extends: eyeriss\nmemories: [{name: buffer, size: 0 B}]": "size = '0 B' is 0 bits; give whole bits, at least 1",
    "extends: eyeriss\nmemories: [{name: buffer, size: 3 B, bits: 24}]": "memory 'buffer': has both size and bits; keep one",
    "extends: eyeriss\nmemories: [{name: buffer, size: 3 KiB}]": (
        "bits of 'buffer' changes, but its energy was stated for what it was; state energy.memories.buffer too"
    ),
    "extends: eyeriss\nenergy: {memories: {buffer: {sram: {nm: 65}}}}": (
        "energy.memories.buffer.sram: an SRAM's width of 16 bits is outside CACTI's table, 64 to 256 bits; state another access"
    ),
    "extends: edge-npu\nenergy: {memories: {bufer: {sram: {nm: 22}}}}": (
        r"energy.memories names 'bufer', which is no memory \(did you mean 'buffer'\?\)"
    ),
    "extends: edge-npu\nenergy: {memories: {buffer: {sram: 22}}}": r"energy.memories.buffer.sram = 22; write it as \{nm: 65\}",
    "extends: edge-npu\nenergy: {memories: {buffer: {sram: {}}}}": "energy.memories.buffer.sram: nm: Field required",
    "extends: edge-npu\nenergy: {memories: {buffer: {sram: {nm: 22, bank: 2}}}}": (
        r"buffer.sram: unknown key 'bank' \(did you mean 'banks'\?\)"
    ),
    "extends: edge-npu\nenergy: {memories: {buffer: {sram: {nm: 22}, read_pj: 3}}}": "has both sram and read_pj; keep one way",
    "extends: edge-npu\nenergy: {memories: {dram: {sram: {nm: 22}}}}": "memory 'dram' has no size to price; give it a size",
    "extends: edge-npu\nenergy: {memories: {dram: {pj_per_bit: 3}}}": "energy.memories.dram: source: Field required",
    "extends: edge-npu\nenergy: {memories: {dram: {pj_per_bit: -3, source: s}}}": "energy.memories.dram: pj_per_bit = -3: ",
    "extends: edge-npu\nenergy: {memories: {dram: {read_pj: 3}}}": "energy.memories.dram.*write_pj",
    "extends: edge-npu\narea: {memories: {dram: {pj_per_bit: 3, source: s}}}": "area.memories.dram: .*um2_per_bit",
    "extends: edge-npu\nenergy: {mac: {table: horowitz, bits: 8, sum_bits: 32}}": "energy.mac: there is no table of arithmetic",
    "extends: edge-npu\nenergy: 3": "mine.yaml: energy = 3: ",
    "extends: edge-npu\nenergy: {memories: 3}": "mine.yaml: energy.memories",
    "extends: edge-npu\nfrequncy_hz: 3": r"unknown key 'frequncy_hz' \(did you mean 'frequency_hz'\?\)",
    "extends: edge-npu\nfrequency_hz: -3": "mine.yaml: frequency_hz = -3: ",
    "extends: edge-npu\narray: {rows: 3}\nmemories: [{name: dram, serves: [row]}]": "names 'row', which is no dimension",
    "extends: nvdla-like\nmemories: [{name: buffer, ports: [{name: r, kind: read, bits_per_cycle: 512}, "
    "{name: s, kind: read, bits_per_cycle: 256}, {name: w, kind: write, bits_per_cycle: 512}]}]": (
        r"energy.memories.buffer: its ports are \[256, 512\] bits wide an access \(read\) is; state access_bits of memory 'buffer'"
    ),
    "extends: edge-npu\nprecision: {weigth_bits: 4}": r"precision: unknown key 'weigth_bits' \(did you mean 'weight_bits'\?\)",
    "extends: edge-npu\nenergy: {mac_bits: [0, 8]}": r"mine.yaml: energy.mac_bits.0 = 0: .*greater than or equal to 1",
    "extends: edge-npu\narea: {mac: {mm2: -1, source: x}}": r"mine.yaml: area.mac.mm2 = -1: .*greater than or equal to 0",
    "extends: edge-npu\ncalibration: {latency_facto: 2, source: x}": r"'calibration.latency_facto' \(did you mean 'latency_fac",
    "extends: edge-npu\nmemories: [{name: buffer, parent: dram}, {name: dram, parent: buffer}]": (
        "the memories fill each other in a circle, buffer <- dram <- buffer; give one no parent"
    ),
    "extends: edge-npu\nmemories: [{name: buffer, ports: [{name: r, kind: read, bit_per_cycle: 4}]}]": (
        r"unknown key 'ports.0.bit_per_cycle' \(did you mean 'bits_per_cycle'\?\)"
    ),
    "extends: nvdla-like\nmemories: [{name: buffer, ports: []}]": "no port says how wide an access .read. is; state access_bits",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_says_where_and_what_to_do(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=BROKEN[text]) as error:
        load_chip(_file(tmp_path, text))
    assert "mine.yaml" in str(error.value) or "generic: " in str(error.value)
    assert "\n" not in str(error.value)


def test_the_file_shown_in_the_readme_loads(tmp_path: Path) -> None:
    readme = files("netchip.hardware").joinpath("presets", "README.md").read_text()
    chip = load_chip(_file(tmp_path, readme.split("```yaml\n")[1].split("```")[0]))
    assert (chip.array["rows"], chip.memory("buffer").bits) == (32, 512 * 8192)
    assert all(name in readme for name in chip_names())


def test_a_file_nested_too_deeply(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: nested too deeply to be read"):
        load_chip(_file(tmp_path, "a: " + "[" * 3000))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"mine\.yaml: not readable as text"):
        load_chip(path)
