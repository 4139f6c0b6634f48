"""The version of netchip; pyproject.toml reads it from here."""

__version__ = "0.1.0"
