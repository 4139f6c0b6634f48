"""Parts of a chunk, one a file, each with a simulation test of its own."""
