"""The released option lists: four chunks, standard and depthwise convolutions on large and small maps."""

from netchip.hardware.fpga.space import ChunkSpace, tiled_space
from netchip.methods.dna.legacy.network import Dataset

MAP_BOUND: dict[Dataset, int] = {"cifar": 16, "imagenet": 28}
"""Height of an output map from which a layer goes to the first chunk of its kind."""

_LARGE: dict[Dataset, tuple[int, ...]] = {"cifar": (16, 8, 4, 2, 1), "imagenet": (28, 14, 7, 2, 1)}
_SMALL: dict[Dataset, tuple[int, ...]] = {"cifar": (4, 2, 1), "imagenet": (7, 2, 1)}
_FEW, _MANY = (8, 4, 2, 1), (32, 16, 8, 4, 2, 1)


def released_spaces(dataset: Dataset = "cifar", *, bits: int = 16, fixed_engine: bool = True) -> tuple[ChunkSpace, ...]:
    """The chunks in the order of `by_map_size`: 67,500, 47,628, 4,500 and 1,512 designs on CIFAR where engines are free.

    `fixed_engine`: only the engine that the released search takes, comp_mode 1.
    """
    plain = ("tree",) if fixed_engine else ("broadcast", "tree", "rows")
    deep = ("depthwise_rows",) if fixed_engine else ("depthwise_channels", "depthwise_rows")
    large, small = _LARGE[dataset], _SMALL[dataset]
    return tuple(
        tiled_space(name, engines=engines, rows=maps, columns=maps, out=out, inputs=inputs, bits=(bits,))
        for name, engines, maps, out, inputs in (
            ("a0", plain, large, _FEW, _FEW),
            ("a1", plain, small, _MANY, _MANY),
            ("dwa0", deep, large, _FEW, (1,)),
            ("dwa1", deep, small, _MANY, (1,)),
        )
    )
