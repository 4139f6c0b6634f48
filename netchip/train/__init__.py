"""Training: one loop (`fit`), the phases it drives, and everything a run leaves on disk."""
