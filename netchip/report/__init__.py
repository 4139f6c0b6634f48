"""Reads run folders, nothing else, and draws one self-contained HTML page of them. Start at `page.py`."""
