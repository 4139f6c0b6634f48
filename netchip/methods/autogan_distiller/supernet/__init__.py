"""All networks of a space in one: superkernels that are sliced by width, and the supernet that draws from its choices."""
