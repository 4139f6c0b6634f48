"""How counts arise: loops and unrolling become tiles, tiles become traffic, traffic becomes accesses and cycles."""
