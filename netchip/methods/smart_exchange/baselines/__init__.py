"""What SmartExchange is compared with on the same weights: rounding to nearest on grids of few bits, and its real file."""
