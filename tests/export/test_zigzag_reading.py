"""ZigZag's accelerator files are read into what they say, and faults are told in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netchip.errors import ConfigError, DataError
from netchip.export.yaml_text import as_yaml, read_yaml
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.hardware.accelerator import Accelerator
from netchip.workload.encoding import Precision

INPUTS = Path(__file__).resolve().parents[2].parent / "shared" / "hw_reference" / "zigzag" / "inputs"
_ALL = {"operands": ["I", "W", "O"], "serves": ["D1", "D2"]}


def recorded(name: str) -> Path:
    """A ZigZag file beside the project; the test is skipped where it is absent."""
    if not (INPUTS / name).exists():
        pytest.skip(f"recorded inputs of other tools ({name}) are not beside the project")
    return INPUTS / name


def _port(name: str, kind: str, bits: int, least: int | None = None, *moves: tuple[str, str]) -> dict[str, Any]:
    return {"name": name, "kind": kind, "bits_per_cycle": bits, "least_bits": least, "moves": moves}


def _register(name: str, operand: str, bits: int, width: int, **more: Any) -> dict[str, Any]:
    ports = [_port("r_port_1", "read", width), _port("w_port_1", "write", width)]
    return {"name": name, "operands": [operand], "bits": bits, "ports": ports, **more}


def _sums(name: str, bits: int, **more: Any) -> dict[str, Any]:
    ports = [
        _port("r_port_1", "read", 16, None, ("O", "read")),
        _port("r_port_2", "read", 16, None, ("O", "drain")),
        _port("w_port_1", "write", 16, None, ("O", "fill")),
        _port("w_port_2", "write", 16, None, ("O", "update")),
    ]
    return {"name": name, "operands": ["O"], "bits": bits, "ports": ports, **more}


def _by_hand(
    name: str, array: dict[str, int], mac_pj: float, memories: list[dict[str, Any]], costs: Any
) -> Accelerator:
    prices = {memory["name"]: cost for memory, cost in zip(memories, costs, strict=True)}
    data = {
        "name": name,
        "source": "s",
        "frequency_hz": 1e9,
        "array": array,
        "memories": memories,
        "energy": {
            "mac": {"pj": mac_pj, "source": "s"},
            "memories": {
                key: {"read_pj": read, "write_pj": write, "source": "s"} for key, (read, write) in prices.items()
            },
        },
    }
    return Accelerator.parse(data)


def test_the_three_level_machine_is_the_one_built_by_hand() -> None:
    both = [_port("r_port_1", "read", 512, 8), _port("w_port_1", "write", 512, 8)]
    memories = [
        _register("reg_w", "W", 8, 8),
        _sums("reg_o", 16, serves=["D2"]),
        {"name": "sram_256KB", "bits": 256 * 8192, "ports": both, **_ALL},
        {"name": "dram", "bits": 10**10, "ports": [_port("rw_port_1", "read_write", 64, 8)], **_ALL},
    ]
    costs = [(0.01, 0.01), (0.02, 0.02), (20.0, 22.0), (400.0, 420.0)]
    found = read_zigzag_accelerator(recorded("hw_r3_shared.yaml"), source="s")
    assert found == _by_hand("r3_shared", {"D1": 16, "D2": 16}, 0.05, memories, costs)


def test_the_four_level_machine_is_the_one_built_by_hand() -> None:
    every = ["D1", "D2", "D3"]
    l1_w = [_port("r_port_1", "read", 256, 8), _port("w_port_1", "write", 128, 8)]
    l1_io = [_port("r_port_1", "read", 512, 8), _port("w_port_1", "write", 512, 8)]
    memories = [
        _register("spad_w", "W", 1024, 8),
        _register("spad_i", "I", 256, 8),
        _sums("spad_o", 256),
        {"name": "l1_w", "bits": 32 * 8192, "ports": l1_w, "operands": ["W"], "serves": every},
        {"name": "l1_io", "bits": 64 * 8192, "ports": l1_io, "operands": ["I", "O"], "serves": every},
        {
            "name": "l2_512KB",
            "bits": 512 * 8192,
            "ports": [_port("rw_port_1", "read_write", 256, 8)],
            **_ALL,
            "serves": every,
        },
        {"name": "dram", "bits": 10**10, "ports": [_port("rw_port_1", "read_write", 64, 8)], **_ALL, "serves": every},
    ]
    costs = [(0.10, 0.12), (0.05, 0.06), (0.06, 0.08), (4.0, 5.0), (6.0, 7.0), (30.0, 34.0), (400.0, 420.0)]
    found = read_zigzag_accelerator(recorded("hw_r4_split.yaml"), source="s")
    assert found == _by_hand("r4_split", {"D1": 8, "D2": 8, "D3": 4}, 0.05, memories, costs)


@pytest.mark.parametrize(
    "name",
    [
        "hw_r3_shared.yaml",
        "hw_r4_split.yaml",
        "from_package/hardware__eyeriss_like.yaml",
        "from_package/hardware__tpu_like.yaml",
    ],
)
def test_a_file_written_again_reads_the_same(tmp_path: Path, name: str) -> None:
    first = read_zigzag_accelerator(recorded(name), source="s", areas_in_mm2=True)
    (tmp_path / "again.yaml").write_text(zigzag_accelerator(first))
    assert read_zigzag_accelerator(tmp_path / "again.yaml", source="s", areas_in_mm2=True) == first


def test_systolic_dimensions_and_areas_are_kept() -> None:
    assert read_zigzag_accelerator(recorded("from_package/hardware__tpu_like.yaml")).systolic == ("D1", "D2")
    eyeriss = recorded("from_package/hardware__eyeriss_like.yaml")
    assert read_zigzag_accelerator(eyeriss).area is None
    area = read_zigzag_accelerator(eyeriss, areas_in_mm2=True).area
    assert area is not None
    assert (area.mac.mm2, area.memories["sram_1M"].mm2) == (0.1, 25)


@pytest.fixture
def file(tmp_path: Path, sayable: Accelerator) -> Callable[..., Path]:
    """Writes the file of `sayable` with one change."""

    def write(change: Callable[[dict[str, Any]], Any]) -> Path:
        path = tmp_path / "chip.yaml"
        path.write_text(zigzag_accelerator(sayable))
        data = read_yaml(path)
        change(data)
        path.write_text(as_yaml(data))
        return path

    return write


def test_what_the_grammar_cannot_say_is_the_callers(file: Callable[..., Path]) -> None:
    found = read_zigzag_accelerator(file(lambda data: None), frequency_hz=2e8, precision=Precision(weight_bits=4))
    assert (found.frequency_hz, found.precision.weight_bits) == (2e8, 4)
    assert found.energy.mac.source == found.source
    assert found.source.endswith("chip.yaml")


def test_dataflows_of_a_file_are_not_kept(file: Callable[..., Path], sayable: Accelerator) -> None:
    path = file(lambda data: data.update(dataflows={"D1": ["K, 4"]}))
    assert read_zigzag_accelerator(path, source=sayable.source) == sayable


_FAULTS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (
        lambda data: data["memories"]["buffer"].update(r_costs=data["memories"]["buffer"].pop("r_cost")),
        r"unknown key 'memories.buffer.r_costs' \(did you mean 'r_cost'\?\)",
    ),
    (
        lambda data: data.update(memory=data.pop("memories")),
        r"memories: Field required; unknown key 'memory' \(did you mean",
    ),
    (
        lambda data: data["memories"]["dram"].update(size=0),
        r"memories.dram.size = 0: Input should be greater than or equal to 1",
    ),
    (
        lambda data: data["memories"]["dram"].pop("w_cost"),
        r"memories.dram: w_cost is missing; give the pJ of one access",
    ),
    (
        lambda data: data["memories"]["dram"].update(r_cost=-1.0),
        r"memories.dram.r_cost = -1.0: .*greater than or equal to 0",
    ),
    (
        lambda data: data["memories"]["dram"].update(auto_cost_extraction=True),
        r"memories.dram: auto_cost_extraction asks .* CACTI",
    ),
    (
        lambda data: data["memories"]["dram"].update(operands=["I1", "I2", "O2"]),
        r"operands.2 = 'O2': Input should be 'I1', 'I2' or 'O'",
    ),
    (
        lambda data: data["memories"]["reg_w"]["ports"][0].update(allocation=["I2, down"]),
        r"memories.reg_w.ports.0.allocation = \['I2, down'\]: write 'I1, tl': an operand",
    ),
    (
        lambda data: data["memories"]["reg_w"]["ports"][0].update(allocation=["I2, fh"]),
        r"memories.0.ports.0: port 'r_port_1' of kind 'read' cannot serve W fill; add a port",
    ),
    (
        lambda data: data["memories"]["reg_o"]["ports"].pop(),
        r"memory 'reg_o': no port serves O update; add it to a port's moves",
    ),
    (
        lambda data: data["memories"]["buffer"].update(served_dimensions=["D1", "D7"]),
        r"memory 'buffer': serves names 'D7', which is no dimension of the array",
    ),
    (
        lambda data: data.update(memories=dict(reversed(data["memories"].items()))),
        r"memory 'reg_w' is above 'buffer' but does not serve D1, D2; add it to its serves",
    ),
    (lambda data: data["operational_array"].update(sizes=[4]), r"operational_array: 2 dimensions have 1 sizes"),
    (
        lambda data: data["operational_array"].update(dimensions=["D1", "D1"]),
        r"dimensions = \['D1', 'D1'\] names one twice",
    ),
    (
        lambda data: data["operational_array"].update(is_imc=True),
        r"operational_array: is_imc: arrays that compute in memory",
    ),
    (lambda data: data["operational_array"].pop("unit_energy"), r"operational_array.unit_energy: Field required"),
    (
        lambda data: data["operational_array"].update(systolic_dimensions=["D3"]),
        r"systolic names 'D3', which is no dimension",
    ),
]


@pytest.mark.parametrize(("change", "message"), _FAULTS, ids=[message for _, message in _FAULTS])
def test_a_fault_is_told_in_one_line_with_the_file(
    file: Callable[..., Path], change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_zigzag_accelerator(file(change))
    assert "chip.yaml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_contains_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "name: a\nmemories: &m\n  dram: *m\noperational_array: {dimensions: [D1], sizes: [2]}\n"
    )
    with pytest.raises(ConfigError, match=r"a\.yaml: memories") as caught:
        read_zigzag_accelerator(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "found"), [("", "nothing"), ("- 1\n", "list"), ("text\n", "str")])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError, match=f"an accelerator is a mapping .*; found {found}"):
        read_zigzag_accelerator(tmp_path / "a.yaml")
