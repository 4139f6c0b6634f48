"""A generic accelerator, DRAM, buffer, array and registers, as a space: sizes, array template, loop orders, tiles by ratios."""
