"""Figures as inline SVG, drawn without a plotting library: small, quick, and the same bytes for the same input."""
