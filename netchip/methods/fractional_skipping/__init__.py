"""Fractional skipping: each input decides, block by block, to skip, to run at few bits, or to run in full."""
