"""What computes it: accelerators, energies, mappings, and `evaluate`, which prices them. No torch."""
