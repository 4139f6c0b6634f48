"""Runs side by side: which network of a run counts, seeds together, fronts of quality against cost, layers before and after."""
