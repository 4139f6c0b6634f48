"""The released code of the DNA lineage as an oracle: its formulas, its network, its option lists, faults included."""
