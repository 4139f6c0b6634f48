"""Weights as a small basis times sparse signed powers of two (arXiv 2005.03403): alphabet, blocks, factors, the iteration."""
