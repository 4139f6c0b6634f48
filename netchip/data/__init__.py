"""Real data: what to load (`spec`), the loaded splits (`images`, `loading`), batches in a fixed order, and photos."""
