"""The `netchip` command: one file a verb; a verb imports what it needs when it is called. Start at `main.py`."""
