"""Which blocks of a network are gated, what skipping one means, and a block that runs under an option."""
