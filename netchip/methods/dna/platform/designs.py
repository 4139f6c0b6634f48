"""Designs as values, and their JSON."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from netchip.errors import DataError, RequestError
from netchip.hardware.fpga.chunk import Chunk
from netchip.methods.dna.platform.platform import Design
from netchip.methods.dna.platform.rules import Rule, rule_from_json

FORMAT = 1


@dataclass(frozen=True)
class PipelineDesign:
    """Chunks on a board, by name, and the rule that gives them layers. A chunk that no layer goes to is not built."""

    board: str
    names: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    rule: Rule
    kind: Literal["fpga"] = "fpga"

    def __post_init__(self) -> None:
        if not self.chunks or len(self.names) != len(self.chunks):
            raise RequestError(
                f"{len(self.names)} names for {len(self.chunks)} chunks; give one each, and at least one"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "board": self.board,
            "chunks": [{"name": name, **asdict(chunk)} for name, chunk in zip(self.names, self.chunks, strict=True)],
            "assignment": self.rule.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PipelineDesign":
        """The design that `to_json` wrote."""
        chunks = [dict(each) for each in data["chunks"]]
        names = tuple(str(each.pop("name")) for each in chunks)
        return cls(data["board"], names, tuple(map(Chunk.parse, chunks)), rule_from_json(data["assignment"]))


@dataclass(frozen=True)
class HierarchyDesign:
    """A hierarchy of one technology: the value of each choice by name (sizes; of each kind of layer its array, ratios and orders).

    Mappings follow from these for any layer, since ratios are scaled until they fit.
    """

    technology: str
    values: tuple[tuple[str, float], ...]
    kind: Literal["hierarchy"] = "hierarchy"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"format": FORMAT, "kind": self.kind, "technology": self.technology, "values": dict(self.values)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "HierarchyDesign":
        """The design that `to_json` wrote."""
        return cls(str(data["technology"]), tuple((str(name), float(value)) for name, value in data["values"].items()))


def design_from_json(data: Mapping[str, Any]) -> Design:
    """The design of either kind; raises `DataError` where `data` is none, or of another format."""
    if data.get("format") != FORMAT:
        raise DataError(
            f"this design is of format {data.get('format')!r}; this version of netchip reads format {FORMAT}"
        )
    readers: dict[str, Callable[[Mapping[str, Any]], Design]] = {
        "fpga": PipelineDesign.from_json,
        "hierarchy": HierarchyDesign.from_json,
    }
    if data.get("kind") not in readers:
        raise DataError(f"kind = {data.get('kind')!r}: a design is of {' or '.join(map(repr, readers))}")
    try:
        return readers[data["kind"]](data)
    except KeyError as error:
        raise DataError(f"this design lacks the key {error}") from None
    except (TypeError, ValueError, AttributeError, RequestError) as error:
        raise DataError(f"this is not a design: {error}") from None
