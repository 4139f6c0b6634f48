"""Runners that execute only what was decided, and what they take on this device."""
