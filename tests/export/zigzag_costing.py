"""What ZigZag's cost model says of a mapping of ours, with our cuts instead of those its own allocation would make."""

from typing import Any

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import OPERANDS
from netchip.hardware.mapping import Mapping


def unrolling(cme: Any) -> dict[str, dict[str, int]]:
    """The units along each dimension of the array that ZigZag took for a result, after its own limits."""
    return {
        str(dimension): {str(dim): round(factor) for dim, factor in row.items()}
        for dimension, row in cme.layer.spatial_mapping.items()
    }


def costed_by_zigzag(cme: Any, chip: Accelerator, mapping: Mapping) -> Any:
    """ZigZag's evaluation of `mapping`; all but the loops and where they lie is as in its own result `cme`."""
    from zigzag.cost_model.cost_model import CostModelEvaluation
    from zigzag.datatypes import LayerDim, LayerOperand
    from zigzag.mapping.temporal_mapping import TemporalMapping, TemporalMappingType

    loops = {
        LayerOperand(operand): [
            [
                (LayerDim(loop.dim), loop.bound)
                for loop in mapping.loops
                if loop.at[operand] == chip.memories[index].name
            ]
            for index in chip.chain(operand)
        ]
        for operand in OPERANDS
    }
    return CostModelEvaluation(
        accelerator=cme.accelerator,
        layer=cme.layer,
        spatial_mapping=cme.spatial_mapping,
        spatial_mapping_int=cme.spatial_mapping_int,
        temporal_mapping=TemporalMapping(loops, cme.layer, TemporalMappingType.UNEVEN),
        access_same_data_considered_as_no_access=True,
    )


def fullest(cme: Any) -> float:
    """How full the fullest memory is, 1 where it is full, as ZigZag counts it."""
    return max(part for rows in cme.mem_utili_shared.values() for part in rows)
