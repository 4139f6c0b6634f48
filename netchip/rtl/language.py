"""The hardware description language, where it is installed. Files that describe hardware import it from here."""

from netchip.errors import MissingExtra


def _amaranth():
    try:
        import amaranth
        import amaranth.lib.memory
    except ImportError as error:
        raise MissingExtra("amaranth", "rtl", "describing hardware") from error
    return amaranth


amaranth = _amaranth()
