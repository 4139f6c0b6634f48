"""From weights on disk, or a network, to a compressed file: what is packed, what stays, and how large each becomes."""
