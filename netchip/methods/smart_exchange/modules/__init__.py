"""Networks that run from packed weights: rebuilt once when loaded, or in every forward pass from the packed codes alone."""
