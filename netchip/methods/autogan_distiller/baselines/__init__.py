"""What a searched student has to beat: interpolation, random networks, a narrower teacher and a hand-made network of equal cost."""
