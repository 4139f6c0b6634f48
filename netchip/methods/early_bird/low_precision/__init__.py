"""The arithmetic of a phase: bf16 autocast, and the paper's 8-bit block floating point, emulated."""
