"""All networks of a space in one: choices that learn, one path at a time, and what the mean network costs."""
