"""What is computed: frozen values, no torch."""
