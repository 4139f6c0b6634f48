"""Factored networks on the five engines of netchip.hardware: their statistics counted, their figures made."""
