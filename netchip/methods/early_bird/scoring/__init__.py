"""What of a network can be pruned, how much each channel matters, and the pull that makes channels small."""
