"""The stages of a run: dense training, factors in several ways, rounding beside them, the comparison and its figures."""
