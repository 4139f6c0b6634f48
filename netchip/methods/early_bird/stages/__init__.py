"""The stages of a run: search, draws, retraining, controls, and their comparison."""
