"""Methods one after the other on one network. Start with `running.py`."""
