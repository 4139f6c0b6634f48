"""What decides: a recurrent gate over the depth, one feed-forward gate a block, or the whole route at once."""
