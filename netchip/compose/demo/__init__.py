"""The main job on embedded data, method by method. Start with `parts.py`."""
