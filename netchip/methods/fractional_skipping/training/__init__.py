"""Training a gated network under `fit`: all of it, its gate alone, or on routes that are given."""
