"""Measured latency and energy on the device at hand."""
