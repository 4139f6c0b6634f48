"""Search spaces as values: operators, layers, a space, one architecture of it and its network. No training."""
