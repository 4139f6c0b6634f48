"""What a network of a space costs: counted, stored, measured or modelled; its mean over choices; the best one within a budget."""
