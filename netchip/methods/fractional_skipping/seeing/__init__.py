"""Seeing what was decided: passes over data that note routes, statistics of them, figures and pictures."""
