"""Prices as a chip file may state them, turned into the constants that an accelerator holds.

A memory's energy is one of
- `{read_pj: 1.2, write_pj: 1.4, source: ...}`: of one access of its full width;
- `{sram: {nm: 65}}`: CACTI's table at the memory's size and width;
- `{pj_per_bit: 8, source: ...}`: reads and writes alike, as DRAM is quoted.
Its area is `{mm2: 1.5, source: ...}`, `{sram: {nm: 65}}`, or `{um2_per_bit: 6, source: ...}` for registers.
A MAC's energy and area are constants or `{table: horowitz-45nm, bits: 8, sum_bits: 32, nm: 45}`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from netchip.errors import ConfigError, RequestError
from netchip.hardware.accelerator import Memory
from netchip.hardware.energy import Picojoules, Source
from netchip.hardware.mac_prices import MacPrice, mac_price
from netchip.hardware.plain_yaml import as_table
from netchip.hardware.sram import SramPrice, smooth_sram, sram_price, sram_table
from netchip.hardware.suggest import did_you_mean
from netchip.spec import Spec
from netchip.units import bits_to_bytes, format_bytes

_Count = Annotated[int, Field(ge=1)]
_Nanometres = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SramForm(Spec):
    """An SRAM of so many `banks`, of which an access opens one, each of so many `lanes`, all opened side by side.

    With `extrapolate` the power-law fit answers where CACTI's table ends; the source then says so.
    """

    nm: _Nanometres
    banks: _Count = 1
    lanes: _Count = 1
    extrapolate: bool = False


class PerBit(Spec):
    """Energy of a bit read or written."""

    pj_per_bit: Picojoules
    source: Source


class AreaPerBit(Spec):
    """Area of a bit in square micrometres."""

    um2_per_bit: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    source: Source


class MacForm(Spec):
    """A MAC out of a table of arithmetic: width of the factors, width of the sum, node (none: the table's)."""

    table: str
    bits: _Count
    sum_bits: _Count
    nm: _Nanometres | None = None


def priced(data: Mapping[str, Any], memories: Mapping[str, Memory], source: str) -> dict[str, Any]:
    """Chip data with constants in place of tables and prices a bit; what is constant, or wrong, is left as it is.

    A MAC out of a table also says at which width it was quoted (`mac_bits`), unless the file does.
    Raises `ConfigError` that names the file and the field.
    """
    result = dict(data)
    for table, of_memory, of_mac in (("energy", _memory_energy, _mac_energy), ("area", _memory_area, _mac_area)):
        if (prices := as_table(data.get(table))) is None:
            continue
        mine = dict(prices)
        if (form := _mac_form(mine.get("mac"), f"{source}: {table}.mac")) is not None:
            mine["mac"] = of_mac(_mac(form, f"{source}: {table}.mac"))
            if table == "energy":
                mine.setdefault("mac_bits", [form.bits, form.bits])
        if (stated := as_table(mine.get("memories"))) is not None:
            where = f"{source}: {table}.memories"
            mine["memories"] = {
                name: _memory_price(of_memory, name, price, memories, where) for name, price in stated.items()
            }
        result[table] = mine
    return result


def is_stated(price: object) -> bool:
    """Whether a memory's price is a constant, which holds for one size and width only."""
    table = as_table(price)
    return table is not None and not {"sram", "pj_per_bit", "um2_per_bit"} & set(table)


def _mac_form(price: Any, where: str) -> MacForm | None:
    table = as_table(price)
    return MacForm.parse(table, source=where) if table is not None and "table" in table else None


def _mac(form: MacForm, where: str) -> MacPrice:
    try:
        return mac_price(form.table, form.bits, form.sum_bits, form.nm)
    except RequestError as error:
        raise ConfigError(f"{where}: {error}") from None


def _mac_energy(price: MacPrice) -> dict[str, Any]:
    return {"pj": price.pj, "source": price.source}


def _mac_area(price: MacPrice) -> dict[str, Any]:
    return {"mm2": price.mm2, "source": price.area_source}


def _memory_price(of_memory: Any, name: str, price: Any, memories: Mapping[str, Memory], where: str) -> Any:
    table = as_table(price)
    if table is None or is_stated(table):
        return price
    if name not in memories:
        raise ConfigError(f"{where} names {name!r}, which is no memory{did_you_mean(name, memories)}")
    return of_memory(memories[name], table, f"{where}.{name}")


def _memory_energy(memory: Memory, price: Mapping[str, Any], where: str) -> dict[str, Any]:
    if "sram" in price:
        form = _sram_form(price, where)
        read, read_source = _sram(memory, _width(memory, "read", where), form, where)
        write, write_source = _sram(memory, _width(memory, "write", where), form, where)
        source = read_source if read_source == write_source else f"reads: {read_source}; writes: {write_source}"
        return {"read_pj": read.read_pj, "write_pj": write.write_pj, "source": source}
    form = PerBit.parse(price, source=where)
    read_bits, write_bits = (_width(memory, kind, where) for kind in ("read", "write"))
    return {
        "read_pj": form.pj_per_bit * read_bits,
        "write_pj": form.pj_per_bit * write_bits,
        "source": f"{form.source}; {form.pj_per_bit:g} pJ a bit",
    }


def _memory_area(memory: Memory, price: Mapping[str, Any], where: str) -> dict[str, Any]:
    if "sram" in price:
        sram, source = _sram(memory, _width(memory, "read", where), _sram_form(price, where), where)
        return {"mm2": sram.mm2, "source": source}
    form = AreaPerBit.parse(price, source=where)
    bits = _size(memory, where)
    return {"mm2": form.um2_per_bit * bits * 1e-6, "source": f"{form.source}; {form.um2_per_bit:g} um2 a bit"}


def _sram_form(price: Mapping[str, Any], where: str) -> SramForm:
    others = [key for key in price if key != "sram"]
    if others:
        raise ConfigError(f"{where}: has both sram and {', '.join(others)}; keep one way to state the price")
    if (form := as_table(price["sram"])) is None:
        raise ConfigError(f"{where}.sram = {price['sram']!r}; write it as {{nm: 65}}")
    return SramForm.parse(form, source=f"{where}.sram")


def _width(memory: Memory, kind: str, where: str) -> int:
    """Bits that one access moves, on the ports that read or write."""
    widths = {port.bits_per_cycle for port in memory.ports if port.kind in (kind, "read_write")}
    if memory.access_bits is not None:
        return memory.access_bits
    if len(widths) != 1:
        found = "no port says how wide" if not widths else f"its ports are {sorted(widths)} bits wide"
        raise ConfigError(f"{where}: {found} an access ({kind}) is; state access_bits of memory {memory.name!r}")
    return widths.pop()


def _sram(memory: Memory, width: int, form: SramForm, where: str) -> tuple[SramPrice, str]:
    """Price of one access to the memory and of its area, all banks and lanes together, with its source."""
    macro, lane = _size(memory, where) / (form.banks * form.lanes), width / form.lanes
    source = f"{sram_table().source}, interpolated"
    try:
        one = sram_price(macro, lane, form.nm)
    except RequestError as error:
        if not form.extrapolate:
            raise ConfigError(f"{where}.sram: {error}") from None
        one, source = smooth_sram(macro, lane, form.nm), f"power-law fit beyond the table of {sram_table().source}"
    macros = form.banks * form.lanes
    whole = SramPrice(one.read_pj * form.lanes, one.write_pj * form.lanes, one.mm2 * macros)
    return whole, f"{source}; {_macros(form)}{format_bytes(bits_to_bytes(round(macro)))}, {lane:g} bits, {form.nm:g} nm"


def _size(memory: Memory, where: str) -> int:
    if memory.bits is None:
        raise ConfigError(f"{where}: memory {memory.name!r} has no size to price; give it a size, or state the price")
    return memory.bits


def _macros(form: SramForm) -> str:
    parts = [f"{count} {name} of " for count, name in ((form.banks, "banks"), (form.lanes, "lanes")) if count > 1]
    return "".join(parts)
