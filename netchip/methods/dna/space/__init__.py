"""Networks to choose from: blocks, positions, presets, one network of a space, and its layers."""
