"""Plain reference networks; they know no method."""
