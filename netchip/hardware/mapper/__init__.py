"""Search for mappings: batches of legal candidates, the costs `evaluate` gives them, and the best of each trade-off."""
