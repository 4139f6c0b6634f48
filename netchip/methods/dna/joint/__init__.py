"""The joint search: what the cost weighs, the best network that fits, and both searches in step."""
