"""Measured latency on the device at hand."""
