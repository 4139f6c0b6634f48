"""A grid of settings, each trial a run folder of its own. Start with `sweeping.py`."""
