"""How small a compressed network is said to be: three rules side by side, since the rule alone moves the ratio up to 3.5-fold."""
