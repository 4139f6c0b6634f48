"""A stream port: words pass in the cycles in which `valid` and `ready` are both up."""

from netchip.rtl.language import Signal, Wire


class Stream:
    """The signals of a stream of words of so many bits."""

    def __init__(self, bits: int, name: str) -> None:
        self.payload = Signal(bits, name=f"{name}_payload")
        self.valid = Signal(name=f"{name}_valid")
        self.ready = Signal(name=f"{name}_ready")

    @property
    def signals(self) -> tuple[Wire, Wire, Wire]:
        """All three."""
        return self.payload, self.valid, self.ready

    @property
    def passes(self):
        """Whether a word passes in this cycle."""
        return self.valid & self.ready
