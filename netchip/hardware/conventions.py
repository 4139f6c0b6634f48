"""What tools count differently, as one value: the same mapping gives other numbers under other conventions."""

from typing import Literal, Self

from netchip.errors import RequestError
from netchip.spec import Spec


class Conventions(Spec):
    """How accesses, words and cycles are counted. `PRESETS` holds those of the tools; `DEFAULT` is ours.

    - `mac_holds_operands`: weights and inputs stay at the MAC while the innermost loops reuse them, else every MAC reads
      the innermost memory.
    - `first_sum_is_read`: a new partial sum is read back (as zero) like the later ones, else it starts without a read.
    - `input_extent`: elements along a window, "touched" ones only (stride 2 with a 1x1 kernel: every other row) or the whole
      "bounding_box"; `window_slides`: of overlapping windows that follow each other only the new rows are loaded.
    - `windows_shared`: units whose windows overlap share one read of what both use, else only units that use the very same
      elements do.
    - `accesses`: energy is paid for "whole" accesses of the port's least width, or for "elements", each a share of one.
    - `fills_paid`: a memory pays for weights and inputs it takes in, else only the memory above that sends them does.
    - `outputs_above`: what a memory pays for outputs it exchanges with the memory above: "both" ways, only those that "return" as
      partial sums, only those that "leave", or "neither".
    - `uneven_unrolling`: an unrolling by 13.75 units runs as 13 ("floor") or 14 ("ceil") where sizes and cycles are
      whole. Counts use the mean, 13.75; `means_rounded`: the mean sizes of tiles and numbers of units are then rounded.
    - `bound`: the latency bound adds, port by port, the whole cycles of each tile ("tiles"), or all words of the memory
      over its bandwidth ("words").
    - `never_below_bound`: a report's cycles (latency "stalls") are the larger of the stall model's and of that bound. The
      model lets moves on one shared port overlap more than the port's bits allow.
    """

    name: str
    mac_holds_operands: bool
    first_sum_is_read: bool
    input_extent: Literal["touched", "bounding_box"]
    window_slides: bool
    windows_shared: bool
    accesses: Literal["whole", "elements"]
    fills_paid: bool
    outputs_above: Literal["both", "return", "leave", "neither"]
    uneven_unrolling: Literal["floor", "ceil"]
    means_rounded: bool
    bound: Literal["tiles", "words"]
    never_below_bound: bool

    def smoothed(self) -> Self:
        """The same without whole accesses, whole words and rounded means: gradients pass where no loop begins or ends to matter."""
        return self.changed(name=f"{self.name}-smooth", accesses="elements", bound="words", means_rounded=False)


ZIGZAG = Conventions(
    name="zigzag",
    mac_holds_operands=True,
    first_sum_is_read=True,
    input_extent="touched",
    window_slides=False,
    windows_shared=True,
    accesses="whole",
    fills_paid=True,
    outputs_above="both",
    uneven_unrolling="floor",
    means_rounded=True,
    bound="tiles",
    never_below_bound=False,
)
"""As ZigZag 3.9 counts."""

TIMELOOP = Conventions(
    name="timeloop",
    mac_holds_operands=False,
    first_sum_is_read=False,
    input_extent="bounding_box",
    window_slides=True,
    windows_shared=False,
    accesses="elements",
    fills_paid=True,
    outputs_above="leave",
    uneven_unrolling="ceil",
    means_rounded=False,
    bound="words",
    never_below_bound=True,
)
"""As the Timeloop behind the data set of DOSA counts (2023)."""

TIMELOOP4 = TIMELOOP.changed(name="timeloop4", outputs_above="return")
"""As Timeloop v4 counts; its cycles are those of `TIMELOOP` where no accumulator is the bottleneck."""

EYERISS16 = Conventions(
    name="eyeriss16",
    mac_holds_operands=False,
    first_sum_is_read=False,
    input_extent="bounding_box",
    window_slides=True,
    windows_shared=True,
    accesses="elements",
    fills_paid=False,
    outputs_above="neither",
    uneven_unrolling="ceil",
    means_rounded=False,
    bound="words",
    never_below_bound=True,
)
"""As the Eyeriss analysis counts (Chen et al., ISCA 2016, section V): every transfer is paid once, at the memory above, and each
MAC makes four accesses to the register file."""

DEFAULT = ZIGZAG.changed(
    name="default", first_sum_is_read=False, uneven_unrolling="ceil", means_rounded=False, never_below_bound=True
)
"""Ours: ZigZag's whole accesses and touched inputs, which a port and a DRAM burst really make, but a sum that begins reads
nothing (a chip starts from zero or the bias), a unit that is used in part is there as a whole, and no port is quicker than its
bits."""

PRESETS: dict[str, Conventions] = {each.name: each for each in (DEFAULT, ZIGZAG, TIMELOOP, TIMELOOP4, EYERISS16)}


def conventions_named(name: str) -> Conventions:
    """The preset called `name`; raises `RequestError` that lists the names there are."""
    if name not in PRESETS:
        raise RequestError(f"no conventions are called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
