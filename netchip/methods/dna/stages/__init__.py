"""The stages of a run: training of the supernet, the search, training of what was found, the arms of a comparison."""
