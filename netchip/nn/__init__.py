"""Torch blocks that at least two methods use."""
