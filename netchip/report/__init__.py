"""Draws self-contained HTML pages: of run folders (start at `page.py`), of what a network costs on chips (`cost_page.py`)."""
