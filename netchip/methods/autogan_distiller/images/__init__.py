"""Pictures of any size, with or without ground truth: read, split, cut into crops and batches that a restart repeats."""
