"""What is in a compressed file: its weights, whether its hashes are right, and its size by component."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchip.cli.output import say, show_json, show_table
from netchip.units import bits_to_bytes, format_bytes

if TYPE_CHECKING:
    from netchip.methods.smart_exchange.file.reading import CompressedFile


def inspect_file(path: Path, json: bool) -> None:
    """Shows the compressed file `path`, every hash compared. Raises `DataError` where it is none or was altered."""
    from netchip.methods.smart_exchange.accounting import table
    from netchip.methods.smart_exchange.accounting.of_file import sizes_of_file
    from netchip.methods.smart_exchange.file.reading import read

    file = read(path)
    found, sizes = _found(file), sizes_of_file(file)
    if json:
        show_json(found | {"accounting": [each.to_json() for each in sizes]})
    else:
        _show(found)
        show_table(table.TITLE, table.COLUMNS, table.rows(sizes))


def _found(file: "CompressedFile") -> dict[str, Any]:
    """What there is, in plain values."""
    layers = [_layer(file, name) for name in file.packed]
    dense = {name: file.dense[name] for name in file.dense}
    components = {
        part: sum(layer["bytes_by_component"][part] for layer in layers)
        for part in ("codes", "row_bitmap", "element_bitmap", "basis")
    }
    components["dense"] = sum(tensor.numel() * tensor.element_size() for tensor in dense.values())
    size = file.path.stat().st_size
    return {
        "file": str(file.path),
        "bytes": size,
        "hashes": {"stored": "right", "rebuilt_weights": "right"},
        "bytes_by_component": {**components, "header": size - sum(components.values())},
        "weights": sum(layer["weights"] for layer in layers),
        "layers": layers,
        "dense": [
            {"name": name, "shape": list(tensor.shape), "dtype": _type(tensor.dtype)} for name, tensor in dense.items()
        ],
        "note": dict(file.note),
    }


def _layer(file: "CompressedFile", name: str) -> dict[str, Any]:
    """One packed weight; rebuilding it compares its hash."""
    file.weight(name)
    entry, size = file.document.packed[name], file.size(name)
    return {
        "name": name,
        "shape": list(entry.tiling.shape),
        "dtype": _type(entry.dtype),
        "bits": entry.alphabet.bits,
        "blocks": [entry.tiling.blocks, entry.tiling.rows, entry.tiling.width],
        "zeros": entry.zeros,
        "coding": entry.coding,
        "weights": entry.tiling.weights,
        "bits_per_weight": size.bits / entry.tiling.weights,
        "bytes": size.bytes,
        "bytes_by_component": {part: bits_to_bytes(bits) for part, bits in size.components.items()},
    }


def _type(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _show(found: dict[str, Any]) -> None:
    say(f"{found['file']}: {format_bytes(found['bytes'])}, {len(found['layers'])} packed weights and {len(found['dense'])} "
        "tensors as they were; the hash of the file and those of all rebuilt weights are right")  # fmt: skip
    columns = (
        "layer",
        "shape",
        "type",
        ">bits",
        "blocks x rows\nx width",
        "zeros by",
        "coding",
        ">bits/weight",
        ">bytes",
    )
    show_table("Packed weights", columns, [_row(layer) for layer in found["layers"]])
    show_table("Bytes", ("of", ">bytes", ">share"), list(_components(found)))


def _row(layer: dict[str, Any]) -> tuple[str, ...]:
    return (
        layer["name"],
        "x".join(map(str, layer["shape"])),
        layer["dtype"],
        str(layer["bits"]),
        " x ".join(map(str, layer["blocks"])),
        layer["zeros"],
        layer["coding"],
        f"{layer['bits_per_weight']:.3f}",
        f"{layer['bytes']:,}",
    )


def _components(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for part, size in found["bytes_by_component"].items():
        yield part.replace("_", " "), f"{size:,}", f"{size / found['bytes']:.1%}"
    yield "all", f"{found['bytes']:,}", "100.0%"
