"""What is computed: the shape, precision and weight storage of every layer of a network. Frozen values, no torch."""
