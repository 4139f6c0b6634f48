"""Files of other tools, in and out. Reads and writes; computes nothing."""
