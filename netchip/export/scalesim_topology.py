"""SCALE-Sim's topology CSV, of convolutions or of products M, N, K, as a `Workload`.

Source of the grammar: `topology_utils.py` of SCALE-Sim v2 and v3. The first line is a header, columns count by position.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from netchip.errors import DataError, RequestError
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

CONV = ("IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels", "Num Filter", "Strides")
GEMM = ("M", "N", "K")
DEPTHWISE = "DP"

Row = tuple[int, list[str]]
Shaper = Callable[[str, list[str]], LayerShape]


def read_scalesim_topology(path: Path | str, precision: Precision | None = None) -> Workload:
    """The layers of a SCALE-Sim topology file, each at `precision` (8-bit by default), batch 1, without edges.

    Which of the two forms it is, the header says. Sizes include padding. As in SCALE-Sim, "DP" in a name makes it a
    depthwise convolution, and a stride that does not divide the way adds a last window: the input then counts the rows
    that window reaches.

    Raises `DataError` that names the file, the line and the column.
    """
    rows = _rows(Path(path))
    shape_of = _form(path, next(rows, None))
    layers: dict[str, Layer] = {}
    for line, cells in rows:
        try:
            layer = Layer(cells[0], shape_of(cells[0], cells[1:]), precision=precision or Precision())
        except RequestError as error:
            raise DataError(f"{path}, line {line}: {error}") from None
        if layer.name in layers:
            raise DataError(f"{path}, line {line}: a second layer is called {layer.name!r}; give each its own name")
        layers[layer.name] = layer
    if not layers:
        raise DataError(f"{path}: no layer below the header; write one a line")
    return Workload(tuple(layers.values()))


def _rows(path: Path) -> Iterator[Row]:
    """Line number and cells of each line that holds any, without the empty cell after a last comma."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as text ({error})") from None
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells


def _form(path: Path | str, header: Row | None) -> Shaper:
    if header is None:
        raise DataError(f"{path}: empty; write a header, then one layer a line")
    names = [cell.lower() for cell in header[1][1:]]
    if names[:3] == [name.lower() for name in GEMM]:
        return _product
    if names and names[0].startswith("ifmap"):
        return _convolution
    raise DataError(
        f"{path}, line {header[0]}: not a header of SCALE-Sim; write 'Layer name, {', '.join(CONV)}' or "
        f"'Layer name, {', '.join(GEMM)}'"
    )


def _convolution(name: str, cells: list[str]) -> LayerShape:
    *sizes, stride = _numbers(cells, CONV, least=len(CONV))
    height, width, filter_height, filter_width, channels, filters = sizes
    strides = (stride, _second_stride(cells[len(CONV) :], stride))
    kernel = (filter_height, filter_width)
    for column, size, own in zip(CONV[2:4], (height, width), kernel, strict=True):
        if own > size:
            raise DataError(
                f"{name}: {column} = {own} is larger than the IFMAP's {size}; pad the IFMAP or shrink the filter"
            )
    depthwise = DEPTHWISE in name
    return LayerShape.conv(
        in_channels=channels,
        out_channels=channels * filters if depthwise else filters,
        groups=channels if depthwise else 1,
        in_size=(_reached(height, kernel[0], strides[0]), _reached(width, kernel[1], strides[1])),
        kernel=kernel,
        stride=strides,
    )


def _product(name: str, cells: list[str]) -> LayerShape:
    rows, columns, inner = _numbers(cells, GEMM, least=len(GEMM))
    return LayerShape.linear(positions=rows, in_features=inner, out_features=columns)


def _second_stride(rest: list[str], stride: int) -> int:
    """The stride along the width: its own column where there is one. A column of sparsity, "2:4", must say dense."""
    own = stride
    for cell in rest:
        kept, ratio, block = cell.partition(":")
        if not ratio:
            (own,) = _numbers([cell], ("Stride Width",), least=1)
        elif kept.strip() != block.strip():
            raise DataError(f"sparsity {cell!r} is not read; write the dense layer, and give it an encoding afterwards")
    return own


def _numbers(cells: Sequence[str], columns: Sequence[str], *, least: int) -> list[int]:
    if len(cells) < least:
        raise DataError(f"{', '.join(columns[len(cells) :])} missing; write a number for each of {', '.join(columns)}")
    found: list[int] = []
    for column, cell in zip(columns, cells, strict=False):
        if not cell.isdecimal() or int(cell) < 1:
            raise DataError(f"{column} = {cell!r}: give a whole number of at least 1")
        found.append(int(cell))
    return found


def _reached(size: int, kernel: int, stride: int) -> int:
    """Positions of the input that windows reach: SCALE-Sim takes ceil((size - kernel + stride) / stride) of them."""
    windows = -(-(size - kernel + stride) // stride)
    return (windows - 1) * stride + kernel
