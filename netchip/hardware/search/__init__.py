"""Searches for hardware designs: any engine on any problem, under one budget of predictor calls. Start with `searching.py`."""
